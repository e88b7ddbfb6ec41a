"""The lock, `kutter.lock`: what is pinned.

Owns its shape. The tables that it is written as are in `kutterlock.model.lock_format`, TOML in
`kutterlock.adapters.tomlfile`, staleness in `kutterlock.resolve.staleness`. Why pins are
named tuples: docs/adr/records-that-commands-wait-for.md.
"""

import datetime
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from kutterlock.errors import LockError
from kutterlock.model.digest import Digest
from kutterlock.model.paths import RelativePath

LOCK_VERSION = 1
RECIPE_VERSION = 1
"""How kutterlock drives a build. A lock made for another recipe would give other bytes."""

IMAGES_IN = ("disk",)
"""Where a board's images go unless its manifest says otherwise."""

NO_ENTRIES: Mapping[str, Any] = MappingProxyType({})


class Trust(NamedTuple):
    """How a pin's hash came to be believed: a level of `TRUST_LEVELS`, and by whose word."""

    level: str
    by: str = ""


class Refusal(NamedTuple):
    """A newer candidate that was not taken, and the rule that refused it."""

    version: str
    rule: str
    reason: str


class InputPin(NamedTuple):
    """One versioned component: why this version, and what it was weighed against."""

    name: str
    version: str
    constraint: str
    refused: tuple[Refusal, ...] = ()
    facts: Mapping[str, str] = NO_ENTRIES


class SourcePin(NamedTuple):
    """One downloadable file.

    `key` is its name in the lock: `path`, with `#<digest>` appended where two boards need
    different bytes under one path. `path` is below Buildroot's download directory. `packages`
    are the raw names of the Buildroot packages that fetch it: each gets a generated hash file.
    """

    key: str
    path: RelativePath
    digest: Digest
    urls: tuple[str, ...]
    trust: Trust
    packages: tuple[str, ...] = ()


class OverridePin(NamedTuple):
    """`[packages.NAME]` as locked: what the generated makefile overrides, and local patches.

    `patches` are paths in the project with their digests, in the order of application.
    """

    name: str
    version: str = ""
    url: str = ""
    patches: tuple[tuple[RelativePath, Digest], ...] = ()


class ImagePin(NamedTuple):
    """One container image: its reference, the digest of its index, and the platforms wanted."""

    reference: str
    digest: Digest
    platforms: tuple[str, ...]
    needed_by: str
    trust: Trust


class DebianPackagePin(NamedTuple):
    """One .deb of the build environment; `path` is below its archive's URL."""

    name: str
    version: str
    archive: str
    path: RelativePath
    digest: Digest


class EnvironmentPin(NamedTuple):
    """The build environment: `debian` (pinned packages) or `host` (impure, unportable).

    `archives` maps an archive's name to its snapshot URL, which ends in `/`.
    """

    kind: str
    architecture: str
    suite: str = ""
    snapshot: str = ""
    archives: Mapping[str, str] = NO_ENTRIES
    packages: tuple[DebianPackagePin, ...] = ()
    toolchains: tuple[str, ...] = ()

    @property
    def is_pure(self) -> bool:
        """Whether everything in it is pinned by digest."""
        return self.kind != "host"

    def url(self, package: DebianPackagePin) -> str:
        """Return the snapshot URL of a package."""
        return self.archives[package.archive] + package.path


class BoardPin(NamedTuple):
    """One board: what its configuration came to, and the keys of what it needs.

    `images_in` says where the archive of its images goes: `disk` (the build finds it as it is),
    `partition` (the build finds a volume), `iso` (the volume is in the output).
    """

    name: str
    arch: str
    defconfig: str
    overlays: tuple[str, ...]
    config: Digest
    packages: Mapping[str, str]
    sources: tuple[str, ...]
    images: tuple[str, ...]
    outputs: tuple[str, ...]
    images_in: tuple[str, ...] = IMAGES_IN


class Lock(NamedTuple):
    """Everything that goes into every board, by digest."""

    project: str
    project_version: str
    as_of: datetime.date
    source_date_epoch: int
    meaning: Mapping[str, str]
    inputs: Mapping[str, InputPin]
    overlays: Mapping[str, Digest]
    buildroot: str
    overrides: Mapping[str, OverridePin]
    sources: Mapping[str, SourcePin]
    images: Mapping[str, ImagePin]
    boards: Mapping[str, BoardPin]
    environment: EnvironmentPin
    version: int = LOCK_VERSION
    recipe: int = RECIPE_VERSION

    def board(self, name: str) -> BoardPin:
        """Return a board. Raises LockError naming those that the lock covers."""
        if name not in self.boards:
            raise LockError(
                f"kutter.lock does not cover board {name!r}",
                details=[f"it covers {', '.join(sorted(self.boards)) or 'none'}"],
                hint="add [boards.NAME] to kutter.toml and run `kutterlock resolve`",
            )
        return self.boards[name]

    def sources_of(self, board: BoardPin) -> tuple[SourcePin, ...]:
        """Return the board's downloads and the Buildroot tree, in lock order."""
        return tuple(self.sources[key] for key in sorted({self.buildroot, *board.sources}))

    def blobs(self, boards: Iterable[str] | None = None) -> dict[Digest, tuple[str, ...]]:
        """Map every source and .deb that `boards` (default all) need to its URLs."""
        names = sorted(self.boards) if boards is None else list(boards)
        found: dict[Digest, tuple[str, ...]] = {}
        for name in names:
            for source in self.sources_of(self.board(name)):
                found.setdefault(source.digest, source.urls)
        for package in self.environment.packages:
            found.setdefault(package.digest, (self.environment.url(package),))
        return found
