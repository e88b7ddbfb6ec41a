"""Writing volumes: streamed, hashed on the way, named when all of them are whole."""

import contextlib
import fcntl
import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from kutterlock.adapters.disk.buffer import ThreadBuffer
from kutterlock.adapters.disk.files import UNVERIFIED, explained
from kutterlock.adapters.disk.incoming import try_lock
from kutterlock.adapters.workers import in_threads
from kutterlock.errors import HashMismatchError, KutterError
from kutterlock.model.bundle.manifest import MANIFEST_NAME, SUMS_NAME, Bundle, Piece
from kutterlock.model.bundle.volume import LABEL_NAME, Label, head_order
from kutterlock.model.digest import Digest
from kutterlock.model.encoding import ustar
from kutterlock.model.progress import Progress

ENDING = ".tar"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where bytes come from: `open_whole` opens a carried member by its `Piece`.

    `head` has roots and signatures by their name in the head.
    """

    open_whole: Callable[[Piece], int]
    head: Mapping[str, bytes]


def head_members(
    bundle: Bundle, number: int, extra: Mapping[str, bytes]
) -> list[tuple[str, bytes]]:
    """Return the members that volume `number` begins with."""
    manifest = bundle.to_bytes()
    identity = Digest.of(manifest)
    rest = {SUMS_NAME: bundle.sums(identity), **extra}
    names = sorted(rest, key=head_order)
    label = Label(
        bundle=identity,
        number=number,
        head={name: Digest.of(rest[name]) for name in names},
    )
    ours = [(MANIFEST_NAME, manifest), (LABEL_NAME, label.to_bytes())]
    return [*ours, *((name, rest[name]) for name in names)]


def head_size(bundle: Bundle, extra: Mapping[str, bytes]) -> int:
    """Return the bytes that the head of a volume takes; all numbers are as long as the last."""
    members = head_members(bundle, len(bundle.volumes), extra)
    return sum(ustar.room(len(data)) for _, data in members)


def volume_paths(target: Path, count: int, *, numbered: bool) -> list[Path]:
    """Name the volumes: NAME.001.tar and so on, or `target` itself where nobody asked for a cut."""
    if not numbered:
        return [target]
    stem = target.name.removesuffix(ENDING)
    return [target.with_name(f"{stem}.{number:03}{ENDING}") for number in range(1, count + 1)]


def write_volumes(
    bundle: Bundle, target: Path, sources: Sources, progress: Progress, limit: int | None = None
) -> list[Path]:
    """Write every volume; none has its name before all are whole. Older ones are removed."""
    count = len(bundle.volumes)
    paths = volume_paths(target, count, numbered=limit is not None or count > 1)
    with explained(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    total = sum(piece.size for piece in bundle.wholes())
    progress.start("bundle", total=total, unit="bytes")
    volumes = []
    with contextlib.ExitStack() as stack:
        for number, (path, pieces) in enumerate(zip(paths, bundle.pieces(), strict=True), 1):
            volume = stack.enter_context(NewVolume(path, limit))
            for name, data in head_members(bundle, number, sources.head):
                volume.add(name, data)
            jobs = [(piece, volume.reserve(piece)) for piece in pieces]
            in_threads(_Copier(bundle, sources, volume, progress).copy, jobs)
            volume.finish()
            volumes.append(volume)
        for volume in volumes:
            volume.name()
        _remove_stale(paths, target)
    progress.done("")
    return paths


def stale_volumes(target: Path, kept: Sequence[Path]) -> Iterator[Path]:
    """Yield volumes that an earlier run left under names of this one."""
    stem = re.escape(target.name.removesuffix(ENDING))
    pattern = re.compile(rf"{stem}(\.[0-9]{{3,4}})?{re.escape(ENDING)}\Z")
    with explained(target.parent):
        found = sorted(target.parent.iterdir())
    for path in found:
        unfinished = path.name.startswith(UNVERIFIED)
        if path in kept or not pattern.match(path.name.removeprefix(UNVERIFIED)):
            continue
        if unfinished or _is_volume(path):
            yield path


class NewVolume:
    """A volume under its temporary name, locked against a second writer."""

    def __init__(self, final: Path, limit: int | None = None) -> None:
        """Create it beside `final`. Raises KutterError while somebody else writes it."""
        self.final = final
        self.temporary = final.parent / (UNVERIFIED + final.name)
        self._limit = limit
        self._size = 0
        with explained(final):
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._descriptor = os.open(self.temporary, flags, 0o644)
        if not try_lock(self._descriptor, fcntl.LOCK_EX):
            os.close(self._descriptor)
            raise KutterError(
                f"another kutterlock is writing {final}", hint="wait until it is done"
            )
        with explained(final):
            os.ftruncate(self._descriptor, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(self._descriptor), self.temporary.stat()):
                self.temporary.unlink()
        os.close(self._descriptor)

    def add(self, name: str, data: bytes) -> None:
        """Write a whole member."""
        self.begin(name, len(data))
        self.write(data)
        self.end(len(data))

    def begin(self, name: str, size: int) -> None:
        """Begin a member of `size` bytes; `write` them, then `end` it."""
        self.write(ustar.header(name, size))

    def end(self, size: int) -> None:
        """Fill up the last block of a member of `size` bytes."""
        self.write(bytes(ustar.padding(size)))

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes."""
        start = self._grow(len(data))
        self.write_at(start, data)

    def reserve(self, piece: Piece) -> int:
        """Write a member's header, leave room for its content, and return where that begins."""
        self.begin(piece.name, piece.size)
        return self._grow(piece.size + ustar.padding(piece.size))

    def write_at(self, offset: int, data: bytes | memoryview) -> None:
        """Write into room that was reserved; threads may do so at once."""
        with explained(self.final):
            view = memoryview(data)
            while view:
                count = os.pwrite(self._descriptor, view, offset)
                view, offset = view[count:], offset + count

    def _grow(self, count: int) -> int:
        start = self._size
        self._size += count
        assert self._limit is None or self._size <= self._limit, "the layout keeps to the limit"
        return start

    def finish(self) -> None:
        """End the archive, and make it durable."""
        self.write(ustar.END)
        with explained(self.final):
            os.fsync(self._descriptor)

    def name(self) -> None:
        """Give it its name."""
        with explained(self.final):
            self.temporary.replace(self.final)


