"""`kutterlock diff`: what differs between two locks, pin by pin."""

import argparse
from pathlib import Path

from kutterlock.cli.context import Context
from kutterlock.cli.output import on_one_line
from kutterlock.errors import DifferencesFoundError
from kutterlock.model.encoding.text import counted


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser("diff")
    parser.add_argument("before", metavar="OLD", help="a lock")
    parser.add_argument("after", metavar="NEW", nargs="?", help="a lock (default: kutter.lock)")
    parser.add_argument("--exit-code", action="store_true", help="exit 18 when they differ")
    return parser


def run(arguments: argparse.Namespace, context: Context) -> None:
    """Print the differences. Raises DifferencesFoundError when that was asked for."""
    from kutterlock.adapters.tomlfile import read_lock
    from kutterlock.resolve.changes import changes

    after = Path(arguments.after) if arguments.after else context.lock_path
    found = changes(read_lock(Path(arguments.before)), read_lock(after))
    for change in found:
        context.output.say(on_one_line(str(change)))
    if not found:
        context.output.say("the locks pin the same")
    context.output.json({"changes": [str(change) for change in found]})
    if found and arguments.exit_code:
        raise DifferencesFoundError(counted(len(found), "pin differs", "pins differ"))
