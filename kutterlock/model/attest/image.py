"""What is attested of an image that the lock pins: two in-toto statements, and their reader.

kutterlock builds no image: it copies what a digest names. The provenance (SLSA v1, with a build
type of its own) says from where, by which lock, who signed that, and what the digest stands for;
the bill (CycloneDX 1.6) lists the parts, and that what is in them is not known. No clock: the same
lock and image give the same bytes.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kutterlock.errors import UntrustedError
from kutterlock.model.attest.intoto import BUILDER, PREDICATE_TYPE, STATEMENT_TYPE
from kutterlock.model.digest import Digest
from kutterlock.model.encoding.strict_json import read_object
from kutterlock.model.lock import ImagePin
from kutterlock.model.oci.image import INDEX_TYPES, MANIFEST_TYPES, Descriptor, Index, Manifest
from kutterlock.model.sbom.bill import image_purl

IMAGE_BUILD_TYPE = "urn:kutterlock:image:1"
BILL_TYPE = "https://cyclonedx.org/bom"
STATEMENT_TYPES = frozenset({STATEMENT_TYPE, "https://in-toto.io/Statement/v0.1"})
LARGEST_STATEMENT = 4 << 20
MOST_SUBJECTS = 1000
_HASHES = {"sha256": "SHA-256", "sha512": "SHA-512"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LockFacts:
    """The lock that pins the image, and who signed it."""

    project: str
    project_version: str
    digest: Digest
    signers: tuple[str, ...] = ()
    release: int = 0
    version: str = ""
    """Of kutterlock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """An index or manifest under the `name` that it is known by, and the pin that led to it."""

    name: str
    digest: Digest
    document: Index | Manifest
    pin: ImagePin
    lock: LockFacts

    @property
    def below(self) -> tuple[Descriptor, ...]:
        """What the digest stands for: an index's manifests, a manifest's blobs, each once."""
        document = self.document
        found = document.manifests if isinstance(document, Index) else document.blobs
        return tuple({item.digest: item for item in found}.values())


def image_statements(facts: ImageFacts) -> tuple[tuple[bytes, str], ...]:
    """Return every statement about an image, each with its predicate type."""
    made = ((PREDICATE_TYPE, _provenance(facts)), (BILL_TYPE, _bill(facts)))
    return tuple((_statement(facts, kind, predicate), kind) for kind, predicate in made)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageStatement:
    """What a statement says, as far as verifying needs it.

    `subjects` pairs names (empty: none) with digests; `lock` and `origin` are those of a
    provenance of ours, `components` counts those of a bill; else empty and 0.
    """

    predicate_type: str
    subjects: tuple[tuple[str, Digest], ...]
    lock: str = ""
    origin: str = ""
    components: int = 0


def read_image_statement(data: bytes) -> ImageStatement:
    """Read an in-toto statement about images, whoever made it. Raises UntrustedError."""
    value = read_object(data, "the statement", UntrustedError, LARGEST_STATEMENT)
    try:
        return _read(value)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UntrustedError(f"not a statement about an image: {error!r}") from error


def _read(value: Mapping[str, Any]) -> ImageStatement:
    if value["_type"] not in STATEMENT_TYPES:
        raise ValueError("its type is another")
    if not isinstance(value["subject"], list) or len(value["subject"]) > MOST_SUBJECTS:
        raise ValueError("its subjects are not a short list")
    kind, predicate = _text(value["predicateType"]), value.get("predicate")
    lock = origin = ""
    if kind == PREDICATE_TYPE and isinstance(predicate, dict):
        lock, origin = _copied(predicate)
    components = predicate.get("components") if isinstance(predicate, dict) else None
    return ImageStatement(
        predicate_type=kind,
        subjects=tuple(pair for item in value["subject"] for pair in _subjects(item)),
        lock=lock,
        origin=origin,
        components=len(components) if kind == BILL_TYPE and isinstance(components, list) else 0,
    )


