"""Compares two builds of one derivation, byte for byte."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kutterlock.adapters.disk.files import CHUNK
from kutterlock.model.output import OutputFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A file that differs: at which byte first, or that only one build made it."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def compare_outputs(
    first: Path, second: Path, files: Sequence[OutputFile], again: Sequence[OutputFile]
) -> list[Difference]:
    """Compare what two builds made; `first` and `second` hold the files."""
    before = {file.path: file for file in files}
    after = {file.path: file for file in again}
    found = []
    for path in sorted({*before, *after}):
        if path not in after or path not in before:
            which = "first" if path in before else "second"
            found.append(Difference(path=path, reason=f"only the {which} build made it"))
        elif before[path].digest != after[path].digest:
            offset = first_difference(first / path, second / path)
            sizes = f"{before[path].size} and {after[path].size} bytes"
            found.append(Difference(path=path, reason=f"differs from byte {offset} on ({sizes})"))
    return found


def first_difference(left: Path, right: Path) -> int:
    """Return the offset of the first byte in which two different files differ."""
    offset = 0
    with left.open("rb") as a, right.open("rb") as b:
        while True:
            one, two = a.read(CHUNK), b.read(CHUNK)
            if one != two:
                return offset + _first(one, two)
            assert one, "the files are the same"
            offset += len(one)


def _first(one: bytes, two: bytes) -> int:
    shared = min(len(one), len(two))
    return next((i for i in range(shared) if one[i] != two[i]), shared)
