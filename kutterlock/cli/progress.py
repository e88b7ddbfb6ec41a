"""Progress on stderr: a live line on a terminal, plain lines in a log."""

import sys
import threading
import time
from typing import TextIO

from kutterlock.cli.output import human_size, on_one_line, visible
from kutterlock.errors import UsageError

PLAIN_INTERVAL = 10.0
"""Away from a terminal, long work writes a line at least this often, in seconds, unless the user
says otherwise."""

TERMINAL_INTERVAL = 0.1

TICK = 1.0
"""On a terminal, a silent step still shows that time passes, in seconds."""


class ConsoleProgress:
    """Progress on stderr: a live line on a terminal, a plain line every ten seconds elsewhere."""

    def __init__(self, stream: TextIO | None = None, *, plain: float = PLAIN_INTERVAL) -> None:
        """`stream` defaults to stderr; `plain` is the seconds between lines off a terminal."""
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._interval, self._tick_interval = (
            (TERMINAL_INTERVAL, TICK) if self._live else (plain, plain)
        )
        self._lock = threading.Lock()
        self._label = self._unit = self._note = ""
        self._done = self._total = 0
        self._more = False
        self._started = self._shown = time.monotonic()
        self._ended = threading.Event()

    def start(self, label: str, *, total: int = 0, unit: str = "") -> None:
        """Begin a phase."""
        self.close()
        self._ended = threading.Event()
        with self._lock:
            self._label, self._total, self._unit, self._note = label, total, unit, ""
            self._more = False
            self._done = 0
            self._started = self._shown = time.monotonic()
            if self._live:
                self._draw()
        threading.Thread(target=self._tick, args=(self._ended,), daemon=True).start()

    def expect(self, total: int, *, at_least: bool = False) -> None:
        """Correct the total; what is left is only told when all of it is known."""
        with self._lock:
            self._total, self._more = total, at_least

    def close(self) -> None:
        """Stop showing the phase; what was shown stays."""
        self._ended.set()

    def advance(self, amount: int, note: str = "") -> None:
        """Move on, and show it when it is time to."""
        with self._lock:
            self._done += amount
            self._note = note or self._note
            self._draw_when_due(self._interval)

    def done(self, summary: str) -> None:
        """End the phase with a line that stays, or with none when the summary is empty."""
        self.close()
        if not summary:
            self._clear()
            return
        self.note(f" {self._label:<12}{summary}")

    def note(self, line: str) -> None:
        """Show a line that stays."""
        with self._lock:
            clear = "\r\x1b[K" if self._live else ""
            print(f"{clear}{visible(line)}", file=self._stream, flush=True)

    def _tick(self, ended: threading.Event) -> None:
        """Show that work goes on while a long step has nothing to say."""
        while not ended.wait(self._tick_interval):
            with self._lock:
                if not ended.is_set():
                    self._draw_when_due(self._tick_interval)

    def _draw_when_due(self, interval: float) -> None:
        now = time.monotonic()
        if now - self._shown >= interval:
            self._shown = now
            self._draw()

    def _clear(self) -> None:
        with self._lock:
            if self._live:
                print("\r\x1b[K", file=self._stream, end="", flush=True)

    def _draw(self) -> None:
        elapsed = time.monotonic() - self._started
        note = on_one_line(self._note)
        line = f" {self._label:<12}{self._figures(elapsed)}  {note}  {_clock(elapsed)}"
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
        if self._more:
            figures += f" of at least {human_size(max(self._total, self._done))}"
        elif self._total:
            left = max(self._total - self._done, 0) / rate if rate else 0.0
            figures += f" of {human_size(self._total)}, {_clock(left)} left"
        return f"{figures}, {human_size(int(rate))}/s"


def plain_interval(text: str) -> float:
    """Read the seconds between plain lines. Raises UsageError."""
    try:
        seconds = float(text or PLAIN_INTERVAL)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= threading.TIMEOUT_MAX:
        raise UsageError(
            f"KUTTER_PROGRESS={text} is not a number of seconds above zero",
            hint=f"it is how often long work writes a line to a log (default: {PLAIN_INTERVAL:g})",
        )
    return seconds


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"
