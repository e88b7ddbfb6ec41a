"""Reading volumes through: every byte against the manifest, nothing written, no store needed."""

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from kutterlock.bundle.staging import check_digests, pinned_otherwise
from kutterlock.bundle.volume import Head, Volume
from kutterlock.errors import (
    HashMismatchError,
    UsageError,
    VolumeMissingError,
    WrongVolumeError,
)
from kutterlock.model.bundle.manifest import Bundle, BundleBlob, Piece
from kutterlock.model.encoding.text import counted
from kutterlock.model.progress import Progress

LARGEST_PAPER = 64 << 20
OnChunk = Callable[[memoryview], object]


class Reader:
    """Reads the volumes of one bundle, in order, and remembers what was wrong.

    `papers` has what the bundle is judged by: files of the project, by path.
    """

    def __init__(self, bundle: Bundle, progress: Progress) -> None:
        """Index what members are."""
        self.bundle = bundle
        self.papers: dict[str, bytes] = {}
        self.faults: list[str] = []
        self._progress = progress
        self._joined: dict[str, tuple[int, list[hashlib._Hash]]] = {}
        self._blobs = {blob.sha256: blob for blob in (*bundle.blobs, *bundle.tools)}
        self._papers = {f.member for f in bundle.files if f.is_paper and f.kind != "link"}

    def read(self, volume: Volume, on_piece: Callable[[Piece], OnChunk] | None = None) -> None:
        """Read a volume through. `on_piece` is told of each member, and gets its bytes."""
        try:
            for piece in volume.pieces:
                volume.begin(piece)
                try:
                    self._take(volume, piece, on_piece(piece) if on_piece else None)
                except HashMismatchError as error:
                    if error.hint:  # the volume itself is damaged: nothing after this can be found
                        raise
                    self.faults.append(f"{volume.path}: {error.reason}")
            volume.end()
        except HashMismatchError as error:
            self.faults += [error.reason, *error.details]

    def finish(self) -> None:
        """Raise HashMismatchError with everything that was wrong."""
        if self.faults:
            raise HashMismatchError(
                f"the bundle is damaged: {counted(len(self.faults), 'fault')}",
                details=self.faults,
                hint="bring these volumes once more from where the bundle was made",
            )

    def _take(self, volume: Volume, piece: Piece, on_chunk: OnChunk | None) -> None:
        blob = self._blob(piece)
        pinned = pinned_otherwise(blob) if blob and not piece.number else None
        state, other = hashlib.sha256(), hashlib.new(pinned.algorithm) if pinned else None
        paper = self._paper(piece)
        joined = self._join(piece, blob) if piece.number and blob else []
        sinks: list[OnChunk] = [state.update, *(item.update for item in joined)]
        sinks += [sink for sink in (other.update if other else None, on_chunk) if sink]
        sinks += [paper.extend] if paper is not None else []
        for chunk in volume.content(piece):
            for sink in sinks:
                sink(chunk)
            self._progress.advance(len(chunk), piece.name)
        check_digests(piece, pinned, state.hexdigest(), other)
        if paper is not None:
            self.papers[piece.name.removeprefix("project/")] = bytes(paper)
        if joined and blob and piece.number == len(self.bundle.splits[blob.sha256]):
            whole = piece._replace(name=f"blobs/{blob.sha256}", sha256=blob.sha256)
            check_digests(whole, pinned_otherwise(blob), joined[0].hexdigest(), joined[-1])

    def _join(self, piece: Piece, blob: BundleBlob) -> list["hashlib._Hash"]:
        """Return the states of a whole that was cut, if every part before this one was read."""
        if piece.number == 1:
            names = dict.fromkeys(("sha256", blob.digest.algorithm))
            self._joined[piece.whole] = (0, [hashlib.new(name) for name in names])
        count, states = self._joined.get(piece.whole, (-1, []))
        if count != piece.number - 1:
            return []
        self._joined[piece.whole] = (piece.number, states)
        return states

    def _blob(self, piece: Piece) -> BundleBlob | None:
        return None if piece.name.startswith("project/") else self._blobs[piece.whole]

    def _paper(self, piece: Piece) -> bytearray | None:
        wanted = piece.name in self._papers and piece.size <= LARGEST_PAPER
        return bytearray() if wanted else None


def open_volumes(paths: Sequence[Path], stack: contextlib.ExitStack) -> dict[int, Volume]:
    """Read the heads of all volumes, by number. Raises WrongVolumeError."""
    volumes = [stack.enter_context(Volume(path)) for path in paths]
    ids = {volume.head.id for volume in volumes}
    if len(ids) > 1:
        raise WrongVolumeError(
            "these are volumes of different bundles",
            details=[f"{volume.path}: {describe(volume.head)}" for volume in volumes],
            hint="name the volumes of one bundle",
        )
    return dict(sorted({volume.head.label.number: volume for volume in volumes}.items()))


def describe(head: Head) -> str:
    """Say which volume of which bundle this is."""
    bundle = head.bundle
    number = f"volume {head.label.number} of {len(bundle.volumes)}"
    return f"{number} of {bundle.project} {bundle.version}, {head.id}"


def open_each(paths: Sequence[Path], stack: contextlib.ExitStack) -> dict[int, Volume]:
    """Read the heads of all volumes, and refuse one that is named twice. Raises UsageError."""
    volumes = open_volumes(paths, stack)
    opened = {volume.path for volume in volumes.values()}
    if len(volumes) < len(paths):
        raise UsageError(
            "some volumes are named twice",
            details=[str(path) for path in paths if path not in opened],
            hint="name each volume once",
        )
    return volumes


def merged_head(volumes: Mapping[int, Volume]) -> Head:
    """Return the head of the first volume, with the signatures that any of them carries."""
    first = next(iter(volumes.values())).head
    extra = {name: data for volume in volumes.values() for name, data in volume.head.extra.items()}
    return first._replace(extra={**extra, **first.extra})


def missing_volumes(bundle: Bundle, numbers: Sequence[int]) -> VolumeMissingError | None:
    """Return the error for volumes that were not named, with what is in them."""
    lost = [number for number in range(1, len(bundle.volumes) + 1) if number not in numbers]
    if not lost:
        return None
    return VolumeMissingError(
        f"not here: volume {', '.join(map(str, lost))} of {len(bundle.volumes)}",
        details=list(_members(bundle, lost)),
        hint="name all volumes of the bundle",
    )


def _members(bundle: Bundle, numbers: Sequence[int]) -> Iterator[str]:
    names = {blob.sha256: blob.name for blob in bundle.held}
    for number in numbers:
        for piece in bundle.pieces()[number - 1]:
            name = names[piece.whole]
            known = piece.name if name == piece.name else f"{name} ({piece.name})"
            yield f"missing: volume {number}: {known}"
