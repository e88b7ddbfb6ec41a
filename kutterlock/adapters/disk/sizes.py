"""Sizes that somebody told, by digest: they bound downloads and serve progress, nothing more.

They are no part of the lock, so they stand in the user's cache, where `resolve` leaves what it read
in signed package lists and in the catalog. Without them everything works, blindly.
"""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kutterlock.adapters.disk.files import write_atomically
from kutterlock.errors import KutterError
from kutterlock.model.digest import Digest

LARGEST = 64 << 20


@dataclass(frozen=True, slots=True)
class SizeBook:
    """The file that keeps them, in bytes."""

    path: Path

    def read(self) -> dict[str, int]:
        """Return sizes by digest text; a damaged file counts for nothing."""
        try:
            with self.path.open("rb") as file:
                known = json.loads(file.read(LARGEST))
            return {str(name): int(size) for name, size in known.items() if int(size) >= 0}
        except (OSError, ValueError, TypeError, AttributeError, RecursionError):
            return {}

    def note(self, sizes: Mapping[Digest, int]) -> None:
        """Add sizes. A cache that cannot be written is no reason to stop."""
        known = self.read()
        merged = known | dict(sizes)
        if merged != known:
            with contextlib.suppress(KutterError):
                write_atomically(self.path, json.dumps(merged, sort_keys=True, indent=0).encode())
