"""How long work tells where it is: a narrow seam that the CLI implements."""

from typing import Protocol


class Progress(Protocol):
    """Receives facts about running work; what is shown, and how, is not the caller's affair.

    Implementations must be safe to call from several threads.
    """

    def start(self, label: str, *, total: int = 0, unit: str = "") -> None:
        """Begin a phase. `total` counts `unit` ('bytes', 'files', 'packages'); 0: unknown."""

    def expect(self, total: int, *, at_least: bool = False) -> None:
        """Correct the phase's total; `at_least`: there is more, nobody knows how much."""

    def advance(self, amount: int, note: str = "") -> None:
        """Move on by `amount`, working on `note`."""

    def done(self, summary: str) -> None:
        """End the phase with one line that stays on the screen; with none when it is empty."""

    def note(self, line: str) -> None:
        """Show one line that stays: a warning or a decision."""


class Silence:
    """Progress that nobody watches."""

    def start(self, label: str, *, total: int = 0, unit: str = "") -> None:
        """Ignore."""

    def expect(self, total: int, *, at_least: bool = False) -> None:
        """Ignore."""

    def advance(self, amount: int, note: str = "") -> None:
        """Ignore."""

    def done(self, summary: str) -> None:
        """Ignore."""

    def note(self, line: str) -> None:
        """Ignore."""
