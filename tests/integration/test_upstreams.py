"""Upstream modules against answers in the forms that upstreams give, written by hand."""

import datetime
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kutterlock.adapters.gpg import Gpg, Keyring
from kutterlock.adapters.http import Http
from kutterlock.catalog.reader import Catalog, load_catalog
from kutterlock.catalog.types import Release
from kutterlock.catalog.updates import Findings
from kutterlock.cli.main import main
from kutterlock.errors import HashMismatchError, NetworkError, UntrustedError, UsageError
from kutterlock.model.lock import Trust
from kutterlock.model.progress import Silence
from kutterlock.model.settings import Settings
from kutterlock.resolve.live import all_upstreams, ask, learn, signatures_of, unanswered
from kutterlock.resolve.upstreams.protocol import Signatures
from tests.support.fault_server import FaultServer
from tests.support.pgp import Signer, make_signer
from tests.support.web import Web, sha256

pytestmark = pytest.mark.integration

TODAY = datetime.date(2026, 11, 22)
CLEARSIGNED = """\
-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA256

{text}-----BEGIN PGP SIGNATURE-----

iQEz
-----END PGP SIGNATURE-----
"""


@pytest.fixture
def web() -> Iterator[Web]:
    with FaultServer() as server:
        pages = Web(server)
        for product in ("containerd", "kubernetes", "linux"):
            url = f"https://endoflife.date/api/v1/products/{product}/"
            pages.put(url, '{"result": {"releases": []}}')
        yield pages


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return load_catalog(updates=tmp_path / "updates")


@pytest.fixture
def unsigned() -> Signatures:
    return Signatures(gpg=Gpg(os.environ["PATH"]), keyrings={})


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return make_signer(tmp_path_factory.mktemp("gpg") / "home")


def signed_by(signer: Signer, tmp_path: Path, name: str) -> Signatures:
    path = tmp_path / "keys"
    path.write_bytes(signer.keys(armor=False))
    keyring = Keyring(path=path, fingerprints=frozenset({signer.fingerprint}))
    return Signatures(gpg=Gpg(os.environ["PATH"]), keyrings={name: keyring})


def heard(web: Web, catalog: Catalog, signatures: Signatures, name: str) -> dict[str, Release]:
    upstreams = [item for item in all_upstreams(signatures) if item.name == name]
    with Http(web.options) as http:
        answer = ask(catalog, upstreams, http, Silence())
    if answer.failures:
        raise answer.failures[name]
    return {release.version.text: release for release in answer.releases}


def digests(release: Release) -> dict[str, str]:
    return {file.name: str(file.digest) for file in release.files if file.digest}


def github(web: Web, repository: str, *entries: dict[str, object]) -> None:
    url = f"https://api.github.com/repos/{repository}/releases?per_page=100"
    web.put(url, json.dumps(entries))


def entry(tag: str, assets: dict[str, bytes] | None = None, **more: object) -> dict[str, object]:
    listed = [
        {"name": name, "digest": f"sha256:{sha256(data)}"} for name, data in (assets or {}).items()
    ]
    return {"tag_name": tag, "published_at": "2026-11-01T10:00:00Z", "assets": listed, **more}


RELEASES = "https://github.com/containerd/containerd/releases/download/v9.9.1/"


