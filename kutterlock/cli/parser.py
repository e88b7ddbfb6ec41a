"""The command line's own rules: what it says of mistakes, and the values that options share."""

import argparse
import contextlib
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NoReturn

from kutterlock.errors import UsageError

if TYPE_CHECKING:
    import datetime

USUAL_COLUMNS = 80
LONGEST_COMMAND = 14
"""`completion` and its indentation: so many columns, or more, are for names in a help text."""


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

    def _check_value(self, action: argparse.Action, value: object) -> None:
        """Word it in one line, where argparse lists every choice."""
        if action.choices is not None and value not in action.choices:
            self.error(f"{value!r} is no {_called(action)}{meant(str(value), action.choices)}")


class Offer(argparse.Action):
    """Takes any word; those of `words` are what a shell's completion offers."""

    def __init__(self, *, words: Iterable[str], **more: Any) -> None:  # noqa: ANN401 -- as above
        """Take what argparse's own takes, and the words."""
        super().__init__(**more)
        self.words = tuple(words)

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002 -- argparse passes it
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,  # noqa: ARG002
    ) -> None:
        """Store the value."""
        setattr(namespace, self.dest, values)


class _Help(argparse.HelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)
        self._action_max_length = LONGEST_COMMAND  # argparse forgets that commands are indented


def _columns() -> int:
    with contextlib.suppress(ValueError):
        if columns := int(os.environ.get("COLUMNS", "")):
            return columns
    with contextlib.suppress(ValueError, OSError):
        return os.get_terminal_size().columns or USUAL_COLUMNS
    return USUAL_COLUMNS


def _called(action: argparse.Action) -> str:
    if action.option_strings:
        return f"choice of {action.option_strings[-1]}"
    return str(action.metavar or action.dest)


def meant(word: str, known: Iterable[object]) -> str:
    """Word what a mistyped word may have meant."""
    import difflib

    near = difflib.get_close_matches(word, [str(item) for item in known], n=1)
    return f"; did you mean {near[0]}?" if near else ""


def take_late_words(
    arguments: argparse.Namespace, left: list[str], command: argparse.ArgumentParser
) -> None:
    """Give words that stand behind an option to the arguments that may be left out.

    argparse takes those as left out at the first option behind another argument: without this
    `sign bundle --key K FILE` does not take FILE. Taken words leave `left`.
    """
    if any(word.startswith("-") for word in left):
        return
    positional = [action for action in command._actions if not action.option_strings]  # noqa: SLF001
    for action in positional[1:]:  # the first one was given: otherwise it would have the rest, too
        is_free = getattr(arguments, action.dest, None) in (None, [])
        if not left or not is_free or action.nargs not in ("?", "*"):
            continue
        count = 1 if action.nargs == "?" else len(left)
        read = action.type if callable(action.type) else str
        values = [read(word) for word in left[:count]]
        setattr(arguments, action.dest, values[0] if action.nargs == "?" else values)
        del left[:count]


def day(text: str) -> "datetime.date":
    """Read a day, for argparse."""
    import datetime

    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day such as 2026-11-22") from None


def positive(text: str) -> int:
    """Read a number of at least one, for argparse."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 1")
    return int(text)
