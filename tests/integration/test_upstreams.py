"""Upstreams with sites of their own: the kernel, Kubernetes, Buildroot."""

import datetime
import json
from pathlib import Path

import pytest

from kutterlock.adapters.http.client import NOT_THE_FILE
from kutterlock.catalog.reader import Catalog
from kutterlock.catalog.updates import Findings
from kutterlock.errors import HashMismatchError, NetworkError
from kutterlock.resolve.live import learn
from kutterlock.resolve.upstreams.protocol import Signatures
from tests.support.pgp import Signer
from tests.support.releases import (
    CLEARSIGNED,
    TODAY,
    digests,
    heard,
    signed_by,
)
from tests.support.web import Web, sha256

pytestmark = pytest.mark.integration


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
        assert caught.value.reason == f"{self.SUMS} is not exactly one whole clearsigned message"
        assert caught.value.hint == NOT_THE_FILE

    def test_bytes_that_are_no_text(self, web: Web, catalog: Catalog, unsigned: Signatures) -> None:
        self.publish(web)
        web.put(self.SUMS, b"ab\xffcd")
        with pytest.raises(NetworkError) as caught:
            heard(web, catalog, unsigned, "linux")
        assert caught.value.reason == f"{self.SUMS} is not text (byte 0xff at offset 2)"
        assert caught.value.hint == NOT_THE_FILE


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
