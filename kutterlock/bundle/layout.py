"""Where volumes are cut. Pure: sizes in, pieces out.

Every volume begins with the head (manifest, sums, roots, signatures), so that it can be checked on
its own. The head's size depends on where the cuts are, so they are found by trying.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kutterlock.errors import UsageError
from kutterlock.model.bundle.manifest import MOST_VOLUMES, Bundle, Part, Piece
from kutterlock.model.encoding import ustar

LARGEST_PIECE = 1 << 32
SMALLEST_PART = 1 << 20
"""Nothing smaller is cut off to fill a volume, unless volumes are tiny."""

SIGNATURE_ROOM = 1 << 16
"""Kept free in each volume, so that who signs does not move the cuts."""

_NO_DIGEST = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A stretch of one file: `length` bytes from `offset` on, in volume `volume` (from 0)."""

    piece: Piece
    volume: int
    offset: int
    length: int


def lay_out(
    bundle: Bundle,
    limit: int | None,
    head_size: Callable[[Bundle], int],
    digest_of: Callable[[Cut], str],
) -> Bundle:
    """Return the bundle with volumes of at most `limit` bytes. Raises UsageError: too small.

    `head_size` says what a volume's head takes; `digest_of` hashes a stretch.
    """
    room = 0
    while True:
        cuts = _cut(bundle.wholes(), _capacity(limit, room))
        if limit is None:
            return _with_cuts(bundle, cuts, digest_of)
        needed = head_size(_with_cuts(bundle, cuts, lambda _: _NO_DIGEST))
        if needed <= room:
            return _with_cuts(bundle, cuts, digest_of)
        room = needed + (-needed) % (1 << 12)


def _capacity(limit: int | None, room: int) -> int | None:
    if limit is None:
        return None
    capacity = limit - room - SIGNATURE_ROOM - len(ustar.END)
    if capacity < 4 * ustar.BLOCK:
        needed = room + SIGNATURE_ROOM + len(ustar.END) + 4 * ustar.BLOCK
        raise UsageError(
            f"volumes of {limit} bytes are too small: each begins with the manifest and its "
            f"signatures, which take {needed} bytes",
            hint="use a larger --volume-size",
        )
    return capacity - capacity % ustar.BLOCK


def _cut(wholes: Sequence[Piece], capacity: int | None) -> list[Cut]:
    knife = _Knife(capacity)
    for whole in wholes:
        knife.add(whole)
    return knife.cuts


class _Knife:
    def __init__(self, capacity: int | None) -> None:
        self.cuts: list[Cut] = []
        self._capacity = capacity
        self._volume = 0
        self._used = 0

    def add(self, whole: Piece) -> None:
        if not whole.name.startswith("project/"):
            return self._add_in_parts(whole)
        if not self._fits(whole.size):
            self._next_volume()
        if not self._fits(whole.size):
            raise UsageError(
                f"{whole.name} ({whole.size} bytes) does not fit into a volume",
                hint="use a larger --volume-size",
            )
        return self._take(whole, 0, whole.size)

    def _add_in_parts(self, whole: Piece) -> None:
        offset = 0
        while offset < whole.size or not offset:
            length = min(whole.size - offset, LARGEST_PIECE, self._left())
            if length < min(whole.size - offset, self._smallest()) or self._left() < 0:
                self._next_volume()
                continue
            self._take(whole, offset, length)
            offset += length
            if not length:
                return

    def _fits(self, size: int) -> bool:
        return self._capacity is None or self._used + ustar.room(size) <= self._capacity

    def _left(self) -> int:
        if self._capacity is None:
            return LARGEST_PIECE
        return self._capacity - self._used - ustar.BLOCK

    def _smallest(self) -> int:
        return SMALLEST_PART if self._capacity is None else min(SMALLEST_PART, self._capacity // 4)

    def _take(self, piece: Piece, offset: int, length: int) -> None:
        self.cuts.append(Cut(piece=piece, volume=self._volume, offset=offset, length=length))
        self._used += ustar.room(length)

    def _next_volume(self) -> None:
        if self._used == 0 or self._volume + 1 >= MOST_VOLUMES:
            raise UsageError(
                f"this would take more than {MOST_VOLUMES} volumes"
                if self._used
                else "the volumes are too small to hold anything",
                hint="use a larger --volume-size",
            )
        self._volume += 1
        self._used = 0


def _with_cuts(bundle: Bundle, cuts: Sequence[Cut], digest_of: Callable[[Cut], str]) -> Bundle:
    parts: dict[str, list[Part]] = {}
    for cut in cuts:
        if cut.length != cut.piece.size:
            part = Part(size=cut.length, sha256=digest_of(cut))
            parts.setdefault(cut.piece.sha256, []).append(part)
    last = max((cut.volume for cut in cuts), default=0)
    counts = [0] * (last + 1)
    for cut in cuts:
        counts[cut.volume] += 1
    splits = {whole: tuple(found) for whole, found in parts.items()}
    return bundle._replace(volumes=tuple(counts), splits=splits)