class TestContainerd:
    def publish(self, web: Web) -> None:
        amd64, arm64 = "containerd-9.9.1-linux-amd64.tar.gz", "containerd-9.9.1-linux-arm64.tar.gz"
        github(
            web,
            "containerd/containerd",
            entry("v9.9.1", {amd64: b"amd64"}),
            entry("v10.0.0-rc.1", prerelease=True),
            entry("v9.9.2", draft=True),
            entry("api/v9.9.3"),
            entry("v0.1.0"),
        )
        web.put(f"{RELEASES}{amd64}.sha256sum", f"{sha256(b'amd64')}  {amd64}\n")
        web.put(f"{RELEASES}{arm64}.sha256sum", f"{sha256(b'arm64')}  {arm64}\n")
        web.put("https://github.com/containerd/containerd/archive/refs/tags/v9.9.1.tar.gz", b"src")
        raw = "https://raw.githubusercontent.com/containerd/containerd/v9.9.1/"
        web.put(raw + "script/setup/runc-version", "v1.6.2\n")
        web.put(raw + "go.mod", "module github.com/containerd/containerd/v2\n\ngo 1.27.1\n")
        config = '\tDefaultSandboxImage = "registry.k8s.io/pause:3.11"\n'
        web.put(raw + "internal/cri/config/config.go", config)

    def test_a_new_release(self, web: Web, catalog: Catalog, unsigned: Signatures) -> None:
        self.publish(web)
        found = heard(web, catalog, unsigned, "containerd")
        assert list(found) == ["9.9.1"]
        release = found["9.9.1"]
        assert release.released == datetime.date(2026, 11, 1)
        assert release.facts == {"runc": "1.6.2", "go": "1.27.1", "sandbox": "3.11"}
        assert digests(release) == {
            "containerd-9.9.1-linux-amd64.tar.gz": f"sha256:{sha256(b'amd64')}",
            "containerd-9.9.1-linux-arm64.tar.gz": f"sha256:{sha256(b'arm64')}",
            "containerd-9.9.1.tar.gz": f"sha256:{sha256(b'src')}",
        }
        source = release.file("source")
        assert source is not None
        assert source.trust == Trust(level="first-use", by=source.url)

    def test_written_and_read_again(
        self, web: Web, catalog: Catalog, unsigned: Signatures, tmp_path: Path
    ) -> None:
        self.publish(web)
        found = heard(web, catalog, unsigned, "containerd")
        updates = tmp_path / "updates"
        learn(catalog, Findings(date=TODAY, releases=tuple(found.values())), updates)
        again = load_catalog(updates=updates)
        assert again.date == TODAY
        release = again.release("containerd", "9.9.1")
        assert release is not None
        assert digests(release) == digests(found["9.9.1"])
        assert release.facts == found["9.9.1"].facts
        before = {path.name: path.read_bytes() for path in updates.iterdir()}
        learn(again, Findings(date=TODAY, releases=tuple(found.values())), updates)
        assert {path.name: path.read_bytes() for path in updates.iterdir()} == before

    def test_api_and_checksum_file_disagree(
        self, web: Web, catalog: Catalog, unsigned: Signatures
    ) -> None:
        self.publish(web)
        name = "containerd-9.9.1-linux-amd64.tar.gz"
        web.put(f"{RELEASES}{name}.sha256sum", f"{sha256(b'evil')}  {name}\n")
        with pytest.raises(HashMismatchError) as caught:
            heard(web, catalog, unsigned, "containerd")
        assert caught.value.reason == (f"upstream claims two hashes for {name} of containerd 9.9.1")
        assert caught.value.details == (
            f"sha256:{sha256(b'amd64')} (asset digest of api.github.com)",
            f"sha256:{sha256(b'evil')} ({RELEASES}{name}.sha256sum)",
        )

    def test_catalog_and_api_disagree(
        self, web: Web, catalog: Catalog, unsigned: Signatures, tmp_path: Path
    ) -> None:
        known = catalog.release("containerd", "2.3.1")
        assert known is not None
        name = "containerd-2.3.1-linux-amd64.tar.gz"
        self.publish(web)
        github(web, "containerd/containerd", entry("v9.9.1"), entry("v2.3.1", {name: b"evil"}))
        found = heard(web, catalog, unsigned, "containerd")
        with pytest.raises(HashMismatchError) as caught:
            learn(catalog, Findings(date=TODAY, releases=tuple(found.values())), tmp_path / "u")
        assert caught.value.reason == "two hashes are claimed for containerd 2.3.1 binary amd64"
        catalogs, updates = caught.value.details
        assert catalogs.startswith(f"catalog: {known.files[0].digest} (")
        assert updates == (
            f"update:  sha256:{sha256(b'evil')} (checksum: asset digest of api.github.com)"
        )
        assert not (tmp_path / "u").exists()

    def test_checksum_file_of_another_file(
        self, web: Web, catalog: Catalog, unsigned: Signatures
    ) -> None:
        self.publish(web)
        url = f"{RELEASES}containerd-9.9.1-linux-arm64.tar.gz.sha256sum"
        web.put(url, f"{sha256(b'x')}  containerd-9.9.0-linux-arm64.tar.gz\n")
        with pytest.raises(NetworkError) as caught:
            heard(web, catalog, unsigned, "containerd")
        assert caught.value.reason == (
            f"{url} has no sha256 for containerd-9.9.1-linux-arm64.tar.gz"
        )

    def test_pages(self, web: Web, catalog: Catalog, unsigned: Signatures) -> None:
        self.publish(web)
        base = "https://api.github.com/repos/containerd/containerd/releases?per_page=100"
        first = web.pages[base]
        second = "https://api.github.com/repositories/1/releases?per_page=100&page=2"
        web.put(base, "[]", {"Link": f'<{second}>; rel="next"'})
        web.put(second, first, {"Link": '<https://evil.example/x>; rel="next"'})
        assert list(heard(web, catalog, unsigned, "containerd")) == ["9.9.1"]
        assert not [url for url in web.asked() if "evil" in url]


