"""A download's sink in memory."""

import hashlib

from kutterlock.errors import HashMismatchError
from kutterlock.model.digest import Digest


class MemorySink:
    """Keeps the bytes; `restarts` counts how often it was told to forget them."""

    def __init__(self, wanted: bytes, held: bytes = b"") -> None:
        self.data = bytearray(held)
        self.restarts = 0
        self.expected: int | None = None
        self._wanted = Digest.of(wanted)

    @property
    def resume_offset(self) -> int:
        return len(self.data)

    def expect(self, size: int | None) -> None:
        self.expected = size

    def write(self, chunk: bytes | memoryview) -> None:
        self.data += chunk

    def restart(self) -> None:
        self.data.clear()
        self.restarts += 1

    def check(self) -> None:
        got = Digest("sha256", hashlib.sha256(self.data).hexdigest())
        if got != self._wanted:
            raise HashMismatchError(
                "not what was pinned", details=[f"expected {self._wanted}", f"got      {got}"]
            )
