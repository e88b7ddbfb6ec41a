"""What fetching came to: files that are there, files that are not, and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kutterlock.errors import (
    FETCH,
    HashMismatchError,
    KutterError,
    MissingInputError,
    NetworkError,
    PolicyError,
)
from kutterlock.model.encoding.text import counted
from kutterlock.vendor.wants import Want

HINTS: dict[type[KutterError], str] = {
    HashMismatchError: "nobody serves the pinned bytes: find out why they changed before you pin "
    "others with `kutterlock resolve`, or name a folder that has the old files with --mirror DIR",
    NetworkError: "run the same command again to go on where it ended, or name a folder that has "
    "the files with --mirror DIR",
    PolicyError: "allow the hosts that were refused, or name a folder that has the files with "
    "--mirror DIR",
    MissingInputError: FETCH,
}
"""What to do next, by kind of trouble; of several kinds the first here decides."""

FOLDER_AT_FAULT = (
    "the folder has another file under that name: copy the right one there, or take the file away "
    "and run `kutterlock vendor` where there is a network"
)


class Attempts:
    """The places that were asked for one file in vain."""

    def __init__(self) -> None:
        """Nobody was asked yet."""
        self._causes: list[str] = []
        self._kinds: set[type[KutterError]] = set()
        self._hint = ""

    def add(self, error: KutterError) -> None:
        """Note that a folder or another store has wrong bytes, or cannot be read."""
        self._causes.append("; ".join([error.reason, *map(_tidied, error.details)]))
        self._kinds.add(type(error))

    def add_file(self, path: Path, want: Want, error: HashMismatchError) -> None:
        """Note that a file of a folder has the name that is wanted, and other bytes."""
        size = path.stat().st_size
        wrong = f"has {size} bytes where {want.size} are pinned"
        if want.size in (None, size):
            wrong = "; ".join(["has other bytes", *map(_tidied, error.details)])
        self._causes.append(f"{path} {wrong}")
        self._kinds.add(HashMismatchError)
        self._hint = FOLDER_AT_FAULT

    def add_places(self, error: KutterError) -> None:
        """Note what HTTP says: one line for each URL and mirror."""
        self._causes.extend(error.details or (error.reason,))
        self._kinds.add(type(error))
        if error.hint or isinstance(error, HashMismatchError):
            self._hint = error.hint

    def failure(self, want: Want, otherwise: str) -> "Failure":
        """Sum up; `otherwise` is the cause where no place was asked."""
        kind = next((kind for kind in HINTS if kind in self._kinds), MissingInputError)
        causes = tuple(self._causes) or (otherwise,)
        return Failure(want=want, causes=causes, kind=kind, hint=self._hint)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A file that could not be had: one line for each place, and the kind of trouble."""

    want: Want
    causes: tuple[str, ...]
    kind: type[KutterError]
    hint: str = ""

    def lines(self) -> Iterator[str]:
        """Word it for a list."""
        name = f"{self.want.name} ({self.want.digest})"
        if len(self.causes) == 1:
            yield f"{name}: {self.causes[0]}"
            return
        yield f"{name}:"
        yield from (f"  {cause}" for cause in self.causes)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchReport:
    """What `fetch` did. `size` is the bytes of the `fetched` files; all lists are by name.

    `untried` is what was not begun because something else had failed. `wanted` is everything that
    was asked for.
    """

    present: int
    fetched: tuple[Want, ...] = ()
    size: int = 0
    failures: tuple[Failure, ...] = ()
    untried: tuple[Want, ...] = ()
    wanted: tuple[Want, ...] = ()

    def error(self) -> KutterError | None:
        """Return the error that the failures come to, None where there are none."""
        if not self.failures:
            return None
        kinds = {failure.kind for failure in self.failures}
        kind = next(kind for kind in HINTS if kind in kinds)
        hints = [failure.hint for failure in self.failures if failure.kind is kind and failure.hint]
        missing = len(self.failures) + len(self.untried)
        return kind(
            f"{missing} of {self.present + len(self.fetched) + missing} files could not be had",
            details=[*(line for f in self.failures for line in f.lines()), *self._untried_line()],
            hint=hints[0] if hints else HINTS[kind],
        )

    def _untried_line(self) -> Iterator[str]:
        if self.untried:
            others = counted(len(self.untried), "other was", "others were")
            yield f"{others} not tried: --keep-going tries everything"

    def check(self) -> None:
        """Raise that error."""
        if error := self.error():
            raise error


def _tidied(detail: str) -> str:
    return " ".join(detail.split())