class TestShapesOfChecksumFiles:
    def test_cni_plugins(self, web: Web, catalog: Catalog, unsigned: Signatures) -> None:
        github(web, "containernetworking/plugins", entry("v9.9.1"))
        base = "https://github.com/containernetworking/plugins/"
        for arch in ("amd64", "arm64"):
            name = f"cni-plugins-linux-{arch}-v9.9.1.tgz"
            url = f"{base}releases/download/v9.9.1/{name}.sha256"
            web.put(url, f"{sha256(arch.encode())}  {name}\n")
        web.put(f"{base}archive/refs/tags/v9.9.1.tar.gz", b"src")
        release = heard(web, catalog, unsigned, "cni-plugins")["9.9.1"]
        assert digests(release)["cni-plugins-linux-arm64-v9.9.1.tgz"] == (
            f"sha256:{sha256(b'arm64')}"
        )

    def test_cri_tools(self, web: Web, catalog: Catalog, unsigned: Signatures) -> None:
        github(web, "kubernetes-sigs/cri-tools", entry("v9.9.1"))
        base = "https://github.com/kubernetes-sigs/cri-tools/"
        for arch in ("amd64", "arm64"):
            name = f"crictl-v9.9.1-linux-{arch}.tar.gz"
            web.put(f"{base}releases/download/v9.9.1/{name}.sha256", sha256(arch.encode()) + "\n")
        web.put(f"{base}archive/refs/tags/v9.9.1.tar.gz", b"src")
        release = heard(web, catalog, unsigned, "cri-tools")["9.9.1"]
        assert len(digests(release)) == 3

    def test_cri_dockerd(self, web: Web, catalog: Catalog, unsigned: Signatures) -> None:
        """It publishes no checksum files: what counts is what the API has of each asset."""
        assets = {f"cri-dockerd-9.9.1.{arch}.tgz": arch.encode() for arch in ("amd64", "arm64")}
        github(web, "Mirantis/cri-dockerd", entry("v9.9.1", assets), entry("v9.9.0"))
        found = heard(web, catalog, unsigned, "cri-dockerd")
        assert digests(found["9.9.1"]) == {
            name: f"sha256:{sha256(data)}" for name, data in assets.items()
        }
        assert not digests(found["9.9.0"])


class TestRunc:
    URL = "https://github.com/opencontainers/runc/releases/download/v9.9.1/runc.sha256sum"

    def text(self) -> str:
        return "".join(
            f"{sha256(name.encode())}  runc.{name}\n" for name in ("amd64", "arm64", "riscv64")
        )

    def publish(self, web: Web) -> None:
        github(web, "opencontainers/runc", entry("v9.9.1", {"runc.amd64": b"amd64"}))
        web.put("https://github.com/opencontainers/runc/archive/refs/tags/v9.9.1.tar.gz", b"src")

    def test_unchecked_signature_is_a_checksum(
        self, web: Web, catalog: Catalog, unsigned: Signatures
    ) -> None:
        self.publish(web)
        web.put(self.URL, CLEARSIGNED.format(text=self.text()))
        release = heard(web, catalog, unsigned, "runc")["9.9.1"]
        file = release.file("binary", "amd64")
        assert file is not None
        assert file.trust == Trust(
            level="checksum",
            by=f"{self.URL}, signature not checked: no keyring named for runc",
        )

    def test_checked_signature(
        self, web: Web, catalog: Catalog, signer: Signer, tmp_path: Path
    ) -> None:
        self.publish(web)
        web.put(self.URL, signer.clearsign(self.text().encode()))
        release = heard(web, catalog, signed_by(signer, tmp_path, "runc"), "runc")["9.9.1"]
        file = release.file("binary", "arm64")
        assert file is not None
        assert str(file.digest) == f"sha256:{sha256(b'arm64')}"
        assert file.trust == Trust(level="pgp", by=f"{self.URL} signed by {signer.fingerprint}")

    def test_wrong_signature_stops(
        self, web: Web, catalog: Catalog, signer: Signer, tmp_path: Path
    ) -> None:
        self.publish(web)
        text = signer.clearsign(self.text().encode()).replace(b"riscv64", b"risc-64")
        web.put(self.URL, text)
        with pytest.raises(UntrustedError) as caught:
            heard(web, catalog, signed_by(signer, tmp_path, "runc"), "runc")
        assert caught.value.reason == (f"{self.URL}: the signature is wrong: the text was changed")


