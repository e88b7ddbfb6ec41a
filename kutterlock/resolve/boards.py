"""Evaluates every board of a manifest, side by side, in the pinned build environment."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kutterlock.adapters.archives.unpack import unpacked_tree
from kutterlock.adapters.disk.staging import staging
from kutterlock.build import recipe
from kutterlock.build.environment import PreparedEnvironment, prepare_environment
from kutterlock.build.inputs import Overlays, copy_overlays
from kutterlock.build.workshop import Workshop
from kutterlock.catalog.types import Release
from kutterlock.model.digest import Digest
from kutterlock.model.lock import EnvironmentPin, OverridePin, SourcePin
from kutterlock.model.manifest import BoardRequest, Manifest
from kutterlock.resolve.assemble import EvaluatedBoard
from kutterlock.resolve.closure import BoardClosure, Pins, evaluate_boards
from kutterlock.resolve.evaluation import Bench, Question

AT_ONCE = 2
"""Boards evaluated side by side: each keeps about one CPU busy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardsRequest:
    """What was pinned before Buildroot is asked."""

    manifest: Manifest
    releases: Mapping[str, Release]
    buildroot: SourcePin
    overrides: Mapping[str, OverridePin]
    environment: EnvironmentPin
    source_date_epoch: int
    images: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedBoards:
    """Every board's closure, and the digests of the overlays that were read for them."""

    boards: tuple[EvaluatedBoard, ...]
    overlays: Mapping[str, Digest]


def evaluate_all(request: BoardsRequest, workshop: Workshop) -> EvaluatedBoards:
    """Evaluate the manifest's boards. Raises what `resolve.closure` raises."""
    progress = workshop.progress
    with _overlays(request.manifest, workshop) as overlays:
        environment = _environment(request, workshop)
        progress.start("evaluating", total=len(request.manifest.boards), unit="boards")
        items = [
            (_question(board, request, environment, overlays), _pins(board, request))
            for board in request.manifest.boards.values()
        ]
        bench = _bench(request, workshop, environment)
        closures = evaluate_boards(items, bench, workers=AT_ONCE)
        digests = dict(overlays.digests)
    progress.done(f"Buildroot told the closure of {', '.join(request.manifest.boards)}")
    boards = zip(request.manifest.boards.values(), closures, strict=True)
    return EvaluatedBoards(
        boards=tuple(_evaluated(board, closure, request) for board, closure in boards),
        overlays=digests,
    )


@contextmanager
def _overlays(manifest: Manifest, workshop: Workshop) -> Iterator[Overlays]:
    with staging(workshop.cache) as directory:
        yield copy_overlays(workshop.project, manifest.overlays, directory)


def _environment(request: BoardsRequest, workshop: Workshop) -> PreparedEnvironment:
    return prepare_environment(
        request.environment, workshop.store, workshop.cache, workshop.progress,
        search_path=workshop.search_path,
    )  # fmt: skip


def _question(
    board: BoardRequest, request: BoardsRequest, environment: PreparedEnvironment,
    overlays: Overlays,
) -> Question:  # fmt: skip
    name = str(environment.digest or json.dumps(dict(environment.facts), sort_keys=True))
    return Question(
        board=board.name,
        defconfig=board.defconfig,
        overlays=overlays.only(board.overlays),
        versions=_versions(board, request),
        buildroot=request.buildroot.digest,
        environment=name,
        kind=environment.kind,
        epoch=request.source_date_epoch,
    )


def _versions(board: BoardRequest, request: BoardsRequest) -> recipe.Versions:
    return recipe.Versions(
        arch=board.arch,
        inputs={name: release.version.text for name, release in request.releases.items()},
        overrides=request.overrides,
    )


def _pins(board: BoardRequest, request: BoardsRequest) -> Pins:
    return Pins(
        versions=_versions(board, request),
        packages=request.manifest.packages,
        release_files={name: release.files for name, release in request.releases.items()},
    )


def _bench(request: BoardsRequest, workshop: Workshop, environment: PreparedEnvironment) -> Bench:
    @cache
    def tree() -> Path:
        pin = request.buildroot
        archive = workshop.store.path(pin.digest)
        return unpacked_tree(archive, pin.digest, workshop.cache, name=pin.key)

    return Bench(
        project=workshop.project,
        cache=workshop.cache,
        tree=tree,
        root=lambda: environment.root,
        sandbox=workshop.sandbox(),
    )


def _evaluated(
    board: BoardRequest, closure: BoardClosure, request: BoardsRequest
) -> EvaluatedBoard:
    return EvaluatedBoard(
        request=board,
        config=closure.config,
        packages=closure.packages,
        sources=closure.sources,
        images=request.images if board.images else (),
    )
