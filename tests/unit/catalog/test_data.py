"""The shipped facts agree with themselves and with the version sets known to be coherent."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kutterlock.catalog.reader import SHIPPED, load_catalog, read_data
from kutterlock.catalog.types import ReleaseFile
from kutterlock.model.arch import RELEASE_ARCH
from kutterlock.model.digest import Digest
from kutterlock.model.manifest import INPUTS
from kutterlock.model.version import UpstreamVersion

SETS = json.loads((Path(__file__).parents[2] / "data" / "coherent-sets.json").read_text())["sets"]
HEX = re.compile(r"[0-9a-f]{64}")
NOT_ROLES = {"released", "facts", "from", "sizes", "images"}
NAMES = {"cni-plugins": "cni_plugins", "cri-tools": "crictl"}


def raw(name: str) -> Mapping[str, Any]:
    return read_data(SHIPPED / f"{name}.toml")


def hashes(entry: Mapping[str, Any], role: str, arches: list[str] | None) -> list[str]:
    return [entry[role]] if arches is None else [entry[role][arch] for arch in arches]


@pytest.mark.parametrize("name", INPUTS)
def test_every_file_of_every_release_has_a_hash_or_says_unknown(name: str) -> None:
    data = raw(name)
    for version, entry in data["releases"].items():
        for role, template in data["files"].items():
            for text in hashes(entry, role, template.get("arches")):
                assert text == "unknown" or HEX.fullmatch(text), f"{name} {version} {role}"
        assert entry.keys() - NOT_ROLES == data["files"].keys(), f"{name} {version}"


@pytest.mark.parametrize("name", INPUTS)
def test_every_known_hash_says_where_it_was_read(name: str) -> None:
    origins = {*raw("catalog")["origins"], "public file"}
    for version, entry in raw(name)["releases"].items():
        known = HEX.search(str([entry.get(role) for role in raw(name)["files"]]))
        assert entry["from"] or not known, f"{name} {version}"
        assert {text.partition("@")[0] for text in entry["from"]} <= origins, f"{name} {version}"


@pytest.mark.parametrize("name", INPUTS)
def test_releases_stand_newest_first(name: str) -> None:
    versions = [UpstreamVersion.parse(text) for text in raw(name)["releases"]]
    assert versions == sorted(versions, reverse=True)
    assert len(set(versions)) == len(versions)


@pytest.mark.parametrize("name", INPUTS)
def test_every_series_has_its_end_of_support_where_upstream_publishes_any(name: str) -> None:
    catalog = load_catalog()
    if "series" in raw(name):
        missing = {r.version.series for r in catalog.releases(name) if not catalog.support_of(r)}
        assert not missing


def test_no_two_files_share_a_name_with_different_hashes() -> None:
    catalog = load_catalog()
    found: dict[str, Digest | None] = {}
    for name in INPUTS:
        for release in catalog.releases(name):
            for file in release.files:
                assert found.setdefault(file.name, file.digest) == file.digest, file.name
                assert file.url.startswith("https://")
                assert "{" not in file.name + file.url


def test_every_image_that_a_release_asks_for_is_listed() -> None:
    catalog = load_catalog()
    for name in ("kubernetes", "flannel"):
        for release in catalog.releases(name):
            assert release.images, release
            for reference in release.images:
                assert catalog.image(reference), f"{release}: {reference}"


def test_image_digests_are_sha256_or_unknown() -> None:
    catalog = load_catalog()
    origins = {*raw("catalog")["origins"], "public file"}
    for reference, entry in raw("images")["images"].items():
        image = catalog.image(reference)
        assert image is not None
        assert entry["digest"] == "unknown" or entry["digest"].startswith("sha256:")
        assert (image.digest is None) == (entry["digest"] == "unknown")
        assert bool(entry.get("from")) == (image.digest is not None), reference
        assert set(entry.get("from", ())) <= origins


def test_a_release_of_buildroot_with_a_tag_archive_has_its_facts() -> None:
    for release in load_catalog().releases("buildroot"):
        tag = release.file("tag")
        assert tag is not None
        if tag.digest:
            assert {"commit", "epoch", "headers", "kernel", "go"} <= release.facts.keys(), release
            assert release.facts["epoch"].isdecimal()
            assert tag.size
        else:
            assert not release.facts


def test_rules_name_known_inputs_and_their_source() -> None:
    rules = load_catalog().rules
    assert len({rule.name for rule in rules}) == len(rules)
    for rule in rules:
        assert {rule.of, rule.on} <= set(INPUTS)
        assert rule.source.repository
        assert rule.source.path
        assert rule.demand


@pytest.mark.parametrize("expected", SETS, ids=[item["name"] for item in SETS])
def test_coherent_set_is_known_to_the_last_hash(expected: Mapping[str, Any]) -> None:
    catalog = load_catalog()
    buildroot = catalog.release("buildroot", expected["buildroot"]["version"])
    assert buildroot is not None
    assert_hash(buildroot.file("tag"), expected["buildroot"]["github_archive_sha256"])
    assert_hash(buildroot.file("release"), expected["buildroot"]["official"]["sha256"])
    assert buildroot.facts["commit"] == expected["buildroot"]["commit"]
    linux = catalog.release("linux", expected["linux"]["version"])
    assert linux is not None
    assert_hash(linux.file("source"), expected["linux"]["sha256"])
    support = catalog.support_of(linux)
    assert support is not None
    assert support.text == expected["linux"]["eol"]


@pytest.mark.parametrize("expected", SETS, ids=[item["name"] for item in SETS])
@pytest.mark.parametrize("arch", RELEASE_ARCH.values())
def test_coherent_set_has_its_binaries(expected: Mapping[str, Any], arch: str) -> None:
    catalog = load_catalog()
    for name in ("containerd", "runc", "cni-plugins", "cri-tools"):
        entry = expected[NAMES.get(name, name)]
        release = catalog.release(name, entry["version"])
        assert release is not None
        assert_hash(release.file("binary", arch), entry["sha256"][arch])
    kubernetes = catalog.release("kubernetes", expected["kubernetes"]["version"])
    assert kubernetes is not None
    for role, by_arch in expected["kubernetes"]["sha256"].items():
        assert_hash(kubernetes.file(role, arch), by_arch[arch])


@pytest.mark.parametrize("expected", SETS, ids=[item["name"] for item in SETS])
def test_coherent_set_has_its_images(expected: Mapping[str, Any]) -> None:
    catalog = load_catalog()
    images = catalog.images(expected["kubernetes"]["version"])
    assert sorted(f"{image.reference}@{image.digest}" for image in images) == sorted(
        expected["images"].values()
    )
    flannel = catalog.release("flannel", expected["flannel"]["version"])
    assert flannel is not None
    assert_hash(flannel.file("manifest"), expected["flannel"]["manifest_sha256"])
    found = {image.reference: str(image.digest) for image in catalog.images_of(flannel)}
    assert found == expected["flannel"]["images"]


def assert_hash(file: ReleaseFile | None, sha256: str) -> None:
    assert file is not None
    assert str(file.digest) == f"sha256:{sha256}"