class TestKernel:
    SUMS = "https://www.kernel.org/pub/linux/kernel/v6.x/sha256sums.asc"

    def publish(self, web: Web) -> str:
        listed = [
            ("longterm", "6.12.999", {"isodate": "2026-11-20"}),
            ("mainline", "7.9-rc1", {"isodate": "2026-11-20"}),
            ("linux-next", "next-20261120", None),
        ]
        releases = [
            {"moniker": moniker, "version": version, "released": released, "source": None}
            for moniker, version, released in listed
        ]
        web.put(
            "https://www.kernel.org/releases.json",
            json.dumps({"latest_stable": {"version": "6.12.999"}, "releases": releases}),
        )
        names = ["linux-6.12.999.tar.xz", "linux-6.12.998.tar.xz", "linux-6.12.999.tar.gz"]
        others = ["linux-6.13.99.tar.xz", "patch-6.12.999.xz", "ChangeLog-6.12.999"]
        return "".join(f"{sha256(name.encode())}  {name}\n" for name in [*names, *others])

    def test_signed_list(self, web: Web, catalog: Catalog, signer: Signer, tmp_path: Path) -> None:
        web.put(self.SUMS, signer.clearsign(self.publish(web).encode()))
        found = heard(web, catalog, signed_by(signer, tmp_path, "kernel"), "linux")
        assert list(found) == ["6.12.999", "6.12.998"]
        release = found["6.12.999"]
        assert release.released == datetime.date(2026, 11, 20)
        assert digests(release) == {
            "linux-6.12.999.tar.xz": f"sha256:{sha256(b'linux-6.12.999.tar.xz')}"
        }
        assert release.files[0].trust.level == "pgp"

    def test_a_known_tarball_that_changed(
        self, web: Web, catalog: Catalog, unsigned: Signatures, tmp_path: Path
    ) -> None:
        text = self.publish(web) + f"{sha256(b'evil')}  linux-6.12.104.tar.xz\n"
        web.put(self.SUMS, CLEARSIGNED.format(text=text))
        found = heard(web, catalog, unsigned, "linux")
        with pytest.raises(HashMismatchError) as caught:
            learn(catalog, Findings(date=TODAY, releases=tuple(found.values())), tmp_path / "u")
        assert caught.value.reason == "two hashes are claimed for linux 6.12.104 source"

    def test_not_a_list(self, web: Web, catalog: Catalog, unsigned: Signatures) -> None:
        self.publish(web)
        web.put(self.SUMS, "<html>Please wait</html>")
        with pytest.raises(NetworkError) as caught:
            heard(web, catalog, unsigned, "linux")
        assert caught.value.reason == (
            f"{self.SUMS} there is not exactly one whole clearsigned message"
        )


class TestKubernetes:
    def test_patches_up_to_the_marker(
        self, web: Web, catalog: Catalog, unsigned: Signatures
    ) -> None:
        base = "https://dl.k8s.io/release/"
        web.put(f"{base}stable.txt", "v1.99.1")
        web.put(f"{base}stable-1.99.txt", "v1.99.1")
        names = [f"bin/linux/{a}/{n}" for a in ("amd64", "arm64") for n in ("kubeadm", "kubelet")]
        sums = "\n".join(f"{sha256(name.encode())}  {name}" for name in names)
        web.put(f"{base}v1.99.1/SHA256SUMS", sums)
        found = heard(web, catalog, unsigned, "kubernetes")
        assert list(found) == ["1.99.1"]
        assert digests(found["1.99.1"]) == {
            f"{name}-v1.99.1-linux-{arch}": (
                f"sha256:{sha256(f'bin/linux/{arch}/{name}'.encode())}"
            )
            for arch in ("amd64", "arm64")
            for name in ("kubeadm", "kubelet")
        }
        assert "dl.k8s.io/release/v1.99.0/SHA256SUMS" in web.asked()
        assert [image.digest for image in catalog.images_of(found["1.99.1"])] == [None] * 7

    def test_a_marker_that_is_none(self, web: Web, catalog: Catalog, unsigned: Signatures) -> None:
        web.put("https://dl.k8s.io/release/stable.txt", "<html>")
        with pytest.raises(NetworkError) as caught:
            heard(web, catalog, unsigned, "kubernetes")
        assert caught.value.reason == "https://dl.k8s.io/release/stable.txt names no version"


