"""What a command prints: text for people, or one JSON document for programs."""

import sys
from collections.abc import Iterable, Sequence
from typing import Any, TextIO


class Output:
    """Where a command's facts go: lines on stdout, or one JSON document."""

    def __init__(self, *, as_json: bool, stream: TextIO | None = None) -> None:
        """With `as_json`, lines for people are dropped and `json` alone is printed."""
        self.as_json = as_json
        self._stream = stream or sys.stdout

    def say(self, line: str = "") -> None:
        """Print a line for people."""
        if not self.as_json:
            print(line, file=self._stream)

    def text(self, text: str) -> None:
        """Print a document as it is."""
        self._stream.write(text)

    def table(self, rows: Iterable[Sequence[str]]) -> None:
        """Print rows with aligned columns."""
        cells = [list(row) for row in rows]
        columns = max((len(row) for row in cells), default=0)
        widths = [max((len(r[i]) for r in cells if i < len(r)), default=0) for i in range(columns)]
        for row in cells:
            padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
            self.say(" " + "  ".join(padded).rstrip())

    def json(self, value: Any) -> None:
        """Print facts for programs, when they were asked for."""
        if self.as_json:
            import json

            json.dump(value, self._stream, indent=1, sort_keys=True, default=str)
            self._stream.write("\n")


def human_size(count: int) -> str:
    """Word a number of bytes: `412 MB` (decimal units)."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if size >= 10 or unit == "B" else f"{size:.1f} {unit}"
