"""Indexes and manifests of container images, read strictly: they come from strangers.

Formats: OCI image specification 1.1 (`image-index.md`, `manifest.md`, `descriptor.md`) and Docker
image manifest version 2, schema 2. Version 1 is refused. Pure: bytes in, a value out, or a
ValueError with a reason fit for an error message.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NoReturn

from kutterlock.model.digest import Digest

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEX_TYPES = frozenset({OCI_INDEX, DOCKER_INDEX})
MANIFEST_TYPES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
ACCEPT = f"{OCI_INDEX}, {DOCKER_INDEX}, {OCI_MANIFEST}, {DOCKER_MANIFEST}"
"""What to ask a registry for: `*/*` gets an index refused by some."""

LARGEST_MANIFEST = 4 << 20
"""No registry takes a larger one (distribution specification), in bytes."""

LARGEST_CONFIG = 8 << 20
MOST_DESCRIPTORS = 1000
"""Bound of what one document may list. Real indexes have up to 40 entries, manifests 127 layers."""

LARGEST_BLOB = 64 << 30
DEEPEST_INDEX = 3
"""How deep indexes may list indexes: real ones do it once at most."""

NO_ANNOTATIONS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Platform:
    """An operating system, an architecture as Go spells it, and its variant (`v8`), or ''."""

    os: str
    architecture: str
    variant: str = ""

    @classmethod
    def parse(cls, text: str) -> "Platform":
        """Read `linux/arm64` or `linux/arm/v7`. Raises ValueError."""
        parts = text.split("/")
        if len(parts) not in (2, 3) or not all(parts):
            raise ValueError(f"platform {text!r} is not of the form linux/amd64")
        return cls(os=parts[0], architecture=parts[1], variant="".join(parts[2:]))

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)

    def serves(self, wanted: "Platform") -> bool:
        """Whether an image for this platform runs where `wanted` is asked for."""
        same = (self.os, self.architecture) == (wanted.os, wanted.architecture)
        return same and _variant(self) == _variant(wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """A blob as another document names it; `size` in bytes, checked against what arrives."""

    media_type: str
    digest: Digest
    size: int
    platform: Platform | None = None
    annotations: Mapping[str, str] = field(default_factory=lambda: NO_ANNOTATIONS)

    @property
    def is_index(self) -> bool:
        """Whether it says to be an index."""
        return self.media_type in INDEX_TYPES

    @property
    def is_attestation(self) -> bool:
        """Whether it is what BuildKit adds beside an image: no platform runs it."""
        return self.platform is not None and self.platform.os == "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """An image for several platforms."""

    media_type: str
    manifests: tuple[Descriptor, ...]

    def for_platform(self, wanted: Platform) -> Descriptor | None:
        """Return the first image that serves a platform, None where there is none."""
        for child in self.manifests:
            if child.platform and not child.is_index and child.platform.serves(wanted):
                return child
        return None

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms that it has images for, in its order."""
        named = [m.platform for m in self.manifests if m.platform and not m.is_attestation]
        return tuple(dict.fromkeys(map(str, named)))

    @property
    def nested(self) -> tuple[Descriptor, ...]:
        """The indexes that it lists."""
        return tuple(child for child in self.manifests if child.is_index)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """An image for one platform, or an artifact that has the form of one."""

    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """What a registry has as blobs: the configuration, then the layers."""
        return (self.config, *self.layers)


def parse_document(data: bytes, media_type: str = "") -> Index | Manifest:
    """Read an index or a manifest; `media_type` is what its descriptor or the server said.

    A document that can be read as both, or that contradicts what was said of it, is refused: two
    readers would see two images in the same bytes (CVE-2021-41190). Raises ValueError.
    """
    if len(data) > LARGEST_MANIFEST:
        raise ValueError(f"has {len(data)} bytes where at most {LARGEST_MANIFEST} are allowed")
    document = _object(_json(data), "the document")
    if document.get("schemaVersion") != 2:
        raise ValueError(f"has schemaVersion {document.get('schemaVersion')!r}, not 2")
    stated = _text(document, "mediaType", "")
    kind = stated or _essence(media_type) or _guess(document)
    if (
        stated
        and _essence(media_type) in INDEX_TYPES | MANIFEST_TYPES
        and stated != _essence(media_type)
    ):
        raise ValueError(f"says to be {stated}, and was announced as {_essence(media_type)}")
    if kind in INDEX_TYPES:
        _refuse(document, ("config", "layers", "fsLayers"), kind)
        return Index(media_type=kind, manifests=tuple(_descriptors(document, "manifests")))
    if kind in MANIFEST_TYPES:
        _refuse(document, ("manifests", "fsLayers"), kind)
        config = read_descriptor(document.get("config"), "config")
        return Manifest(
            media_type=kind, config=config, layers=tuple(_descriptors(document, "layers"))
        )
    raise ValueError(f"is of media type {kind or 'none'}, which is no image")


