"""`kutterlock outdated`: which inputs could be newer, and what holds the newest back."""

import argparse
import dataclasses

from kutterlock.cli.context import Context


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser("outdated", help="list inputs of which the catalog knows newer")
    parser.add_argument("--all", action="store_true", help="list inputs that are up to date, too")
    return parser


def run(arguments: argparse.Namespace, context: Context) -> None:
    """Print inputs of which newer versions are known."""
    from kutterlock.catalog.types import RELEASE_ARCH
    from kutterlock.resolve.outdated import standings
    from kutterlock.resolve.rules import Conditions

    manifest, lock, catalog = context.manifest(), context.lock(), context.catalog()
    boards = manifest.boards.values()
    conditions = Conditions(
        as_of=lock.as_of,
        arches=tuple(sorted({RELEASE_ARCH[board.arch] for board in boards})),
        archive=manifest.buildroot_archive,
        allow_end_of_life=frozenset(manifest.policy.allow_end_of_life),
        needs_images=any(board.images for board in boards),
    )
    pinned = {name: pin.version for name, pin in lock.inputs.items()}
    found = standings(pinned, manifest.inputs, conditions, catalog)
    shown = [item for item in found if arguments.all or item.pinned != item.newest]
    if shown:
        rows = [(item.name, item.pinned, item.allowed, item.newest, item.holding) for item in shown]
        context.output.table([("input", "pinned", "allowed", "newest", "held back by"), *rows])
    else:
        context.output.say(f"every input is the newest that the catalog of {catalog.date} knows")
    if any(item.is_outdated for item in shown):
        context.output.say("`kutterlock resolve --upgrade` takes what is allowed")
    context.output.json(
        {
            "catalog": catalog.date,
            "inputs": [
                {**dataclasses.asdict(item), "outdated": item.is_outdated} for item in shown
            ],
        }
    )
