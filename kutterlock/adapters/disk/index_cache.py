"""Signed lists of archives as they were fetched, so that `resolve --offline` can solve anew.

Nothing counts for lying here: whoever reads a release checks its signature, and a list has the
digest that the release names, or is not there. `<root>/<key>/` has one release, and by digest the
lists that it names; those of the release before go when a new one comes.
"""

import contextlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from kutterlock.adapters.disk.files import contained, write_atomically
from kutterlock.errors import KutterError
from kutterlock.model.digest import Digest
from kutterlock.model.paths import RelativePath

RELEASE = "release"


@dataclass(frozen=True, slots=True)
class IndexCache:
    """The directory that keeps them. One that cannot be written is no reason to stop."""

    root: Path

    def release(self, key: str, limit: int) -> bytes | None:
        """Return a release that was kept, empty where none was published; None: nobody asked."""
        return _read(self._place(key) / RELEASE, limit)

    def keep_release(self, key: str, data: bytes, lists: Collection[Digest]) -> None:
        """Keep a release, and of the lists only those that it names."""
        place = self._place(key)
        with contextlib.suppress(KutterError, OSError):
            write_atomically(place / RELEASE, data)
            named = {RELEASE, *map(_name, lists)}
            for path in place.iterdir():
                if path.name not in named and not path.name.startswith("."):
                    path.unlink()

    def list(self, key: str, digest: Digest, limit: int) -> bytes | None:
        """Return a list, None unless it is here with the right bytes."""
        data = _read(self._place(key) / _name(digest), limit)
        return data if data is not None and Digest.of(data, digest.algorithm) == digest else None

    def keep_list(self, key: str, digest: Digest, data: bytes) -> None:
        """Keep a list of this digest."""
        with contextlib.suppress(KutterError):
            write_atomically(self._place(key) / _name(digest), data)

    def _place(self, key: str) -> Path:
        return contained(self.root, RelativePath(key))


def _name(digest: Digest) -> str:
    return f"{digest.algorithm}-{digest.hex}"


def _read(path: Path, limit: int) -> bytes | None:
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError:
        return None
    return data if len(data) <= limit else None
