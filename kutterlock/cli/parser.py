"""The command line's own rules: what it says of mistakes, and the values that options share."""

import argparse
import contextlib
import os
from typing import Any, NoReturn

from kutterlock.errors import UsageError

USUAL_COLUMNS = 80


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are errors like all others.

    Its help is as wide as the terminal: argparse would import shutil, for 5 ms, to find that out.
    """

    def __init__(self, **more: Any) -> None:  # noqa: ANN401 -- as argparse has them
        """Take what argparse's own takes."""
        super().__init__(formatter_class=_Help, **more)

    def error(self, message: str) -> NoReturn:
        """Raise UsageError. Its hint names the help of the command that was meant."""
        raise UsageError(message, hint=f"`{self.prog} --help` lists what there is")


class _Help(argparse.HelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


def _columns() -> int:
    with contextlib.suppress(ValueError):
        if columns := int(os.environ.get("COLUMNS", "")):
            return columns
    with contextlib.suppress(ValueError, OSError):
        return os.get_terminal_size().columns or USUAL_COLUMNS
    return USUAL_COLUMNS


def positive(text: str) -> int:
    """Read a number of at least one, for argparse."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 1")
    return int(text)
