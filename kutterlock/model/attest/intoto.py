"""SLSA provenance v1 as an in-toto statement: https://slsa.dev/spec/v1.0/provenance.

It says what an output was made from, where and how. Its times make it differ from run to run, so
it stays outside of what is reproducible.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from kutterlock.errors import UntrustedError
from kutterlock.model.digest import Digest
from kutterlock.model.encoding.strict_json import read_object
from kutterlock.model.lock import BoardPin, Lock
from kutterlock.model.output import FILES_NAME, MANIFEST_NAME, OutputManifest

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:kutterlock:build:1"
BUILDER = "urn:kutterlock:builder"
PROVENANCE_NAME = "provenance.intoto.json"
MOST_SUBJECTS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenanceFacts:
    """What provenance is written from: the output's documents, and the lock that it was made of.

    `record` is the run's `build.json`; `byproducts` maps names to the digests of other documents.
    """

    manifest: OutputManifest
    manifest_digest: Digest
    record: Mapping[str, Any]
    lock: Lock
    board: BoardPin
    byproducts: Mapping[str, Digest]
    version: str


def provenance(facts: ProvenanceFacts) -> bytes:
    """Return the statement's bytes."""
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": list(_subjects(facts)),
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": _external(facts),
                "internalParameters": _internal(facts),
                "resolvedDependencies": list(_dependencies(facts)),
            },
            "runDetails": _run(facts),
        },
    }
    return (json.dumps(statement, sort_keys=True, ensure_ascii=False) + "\n").encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What a provenance says, as far as verifying needs it."""

    subjects: Mapping[str, str]
    project: str
    lock: str
    board: str
    byproducts: Mapping[str, str]
    internal: Mapping[str, Any]


def read_provenance(data: bytes) -> Statement:
    """Read a statement of ours. Raises UntrustedError."""
    value = read_object(data, "the provenance", UntrustedError, 64 << 20)
    try:
        return _read(value)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UntrustedError(f"the provenance is not one of kutterlock's: {error}") from error


def _read(value: Mapping[str, Any]) -> Statement:
    if value["_type"] != STATEMENT_TYPE or value["predicateType"] != PREDICATE_TYPE:
        raise ValueError("its type is another")
    definition = value["predicate"]["buildDefinition"]
    if definition["buildType"] != BUILD_TYPE or len(value["subject"]) > MOST_SUBJECTS:
        raise ValueError("its build type is another")
    external = definition["externalParameters"]
    run = value["predicate"]["runDetails"]
    return Statement(
        subjects={
            _text(item["name"]): _text(item["digest"]["sha256"]) for item in value["subject"]
        },
        project=_text(external["project"]["name"]),
        lock=_text(external["lock"]),
        board=_text(external["board"]),
        byproducts={
            _text(item["name"]): _text(item["digest"]["sha256"])
            for item in run.get("byproducts", [])
        },
        internal=dict(definition["internalParameters"].items()),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a field is not text")
    return value


def _subjects(facts: ProvenanceFacts) -> Iterable[dict[str, Any]]:
    yield _named(MANIFEST_NAME, facts.manifest_digest)
    for file in sorted(facts.manifest.files):
        yield _named(f"{FILES_NAME}/{file.path}", file.digest)


def _external(facts: ProvenanceFacts) -> dict[str, Any]:
    lock, board = facts.lock, facts.board
    return {
        "board": board.name,
        "defconfig": board.defconfig,
        "lock": facts.manifest.lock,
        "overlays": {name: str(lock.overlays[name]) for name in board.overlays},
        "project": {"name": lock.project, "version": lock.project_version},
    }


def _internal(facts: ProvenanceFacts) -> dict[str, Any]:
    record = facts.record
    return {
        "SOURCE_DATE_EPOCH": str(facts.lock.source_date_epoch),
        "derivation": facts.manifest.derivation,
        "environment": facts.lock.environment.kind,
        "host": record.get("host", {}),
        "lockSigners": record.get("lock-signers", []),
        "network": "none",
        "pure": facts.manifest.pure,
        "reproduced": record.get("reproduced"),
        "sandbox": record.get("sandbox", "unknown"),
        "unsigned": bool(record.get("unsigned", True)),
    }


def _dependencies(facts: ProvenanceFacts) -> Iterable[dict[str, Any]]:
    lock, board = facts.lock, facts.board
    yield _dependency("kutter.lock", "urn:kutterlock:lock", facts.manifest.lock)
    for pin in lock.sources_of(board):
        uri = pin.urls[0] if pin.urls else f"pkg:generic/{quote(str(pin.path), safe='')}"
        yield _dependency(str(pin.path), uri, pin.digest)
    for name in board.overlays:
        yield _dependency(f"overlays/{name}", f"urn:kutterlock:tree:{name}", lock.overlays[name])
    for name, pin_ in sorted(lock.overrides.items()):
        for path, digest in pin_.patches:
            yield _dependency(str(path), f"urn:kutterlock:patch:{name}", digest)
    for name in board.images:
        yield _dependency(name, f"oci://{name}", lock.images[name].digest)
    for package in lock.environment.packages:
        uri = (
            f"pkg:deb/debian/{package.name}@{quote(package.version, safe='')}"
            f"?arch={lock.environment.architecture}&distro={lock.environment.suite}"
        )
        yield _dependency(str(package.path).rpartition("/")[2], uri, package.digest)


def _run(facts: ProvenanceFacts) -> dict[str, Any]:
    started = _zulu(str(facts.record.get("started", "")))
    finished = _zulu(str(facts.record.get("finished", "")))
    return {
        "builder": {"id": BUILDER, "version": {"kutterlock": facts.version}},
        "metadata": {
            "invocationId": f"{facts.manifest.derivation}@{started}",
            "startedOn": started,
            "finishedOn": finished,
        },
        "byproducts": [_named(name, digest) for name, digest in sorted(facts.byproducts.items())],
    }


def _zulu(text: str) -> str:
    return text.replace("+00:00", "Z")


def _named(name: str, digest: Digest) -> dict[str, Any]:
    return {"name": name, "digest": {digest.algorithm: digest.hex}}


def _dependency(name: str, uri: str, digest: Digest) -> dict[str, Any]:
    return {"name": name, "uri": uri, "digest": {digest.algorithm: digest.hex}}