def _remove_stale(paths: Sequence[Path], target: Path) -> None:
    for path in stale_volumes(target, paths):
        with explained(path):
            path.unlink()


@dataclass(frozen=True, slots=True)
class _Copier:
    """Copies members into the room that a volume has for them, hashed on the way."""

    bundle: Bundle
    sources: Sources
    volume: NewVolume
    progress: Progress
    buffer: ThreadBuffer = field(default_factory=ThreadBuffer)

    def copy(self, job: tuple[Piece, int]) -> None:
        piece, place = job
        state = hashlib.sha256()
        file, start = self.sources.open_whole(piece), self._start(piece)
        for chunk in stretch(file, start, piece.size, self.buffer.view):
            state.update(chunk)
            self.volume.write_at(place, chunk)
            place += len(chunk)
            self.progress.advance(len(chunk), piece.name)
        if state.hexdigest() != piece.sha256:
            raise HashMismatchError(
                f"{piece.name} changed while it was bundled",
                details=[f"expected sha256:{piece.sha256}", f"got      sha256:{state.hexdigest()}"],
                hint="run `kutterlock verify`",
            )

    def _start(self, piece: Piece) -> int:
        parts = self.bundle.splits.get(piece.whole, ())
        return sum(part.size for part in parts[: max(piece.number - 1, 0)])


def stretch(descriptor: int, offset: int, length: int, buffer: memoryview) -> Iterator[memoryview]:
    """Yield bytes of an open file, and close it; fewer where it is shorter."""
    try:
        os.lseek(descriptor, offset, os.SEEK_SET)
        while length:
            count = os.readv(descriptor, [buffer[:length]])
            if not count:
                return
            length -= count
            yield buffer[:count]
    finally:
        os.close(descriptor)


def _is_volume(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return ustar.read_header(file.read(ustar.BLOCK))[0] == MANIFEST_NAME
    except (OSError, ValueError):
        return False
