"""Text for people, `--json` for programs, and progress that suits a terminal or a log."""

import json
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

PLAIN_INTERVAL = 10.0
"""Away from a terminal, long work writes a line at least this often, in seconds."""

TERMINAL_INTERVAL = 0.1


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
            json.dump(value, self._stream, indent=1, sort_keys=True, default=str)
            self._stream.write("\n")


class ConsoleProgress:
    """Progress on stderr: a live line on a terminal, a plain line every ten seconds elsewhere."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """`stream` defaults to stderr."""
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._lock = threading.Lock()
        self._label = self._unit = self._note = ""
        self._done = self._total = 0
        self._started = self._shown = time.monotonic()

    def start(self, label: str, *, total: int = 0, unit: str = "") -> None:
        """Begin a phase."""
        with self._lock:
            self._label, self._total, self._unit, self._note = label, total, unit, ""
            self._done = 0
            self._started = self._shown = time.monotonic()
            if self._live:
                self._draw()

    def advance(self, amount: int, note: str = "") -> None:
        """Move on, and show it when it is time to."""
        with self._lock:
            self._done += amount
            self._note = note or self._note
            now = time.monotonic()
            if now - self._shown >= (TERMINAL_INTERVAL if self._live else PLAIN_INTERVAL):
                self._shown = now
                self._draw()

    def done(self, summary: str) -> None:
        """End the phase with a line that stays, or with none when the summary is empty."""
        if not summary:
            self._clear()
            return
        self.note(f" {self._label:<12}{summary}")

    def note(self, line: str) -> None:
        """Show a line that stays."""
        with self._lock:
            clear = "\r\x1b[K" if self._live else ""
            print(f"{clear}{line}", file=self._stream, flush=True)

    def _clear(self) -> None:
        with self._lock:
            if self._live:
                print("\r\x1b[K", file=self._stream, end="", flush=True)

    def _draw(self) -> None:
        elapsed = time.monotonic() - self._started
        line = f" {self._label:<12}{self._figures(elapsed)}  {self._note}  {_clock(elapsed)}"
        if self._live:
            line = f"\r\x1b[K{line[:100]}"
        print(line, file=self._stream, end="" if self._live else "\n", flush=True)

    def _figures(self, elapsed: float) -> str:
        if self._unit == "bytes":
            return self._byte_figures(elapsed)
        if not self._total:
            return str(self._done or "")
        filled = 18 * min(self._done, self._total) // self._total
        return f"[{'#' * filled}{'.' * (18 - filled)}] {self._done}/{self._total} {self._unit}"

    def _byte_figures(self, elapsed: float) -> str:
        rate = self._done / elapsed if elapsed > 0 else 0.0
        figures = f"{human_size(self._done)}"
        if self._total:
            left = max(self._total - self._done, 0) / rate if rate else 0.0
            figures += f" of {human_size(self._total)}, {_clock(left)} left"
        return f"{figures}, {human_size(int(rate))}/s"


def human_size(count: int) -> str:
    """Word a number of bytes: `412 MB` (decimal units)."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if size >= 10 or unit == "B" else f"{size:.1f} {unit}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"
