"""Documents of images, hostile ones above all."""

import json
from typing import Any

import pytest

from kutterlock.model.digest import Digest
from kutterlock.model.oci.image import (
    DOCKER_INDEX,
    DOCKER_MANIFEST,
    LARGEST_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    Index,
    Manifest,
    Platform,
    config_platform,
    parse_document,
)

SOME = str(Digest.of(b"some"))


def descriptor(media_type: str = "application/x", **more: object) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": SOME, "size": 4, **more}


def manifest(**more: object) -> dict[str, Any]:
    plain = {"schemaVersion": 2, "mediaType": OCI_MANIFEST}
    return {**plain, "config": descriptor(), "layers": [descriptor()], **more}


def index(*platforms: str, **more: object) -> dict[str, Any]:
    children = []
    for text in platforms:
        system, architecture, *variant = text.split("/")
        about = {"os": system, "architecture": architecture, "variant": "".join(variant)}
        children.append(descriptor(OCI_MANIFEST, platform=about))
    return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children, **more}


def data(value: object) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, DOCKER_MANIFEST])
def test_a_manifest_is_read(media_type: str) -> None:
    found = parse_document(data(manifest(mediaType=media_type)), media_type)
    assert isinstance(found, Manifest)
    assert found.media_type == media_type
    assert [blob.size for blob in found.blobs] == [4, 4]


@pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_INDEX])
def test_an_index_is_read(media_type: str) -> None:
    document = index("linux/amd64", "linux/arm64/v8", "unknown/unknown", mediaType=media_type)
    found = parse_document(data(document), f"{media_type}; charset=utf-8")
    assert isinstance(found, Index)
    assert found.platforms == ("linux/amd64", "linux/arm64/v8")


def test_oci_documents_may_leave_out_their_type() -> None:
    plain = index("linux/amd64")
    del plain["mediaType"]
    assert isinstance(parse_document(data(plain)), Index)
    assert isinstance(parse_document(data(plain), OCI_INDEX), Index)


def test_platforms_are_found_with_the_variant_that_everybody_means() -> None:
    found = parse_document(data(index("linux/arm/v7", "linux/arm64/v8", "linux/amd64")))
    assert isinstance(found, Index)
    chosen = found.for_platform(Platform.parse("linux/arm64"))
    assert chosen is not None
    assert str(chosen.platform) == "linux/arm64/v8"
    assert found.for_platform(Platform.parse("linux/arm")) is None
    assert found.for_platform(Platform.parse("linux/s390x")) is None


FAULTS: list[tuple[bytes, str, str]] = [
    (b"", "", "is not JSON (Expecting value at byte 0)"),
    (b"\xff{}", "", "is not UTF-8"),
    (b"[" * 100_000, "", "is nested too deeply"),
    (b"[]", "", "the document is not an object"),
    (b'{"schemaVersion": 2, "schemaVersion": 2}', "", "has a key twice in one object"),
    (b'{"schemaVersion": NaN}', "", "has NaN, which is not JSON"),
    (data({"schemaVersion": 1}), "", "has schemaVersion 1, not 2"),
    (data(manifest()), OCI_INDEX, f"says to be {OCI_MANIFEST}, and was announced as {OCI_INDEX}"),
    (data(manifest(manifests=[])), "", f"says to be {OCI_MANIFEST}, and has manifests"),
    (data(index(layers=[], config={})), "", f"says to be {OCI_INDEX}, and has config, layers"),
    (data(manifest(mediaType="text/plain")), "", "is of media type text/plain, which is no image"),
    (data({"schemaVersion": 2}), "", "is of media type none, which is no image"),
    (data(manifest(layers={})), "", "layers is not a list"),
    (data(manifest(config=None)), "", "config is not an object"),
    (
        data(manifest(layers=[descriptor()] * 1001)),
        "",
        "layers lists 1001 where at most 1000 are allowed",
    ),
    (data(manifest(layers=[descriptor(size=-1)])), "", "layers[0].size: -1 is not a size in bytes"),
    (
        data(manifest(layers=[descriptor(size=True)])),
        "",
        "layers[0].size: True is not a size in bytes",
    ),
    (
        data(manifest(layers=[descriptor(size=1 << 60)])),
        "",
        f"layers[0].size: {1 << 60} is not a size in bytes",
    ),
    (
        data(manifest(layers=[descriptor(digest="sha256:../../etc/passwd")])),
        "",
        "layers[0].digest: '../../etc/passwd' is not 64 lower-case hex digits",
    ),
    (
        data(index(manifests=[descriptor(OCI_MANIFEST, size=1 << 30)])),
        "",
        f"manifests[0].size: {1 << 30} bytes are too many for a manifest",
    ),
    (
        data(manifest(layers=[descriptor(annotations={"a": 1})])),
        "",
        "layers[0].annotations has a value that is not a string",
    ),
    (
        b" " * (LARGEST_MANIFEST + 1),
        "",
        f"has {LARGEST_MANIFEST + 1} bytes where at most {LARGEST_MANIFEST} are allowed",
    ),
]


@pytest.mark.parametrize(("document", "media_type", "reason"), FAULTS)
def test_what_is_wrong_is_refused(document: bytes, media_type: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 -- its whole text is compared
        parse_document(document, media_type)
    assert str(caught.value) == reason


def test_a_configuration_names_its_platform() -> None:
    assert config_platform(b'{"os": "linux", "architecture": "amd64"}').serves(
        Platform.parse("linux/amd64")
    )
    with pytest.raises(ValueError, match=r"^the configuration: os is not a string$"):
        config_platform(b"{}")
