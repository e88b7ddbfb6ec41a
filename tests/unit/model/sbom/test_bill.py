"""The bill of materials: what stands in it, in both forms."""

import json

from kutterlock.model.sbom.cyclonedx import cyclonedx
from kutterlock.model.sbom.licences import spdx_id, split_licences
from kutterlock.model.sbom.spdx import spdx
from tests.support import attesting

LICENCES = attesting.LICENCES


def test_licences_are_split_at_commas_that_stand_outside_of_notes() -> None:
    text = "GPL-2.0+ (programs, tools), LGPL-2.1, bzip2-1.0.4, GPL-2.0+"
    assert split_licences(text) == ("GPL-2.0+", "LGPL-2.1", "bzip2-1.0.4")
    assert split_licences("") == ()


def test_older_names_of_the_gnu_licences_become_todays() -> None:
    assert spdx_id("GPL-2.0+", LICENCES) == "GPL-2.0-or-later"
    assert spdx_id("LGPL-2.1", LICENCES) == "LGPL-2.1-only"
    assert spdx_id("MIT", LICENCES) == "MIT"
    assert spdx_id("Freeware", LICENCES) is None


def test_every_package_and_image_is_an_item_with_its_facts() -> None:
    items = {item.ref: item for item in attesting.bill().items}
    assert sorted(items) == [
        "image/registry.k8s.io/pause:3.10.2",
        "package/hello",
        "package/host-tool",
        "package/toolchain-external-bootlin",
    ]
    hello = items["package/hello"]
    assert [source.digest for source in hello.sources] == [
        attesting.LOCK.sources["hello/hello-1.0.tar.gz"].digest
    ]
    patches = [(patch.path, bool(patch.digest)) for patch in hello.patches]
    assert patches == [("patches/a b.patch", True), ("package/hello/0001-a fix.patch", False)]
    assert hello.dependencies == ("package/host-tool",)
    assert hello.purl == (
        "pkg:generic/hello@1.0?download_url=https%3A%2F%2Fexample.org%2Fhello%2Fhello-1.0.tar.gz"
    )
    image = items["image/registry.k8s.io/pause:3.10.2"]
    assert image.purl == (
        f"pkg:oci/pause@sha256%3A{image.digest.hex if image.digest else ''}"
        "?repository_url=registry.k8s.io%2Fpause&tag=3.10.2"
    )
    assert items["package/toolchain-external-bootlin"].prebuilt


def test_both_forms_are_the_same_bytes_for_the_same_lock() -> None:
    assert cyclonedx(attesting.bill()) == cyclonedx(attesting.bill())
    assert spdx(attesting.bill()) == spdx(attesting.bill())


def test_cyclonedx_has_licence_cpe_source_and_patches() -> None:
    document = json.loads(cyclonedx(attesting.bill()))
    hello = next(item for item in document["components"] if item["name"] == "hello")
    assert [item["license"] for item in hello["licenses"]] == [
        {"id": "GPL-2.0-or-later"},
        {"id": "LGPL-2.1-only"},
        {"name": "bzip2-1.0.4"},
        {"name": "Freeware"},
    ]
    assert hello["cpe"] == "cpe:2.3:a:gnu:hello:1.0:*:*:*:*:*:*:*"
    assert hello["externalReferences"][0]["hashes"][0]["alg"] == "SHA-256"
    assert [patch["diff"]["url"] for patch in hello["pedigree"]["patches"]] == [
        "patches/a%20b.patch",
        "package/hello/0001-a%20fix.patch",
    ]
    assert "timestamp" not in document["metadata"]
    assert "serialNumber" not in document
