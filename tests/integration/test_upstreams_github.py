"""Upstreams that release on GitHub."""

import datetime
from pathlib import Path

import pytest

from kutterlock.catalog.reader import Catalog, load_catalog
from kutterlock.catalog.updates import Findings
from kutterlock.errors import HashMismatchError, NetworkError, UntrustedError
from kutterlock.model.lock import Trust
from kutterlock.resolve.live import learn
from kutterlock.resolve.upstreams.protocol import Signatures
from tests.support.pgp import Signer
from tests.support.releases import (
    CLEARSIGNED,
    RELEASES,
    TODAY,
    digests,
    entry,
    github,
    heard,
    publish_containerd,
    publish_flannel,
    signed_by,
)
from tests.support.web import Web, sha256

pytestmark = pytest.mark.integration


class TestContainerd:
    def test_a_new_release(self, web: Web, catalog: Catalog, unsigned: Signatures) -> None:
        publish_containerd(web)
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
        publish_containerd(web)
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
        publish_containerd(web)
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
        publish_containerd(web)
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
        publish_containerd(web)
        url = f"{RELEASES}containerd-9.9.1-linux-arm64.tar.gz.sha256sum"
        web.put(url, f"{sha256(b'x')}  containerd-9.9.0-linux-arm64.tar.gz\n")
        with pytest.raises(NetworkError) as caught:
            heard(web, catalog, unsigned, "containerd")
        assert caught.value.reason == (
            f"{url} has no sha256 for containerd-9.9.1-linux-arm64.tar.gz"
        )

    def test_pages(self, web: Web, catalog: Catalog, unsigned: Signatures) -> None:
        publish_containerd(web)
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


class TestFlannel:
    def test_manifest_and_its_images(
        self, web: Web, catalog: Catalog, unsigned: Signatures, tmp_path: Path
    ) -> None:
        manifest = publish_flannel(web)
        release = heard(web, catalog, unsigned, "flannel")["9.9.1"]
        assert digests(release)["kube-flannel-9.9.1.yml"] == f"sha256:{sha256(manifest)}"
        learn(catalog, Findings(date=TODAY, releases=(release,)), tmp_path / "updates")
        again = load_catalog(updates=tmp_path / "updates").release("flannel", "9.9.1")
        assert again is not None
        assert again.images == (
            "ghcr.io/flannel-io/flannel-cni-plugin:v9.9.1-flannel1",
            "ghcr.io/flannel-io/flannel:v9.9.1",
        )
