"""`kutterlock why`: what a pin is, why it was chosen, and which boards need it."""

import argparse
from typing import TYPE_CHECKING

from kutterlock.cli.context import Context
from kutterlock.cli.output import on_one_line

if TYPE_CHECKING:  # the parser is built from this module: it may cost next to nothing
    from kutterlock.resolve.explain import Explanation


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser("why")
    parser.add_argument(
        "name",
        metavar="NAME",
        help="an input, package, file name, image, .deb, or the start of a digest",
    )
    return parser


def run(arguments: argparse.Namespace, context: Context) -> None:
    """Print every pin of that name. Raises UsageError when there is none."""
    from kutterlock.resolve.explain import explain

    lock = context.lock()
    asked = arguments.name in lock.overrides and context.manifest_path.exists()
    overrides = context.manifest().packages if asked else {}
    found = explain(lock, arguments.name, overrides)
    for pin in found:
        _show(pin, context)
    context.output.json({"pins": [pin.as_json() for pin in found]})


def _show(pin: "Explanation", context: Context) -> None:
    say = context.output.say
    say(on_one_line(" ".join(part for part in (pin.name, pin.version, f"({pin.kind})") if part)))
    context.output.table(pin.facts)
    if pin.boards:
        context.output.table([("boards", ", ".join(pin.boards))])
    if pin.refused:
        say(" newer, refused:")
        rows = [("", item.version, item.rule, item.reason) for item in pin.refused]
        context.output.table(rows)