class TestBuildroot:
    def publish(self, web: Web) -> None:
        web.put(
            "https://buildroot.org/downloads/",
            '<a href="buildroot-2099.02.1.tar.xz">x</a>'
            '<a href="buildroot-2099.02.1.tar.xz.sign">x</a>'
            '<a href="buildroot-2099.02-rc1.tar.xz.sign">x</a>'
            '<a href="buildroot-2009.02.tar.xz.sign">x</a>',
        )
        web.put("https://github.com/buildroot/buildroot/archive/refs/tags/2099.02.1.tar.gz", b"tag")
        raw = "https://raw.githubusercontent.com/buildroot/buildroot/2099.02.1/"
        web.put(
            raw + "Makefile", "export BR2_VERSION := 2099.02.1\nBR2_VERSION_EPOCH = 4080000000\n"
        )
        custom = "config BR2_PACKAGE_HOST_LINUX_HEADERS_CUSTOM_{}\n"
        web.put(
            raw + "package/linux-headers/Config.in.host",
            "".join(custom.format(text) for text in ("9_9", "9_10", "8_12")),
        )
        web.put(raw + "package/go/go.mk", "GO_VERSION = 1.99.3\n")
        web.put(
            "https://api.github.com/repos/buildroot/buildroot/commits/2099.02.1",
            json.dumps({"sha": "c" * 40}),
        )
        web.put("https://buildroot.org/downloads/buildroot-2099.02.1.tar.xz.sign", self.sign())

    def sign(self) -> str:
        name = "buildroot-2099.02.1.tar.xz"
        text = f"{name} released\n\nSHA1: {'1' * 40}  {name}\nSHA256: {sha256(b'rel')}  {name}\n"
        return CLEARSIGNED.format(text=text)

    def test_release_tarball_tag_archive_and_facts(
        self, web: Web, catalog: Catalog, unsigned: Signatures
    ) -> None:
        self.publish(web)
        found = heard(web, catalog, unsigned, "buildroot")
        assert list(found) == ["2099.02.1"]
        release = found["2099.02.1"]
        assert digests(release) == {
            "buildroot-2099.02.1.tar.gz": f"sha256:{sha256(b'tag')}",
            "buildroot-2099.02.1.tar.xz": f"sha256:{sha256(b'rel')}",
        }
        assert release.facts == {
            "epoch": "4080000000",
            "headers": "9.10",
            "go": "1.99.3",
            "commit": "c" * 40,
        }
        assert {file.role: file.trust.level for file in release.files} == {
            "tag": "first-use",
            "release": "checksum",
        }


class TestFlannel:
    def test_manifest_and_its_images(
        self, web: Web, catalog: Catalog, unsigned: Signatures, tmp_path: Path
    ) -> None:
        github(web, "flannel-io/flannel", entry("v9.9.1"))
        manifest = web.put(
            "https://raw.githubusercontent.com/flannel-io/flannel/v9.9.1/Documentation/"
            "kube-flannel.yml",
            "      - image: ghcr.io/flannel-io/flannel:v9.9.1\n"
            '        image: "ghcr.io/flannel-io/flannel-cni-plugin:v9.9.1-flannel1"\n'
            "        image: ghcr.io/flannel-io/flannel:v9.9.1\n",
        )
        web.put("https://github.com/flannel-io/flannel/archive/refs/tags/v9.9.1.tar.gz", b"src")
        release = heard(web, catalog, unsigned, "flannel")["9.9.1"]
        assert digests(release)["kube-flannel-9.9.1.yml"] == f"sha256:{sha256(manifest)}"
        learn(catalog, Findings(date=TODAY, releases=(release,)), tmp_path / "updates")
        again = load_catalog(updates=tmp_path / "updates").release("flannel", "9.9.1")
        assert again is not None
        assert again.images == (
            "ghcr.io/flannel-io/flannel-cni-plugin:v9.9.1-flannel1",
            "ghcr.io/flannel-io/flannel:v9.9.1",
        )


