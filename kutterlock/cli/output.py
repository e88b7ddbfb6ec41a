"""What a command prints: text for people, or one JSON document for programs.

The document is an object: the command's facts, `exit-code`, and for a failure `error`, `details`
and `hint`. docs/formats.md has the facts of each command.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from kutterlock.errors import InterruptionError, KutterError

_CONTROLS = [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029]
_DIRECTIONS = [0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_SPELT = {
    code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    for code in (*_CONTROLS, *_DIRECTIONS)
}
_OVER_LINES = {code: spelt for code, spelt in _SPELT.items() if chr(code) not in "\n\t"}


def visible(text: str) -> str:
    """Spell out what a terminal would obey, or show elsewhere: nobody's text says more than text.

    Versions, names and answers may come from whoever wrote a lock, a bundle or a web page. Lines
    stay lines.
    """
    return text.translate(_OVER_LINES)


def on_one_line(text: str) -> str:
    """Spell out the ends of lines, too, so that no value makes a line that looks like ours."""
    return text.translate(_SPELT)


class Output:
    """Where a command's facts go: lines on stdout, or one JSON document."""

    def __init__(self, *, as_json: bool, stream: TextIO | None = None) -> None:
        """With `as_json`, lines for people are dropped and the document alone is printed."""
        self.as_json = as_json
        self.facts: dict[str, Any] = {}
        self._stream = stream or sys.stdout

    def for_steps(self) -> "Output":
        """Return where commands print that are steps of this one: text, aside from a document."""
        return Output(as_json=False, stream=sys.stderr if self.as_json else self._stream)

    def step(self, words: Sequence[str]) -> None:
        """Show the command of a step before it runs."""
        self.say(f"$ kutterlock {' '.join(words)}")
        self._stream.flush()

    def say(self, line: str = "") -> None:
        """Print a line for people."""
        self.document(visible(line))

    def document(self, text: str) -> None:
        """Print a document, byte for byte, that people redirect into a file."""
        if not self.as_json:
            print(text, file=self._stream)

    def table(self, rows: Iterable[Sequence[str]]) -> None:
        """Print rows with aligned columns."""
        cells = [[on_one_line(cell) for cell in row] for row in rows]
        columns = max((len(row) for row in cells), default=0)
        widths = [max((len(r[i]) for r in cells if i < len(r)), default=0) for i in range(columns)]
        for row in cells:
            padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
            self.say(" " + "  ".join(padded).rstrip())

    def json(self, facts: Mapping[str, Any]) -> None:
        """Note facts for programs: `close` or `fail` prints them, when they were asked for."""
        self.facts.update(facts)

    def close(self, status: int) -> None:
        """Print the document of a command that ended with an exit code."""
        if self.as_json:
            import json

            document = {**self.facts, "exit-code": status}
            json.dump(document, self._stream, indent=1, sort_keys=True, default=str)
            self._stream.write("\n")
        self._stream.flush()

    def fail(self, error: KutterError) -> None:
        """Print an error: what went wrong, the single facts, what to do next."""
        if self.as_json:
            self.json({"error": error.reason, "details": error.details, "hint": error.hint})
            self.close(error.exit_code)
        if not self.as_json or isinstance(error, InterruptionError):
            print(visible(error.as_text()), file=sys.stderr)


def human_size(count: int) -> str:
    """Word a number of bytes: `412 MB` (decimal units)."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if size >= 10 or unit == "B" else f"{size:.1f} {unit}"
