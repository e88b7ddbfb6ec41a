"""Puts a lock together from what the steps of `resolve` found. Pure: the same parts, the same lock.

Owns how sources of several boards become one table: the same path and digest is one source; the
same path with other bytes gets one key a digest.
"""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kutterlock.model.digest import Digest
from kutterlock.model.lock import (
    BoardPin,
    EnvironmentPin,
    ImagePin,
    InputPin,
    Lock,
    OverridePin,
    SourcePin,
)
from kutterlock.model.manifest import BoardRequest, Manifest
from kutterlock.model.trust import TRUST_LEVELS


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedBoard:
    """What Buildroot said of a board: its `.config`, its packages, its downloads."""

    request: BoardRequest
    config: Digest
    packages: Mapping[str, str]
    sources: Sequence[SourcePin]
    images: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything that a lock is made of."""

    manifest: Manifest
    as_of: datetime.date
    source_date_epoch: int
    inputs: Mapping[str, InputPin]
    buildroot: SourcePin
    overlays: Mapping[str, Digest]
    overrides: Mapping[str, OverridePin]
    boards: Sequence[EvaluatedBoard]
    images: Mapping[str, ImagePin]
    environment: EnvironmentPin


def assemble(parts: Parts) -> Lock:
    """Return the lock."""
    keyed = _keys([source for board in parts.boards for source in board.sources])
    sources = {pin.key: pin for pin in keyed.values()} | {parts.buildroot.key: parts.buildroot}
    return Lock(
        project=parts.manifest.name,
        project_version=parts.manifest.version,
        as_of=parts.as_of,
        source_date_epoch=parts.source_date_epoch,
        meaning=parts.manifest.meaning(),
        inputs=parts.inputs,
        overlays=parts.overlays,
        buildroot=parts.buildroot.key,
        overrides=parts.overrides,
        sources=sources,
        images=parts.images,
        boards={board.request.name: _board(board, keyed) for board in parts.boards},
        environment=parts.environment,
    )


def _board(board: EvaluatedBoard, keyed: Mapping[tuple[str, Digest], SourcePin]) -> BoardPin:
    return BoardPin(
        name=board.request.name,
        arch=board.request.arch,
        defconfig=board.request.defconfig,
        overlays=board.request.overlays,
        config=board.config,
        packages=board.packages,
        sources=tuple(sorted(keyed[pin.path, pin.digest].key for pin in board.sources)),
        images=tuple(sorted(board.images)),
        outputs=board.request.outputs,
        images_in=board.request.images_in,
    )


def _keys(pins: Iterable[SourcePin]) -> dict[tuple[str, Digest], SourcePin]:
    """Merge equal sources and give each its key in the lock."""
    merged: dict[tuple[str, Digest], SourcePin] = {}
    for pin in pins:
        known = merged.get((pin.path, pin.digest))
        merged[pin.path, pin.digest] = _merge(known, pin) if known else pin
    paths = [path for path, _ in merged]
    return {
        (path, digest): pin._replace(
            key=path if paths.count(path) == 1 else f"{path}#{digest.short}"
        )
        for (path, digest), pin in merged.items()
    }


def _merge(one: SourcePin, other: SourcePin) -> SourcePin:
    """Unite hints; the weaker word of two counts, for a lock may not claim more than it knows."""
    weaker = min(one.trust, other.trust, key=lambda trust: TRUST_LEVELS.index(trust.level))
    return one._replace(
        urls=tuple(dict.fromkeys([*one.urls, *other.urls])),
        packages=tuple(sorted({*one.packages, *other.packages})),
        trust=weaker,
    )