def _subjects(item: Mapping[str, Any]) -> Iterator[tuple[str, Digest]]:
    name = _text(item.get("name", ""))
    for algorithm, digits in item["digest"].items():
        if algorithm in _HASHES:
            yield name, Digest.parse(f"{algorithm}:{_text(digits)}")


def _copied(predicate: Mapping[str, Any]) -> tuple[str, str]:
    definition = predicate["buildDefinition"]
    if definition.get("buildType") != IMAGE_BUILD_TYPE:
        return "", ""
    external = definition["externalParameters"]
    return _text(external["lock"]), _text(external["image"])


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a field is not text")
    return value


def _statement(facts: ImageFacts, kind: str, predicate: Mapping[str, Any]) -> bytes:
    value = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": facts.name, "digest": _digest(facts.digest)}],
        "predicateType": kind,
        "predicate": predicate,
    }
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _provenance(facts: ImageFacts) -> dict[str, Any]:
    pin, lock = facts.pin, facts.lock
    return {
        "buildDefinition": {
            "buildType": IMAGE_BUILD_TYPE,
            "externalParameters": {
                "image": pin.reference,
                "lock": lock.digest,
                "project": {"name": lock.project, "version": lock.project_version},
            },
            "internalParameters": {
                "lockSigners": list(lock.signers),
                "neededBy": pin.needed_by,
                "pinned": pin.digest,
                "platforms": list(pin.platforms),
                "release": lock.release,
                "trust": pin.trust.level,
            },
            "resolvedDependencies": list(_dependencies(facts)),
        },
        "runDetails": {"builder": {"id": BUILDER, "version": {"kutterlock": lock.version}}},
    }


def _dependencies(facts: ImageFacts) -> Iterator[dict[str, Any]]:
    origin = facts.pin.reference.partition("@")[0]
    yield _dependency("kutter.lock", "urn:kutterlock:lock", facts.lock.digest)
    yield _dependency(origin, image_purl(facts.pin.reference, facts.pin.digest), facts.pin.digest)
    for number, item in enumerate(facts.below):
        yield {
            **_dependency(_part(item, number), f"oci://{origin}@{item.digest}", item.digest),
            "mediaType": item.media_type,
        }


def _dependency(name: str, uri: str, digest: Digest) -> dict[str, Any]:
    return {"name": name, "uri": uri, "digest": _digest(digest)}


def _bill(facts: ImageFacts) -> dict[str, Any]:
    parts = [_component(item, number) for number, item in enumerate(facts.below)]
    tool = {"type": "application", "name": "kutterlock", "version": facts.lock.version}
    image = {
        "type": "container",
        "bom-ref": facts.digest,
        "name": facts.pin.reference.partition("@")[0],
        "version": facts.digest,
        "purl": image_purl(facts.pin.reference, facts.digest),
        "hashes": [_hash(facts.digest)],
    }
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": image,
            "tools": {"components": [tool]},
            "properties": [{"name": "kutterlock:lock", "value": facts.lock.digest}],
        },
        "components": parts,
        "compositions": [{"aggregate": "incomplete", "assemblies": [facts.digest]}],
        "dependencies": [{"ref": facts.digest, "dependsOn": [part["bom-ref"] for part in parts]}],
    }


def _component(item: Descriptor, number: int) -> dict[str, Any]:
    facts = {"mediaType": item.media_type, "size": str(item.size)}
    return {
        "type": "container" if _is_document(item) else "file",
        "bom-ref": item.digest,
        "name": _part(item, number),
        "version": item.digest,
        "hashes": [_hash(item.digest)],
        "properties": [{"name": f"kutterlock:{key}", "value": facts[key]} for key in facts],
    }


def _is_document(item: Descriptor) -> bool:
    return item.media_type in MANIFEST_TYPES | INDEX_TYPES


def _part(item: Descriptor, number: int) -> str:
    if _is_document(item):
        return f"manifest {item.platform or number + 1}"
    return f"layer {number}" if number else "config"


def _hash(digest: Digest) -> dict[str, str]:
    return {"alg": _HASHES[digest.algorithm], "content": digest.hex}


def _digest(digest: Digest) -> dict[str, str]:
    return {digest.algorithm: digest.hex}