class TestAll:
    def test_support_dates(self, web: Web, catalog: Catalog, unsigned: Signatures) -> None:
        TestContainerd().publish(web)
        releases = [
            {"name": "2.3", "isLts": True, "eolFrom": "2029-01-31"},
            {"name": "9.9", "isLts": False, "eolFrom": "2030-01-31"},
            {"name": "2.2", "isLts": False, "eolFrom": None},
            {"name": "1.0", "isLts": False, "eolFrom": "2018-12-05"},
        ]
        web.put(
            "https://endoflife.date/api/v1/products/containerd/",
            json.dumps({"schema_version": "1.2.1", "result": {"releases": releases}}),
        )
        upstreams = [item for item in all_upstreams(unsigned) if item.name == "containerd"]
        with Http(web.options) as http:
            answer = ask(catalog, upstreams, http, Silence())
        assert not answer.failures
        assert [(n.series, n.end, n.long_term) for n in answer.support] == [
            ("2.3", "2029-01-31", True),
            ("9.9", "2030-01-31", False),
        ]

    def test_one_that_does_not_answer_keeps_nobody_from_being_heard(
        self, web: Web, catalog: Catalog, unsigned: Signatures, tmp_path: Path
    ) -> None:
        TestFlannel().test_manifest_and_its_images(web, catalog, unsigned, tmp_path)
        with Http(web.options) as http:
            answer = ask(catalog, all_upstreams(unsigned), http, Silence())
        assert [str(release) for release in answer.releases] == ["flannel 9.9.1"]
        assert sorted(answer.failures) == [
            "buildroot", "cni-plugins", "containerd", "cri-dockerd", "cri-tools", "kubernetes",
            "linux", "runc",
        ]  # fmt: skip
        error = unanswered({"runc": answer.failures["runc"]})
        assert error.reason == "some upstreams did not answer; what the others said was kept"
        assert error.details[0] == (
            "runc: https://api.github.com/repos/opencontainers/runc/releases?... could not be"
            " fetched"
        )

    def test_a_keyring_needs_fingerprints(self, tmp_path: Path) -> None:
        settings = Settings(keyrings={"runc": tmp_path / "keys"})
        with pytest.raises(UsageError) as caught:
            signatures_of(settings, "")
        assert caught.value.reason == "keyring runc is named, but no fingerprint of a key in it"
        assert caught.value.hint == "put the fingerprints that count under [fingerprints] runc"


class TestCommand:
    """`kutterlock catalog update`."""

    @pytest.fixture(autouse=True)
    def _place(self, web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        config = tmp_path / "config.toml"
        config.write_text("[network]\nallowed-hosts = ['localhost']\n")
        for name, value in {
            "KUTTER_CONFIG": str(config),
            "KUTTER_MIRROR": web.server.url,
            "KUTTER_CACHE": str(tmp_path / "cache"),
        }.items():
            monkeypatch.setenv(name, value)

    def test_what_is_new(self, web: Web, capsys: pytest.CaptureFixture[str]) -> None:
        TestContainerd().publish(web)
        assert main(["catalog", "update", "containerd"]) == 0
        assert capsys.readouterr().out == (
            "upstreams asked: 1, new releases: 1; nothing contradicts the catalog\n"
            " containerd  9.9.1  2026-11-01\n"
        )
        assert main(["catalog", "show", "containerd", "9.9.1"]) == 0
        assert "containerd 9.9.1, released 2026-11-01" in capsys.readouterr().out

    def test_a_contradiction_writes_nothing(
        self, web: Web, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        TestContainerd().publish(web)
        name = "containerd-2.3.1-linux-amd64.tar.gz"
        github(web, "containerd/containerd", entry("v9.9.1"), entry("v2.3.1", {name: b"evil"}))
        assert main(["catalog", "update", "containerd"]) == 5
        assert (
            capsys.readouterr()
            .err.splitlines()[-4]
            .endswith("error: two hashes are claimed for containerd 2.3.1 binary amd64")
        )
        assert not (tmp_path / "cache" / "catalog").exists()

    def test_nobody_answers(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["catalog", "update", "runc"]) == 8
        assert "error: some upstreams did not answer; what the others said was kept" in (
            capsys.readouterr().err
        )

    def test_no_such_upstream(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["catalog", "update", "systemd"]) == 2
        assert capsys.readouterr().err == (
            "error: there is no upstream 'systemd'\n"
            "hint: there are buildroot, linux, kubernetes, containerd, runc, cni-plugins, "
            "cri-tools, flannel, cri-dockerd\n"
        )
