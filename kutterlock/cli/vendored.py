"""What `vendor` had complete the last time, noted, so that with nothing new it need read no lock.

A note holds the question (which lock, manifest, configuration and options, by digest) and the files
of the store that answered it, with their sizes. It is believed while the question is the same and
every file lies there; else everything is looked at anew. It says as much as the long way does of a
blob that is in the store: that it is there. Its bytes are `verify`'s affair.
"""

import argparse
import contextlib
import hashlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from kutterlock import __version__
from kutterlock.cli.context import Context
from kutterlock.errors import KutterError

FORMAT = "1"
FOLDER = "vendored"
LARGEST = 16 << 20
"""No lock, manifest, configuration or note is larger, in bytes."""


class Note:
    """The note of one question: what is asked is settled when it is made."""

    def __init__(self, context: Context, arguments: argparse.Namespace) -> None:
        """Read the files that the question consists of."""
        self._store = context.store_path
        self._files = (context.lock_path, context.manifest_path, context.settings_path)
        boards, ambient = sorted(set(arguments.board or ())), context.environ.items()
        self._place = _digest([context.lock_path, boards, arguments.all_platforms])
        self._ambient = sorted(item for item in ambient if _counts(item[0]))
        self._path = self._store / FOLDER / self._place[:16]
        self._question = self._ask()

    def count(self) -> int | None:
        """Return how many files there are; None when that is to be found out the long way."""
        question, _, rest = (_content(self._path) or b"").decode("utf-8", "replace").partition("\n")
        count, _, listed = rest.partition("\n")
        believed = question == self._question and count.isdecimal()
        return int(count) if believed and all(map(self._is_there, listed.splitlines())) else None

    def write(self, count: int, paths: Iterable[Path]) -> None:
        """Note that `count` files were wanted, and that `paths` in the store are all of them.

        A store that cannot be written is no reason to stop.
        """
        from kutterlock.adapters.disk.files import write_atomically

        if self._ask() != self._question:
            return  # some file was changed meanwhile: who knows which of the two was answered
        with contextlib.suppress(KutterError, OSError):
            lines = [f"{path.stat().st_size} {path.relative_to(self._store)}" for path in paths]
            text = "\n".join([self._question, str(count), *sorted(lines)])
            write_atomically(self._path, text.encode())

    def _ask(self) -> str:
        contents = [_content(path) for path in self._files]
        return _digest([FORMAT, __version__, self._place, self._ambient, contents])

    def _is_there(self, line: str) -> bool:
        size, _, name = line.partition(" ")
        try:
            found = os.stat(f"{self._store}/{name}")  # noqa: PTH116 -- pathlib takes twice as long
        except (OSError, ValueError):
            return False
        return stat.S_ISREG(found.st_mode) and str(found.st_size) == size


def _counts(name: str) -> bool:
    return name.startswith("KUTTER_") or name in {"HOME", "XDG_CONFIG_HOME"}


def _content(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST)
    except OSError:
        return None


def _digest(parts: object) -> str:
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogateescape")).hexdigest()
