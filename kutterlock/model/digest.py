"""Digests: the only names that bytes have here.

Owns the textual form `algorithm:hex`, the closed set of algorithms, and the digest of a tree.
Hashing files is in `kutterlock.adapters.disk.files`.
"""

import hashlib
import re
from collections.abc import Iterable
from typing import NamedTuple, Self

HEX_LENGTH = {"sha256": 64, "sha512": 128}
"""Algorithms that may stand in a lock, with the length of their hex form."""

_HEX = re.compile(r"[0-9a-f]+\Z")


class Digest(str):
    """The text `sha256:ab12...`: an algorithm and its value in lower-case hex."""

    __slots__ = ()

    def __new__(cls, algorithm: str, hex: str) -> Self:  # noqa: A002 -- what it is called everywhere
        """Put the two together, unchecked: `parse` is for what came from outside."""
        return super().__new__(cls, f"{algorithm}:{hex}")

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override]
        """Return what a copy is made of."""
        return self.algorithm, self.hex

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `algorithm:hex`. Raises ValueError with a reason fit for an error message."""
        algorithm, colon, value = text.partition(":")
        if not colon:
            raise ValueError(f"digest {text!r} is not of the form sha256:<hex>")
        if algorithm not in HEX_LENGTH:
            raise ValueError(f"digest algorithm {algorithm!r} is not one of sha256, sha512")
        if len(value) != HEX_LENGTH[algorithm] or not _HEX.match(value):
            raise ValueError(f"{value!r} is not {HEX_LENGTH[algorithm]} lower-case hex digits")
        return cls(algorithm, value)

    @classmethod
    def of(cls, data: bytes, algorithm: str = "sha256") -> Self:
        """Return the digest of bytes in memory."""
        return cls(algorithm, hashlib.new(algorithm, data).hexdigest())

    @property
    def algorithm(self) -> str:
        """What it was made by."""
        return self.partition(":")[0]

    @property
    def hex(self) -> str:
        """The value alone."""
        return self.partition(":")[2]

    @property
    def short(self) -> str:
        """The first twelve hex digits, for people and directory names."""
        return self.hex[:12]


class TreeEntry(NamedTuple):
    """One file or symlink of a tree: POSIX path below the root, kind, and content digest.

    `kind` is `644`, `755` (any execute bit) or `link` (then `sha256` is that of the target text).
    """

    path: str
    kind: str
    sha256: str


def tree_digest(entries: Iterable[TreeEntry]) -> Digest:
    """Digest a tree: sha256 of its `SHA256  KIND  PATH` lines, sorted by the bytes of the line.

    Directories count only through what they hold. docs/formats.md has the coreutils command.
    """
    lines = sorted(f"{entry.sha256}  {entry.kind}  {entry.path}\n" for entry in entries)
    return Digest.of("".join(lines).encode("utf-8", "surrogateescape"))