def read_descriptor(value: object, where: str) -> Descriptor:
    """Read a descriptor. Raises ValueError naming `where` it stands."""
    table = _object(value, where)
    size = table.get("size")
    if type(size) is not int or not 0 <= size <= LARGEST_BLOB:
        raise ValueError(f"{where}.size: {size!r} is not a size in bytes")
    try:
        digest = Digest.parse(_text(table, "digest"))
    except ValueError as error:
        raise ValueError(f"{where}.digest: {error}") from error
    media_type = _text(table, "mediaType")
    if media_type in INDEX_TYPES | MANIFEST_TYPES and size > LARGEST_MANIFEST:
        raise ValueError(f"{where}.size: {size} bytes are too many for a manifest")
    return Descriptor(
        media_type=media_type,
        digest=digest,
        size=size,
        platform=_platform(table.get("platform"), where),
        annotations=_annotations(table.get("annotations"), where),
    )


def config_platform(data: bytes) -> Platform:
    """Return the platform that an image's configuration names. Raises ValueError."""
    if len(data) > LARGEST_CONFIG:
        raise ValueError(f"has {len(data)} bytes where at most {LARGEST_CONFIG} are allowed")
    return _read_platform(_object(_json(data), "the configuration"), "the configuration")


def canonical_json(value: Mapping[str, Any] | Sequence[Any]) -> bytes:
    """Write a document of our own: sorted, compact, so that the same value has one digest."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _variant(platform: Platform) -> str:
    plain = (platform.architecture, platform.variant) == ("arm64", "v8")
    return "" if plain else platform.variant


def _json(data: bytes) -> Any:  # noqa: ANN401
    try:
        return json.loads(data.decode(), object_pairs_hook=_unique, parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError("is nested too deeply") from error
    except UnicodeDecodeError as error:
        raise ValueError("is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON ({error.msg} at byte {error.pos})") from error


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("has a key twice in one object")
    return found


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"has {text}, which is not JSON")


def _object(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{where} is not an object")  # noqa: TRY004 -- of the document, not ours
    return value


def _text(table: Mapping[str, Any], key: str, default: str | None = None) -> str:
    value = table.get(key, default)
    if not isinstance(value, str):
        raise ValueError(f"{key} is not a string")  # noqa: TRY004 -- of the document, not ours
    return value


def _descriptors(document: Mapping[str, Any], key: str) -> Iterator[Descriptor]:
    values = document.get(key)
    if not isinstance(values, list):
        raise ValueError(f"{key} is not a list")  # noqa: TRY004 -- of the document, not ours
    if len(values) > MOST_DESCRIPTORS:
        raise ValueError(f"{key} lists {len(values)} where at most {MOST_DESCRIPTORS} are allowed")
    for number, value in enumerate(values):
        yield read_descriptor(value, f"{key}[{number}]")


def _platform(value: object, where: str) -> Platform | None:
    return None if value is None else _read_platform(_object(value, f"{where}.platform"), where)


def _read_platform(table: Mapping[str, Any], where: str) -> Platform:
    try:
        return Platform(
            os=_text(table, "os"),
            architecture=_text(table, "architecture"),
            variant=_text(table, "variant", ""),
        )
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def _annotations(value: object, where: str) -> Mapping[str, str]:
    if value is None:
        return NO_ANNOTATIONS
    table = _object(value, f"{where}.annotations")
    if not all(isinstance(text, str) for text in table.values()):
        raise ValueError(f"{where}.annotations has a value that is not a string")
    return table


def _essence(media_type: str) -> str:
    return media_type.partition(";")[0].strip().lower()


def _guess(document: Mapping[str, Any]) -> str:
    """Both OCI documents may leave `mediaType` out; the keys then tell."""
    if "manifests" in document:
        return OCI_INDEX
    return OCI_MANIFEST if "config" in document else ""


def _refuse(document: Mapping[str, Any], keys: Sequence[str], kind: str) -> None:
    if found := [key for key in keys if key in document]:
        raise ValueError(f"says to be {kind}, and has {', '.join(found)}")
