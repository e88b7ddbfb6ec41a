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
    from kutterlock.resolve.outdated import standings
    from kutterlock.resolve.pipeline import conditions_of

    manifest, lock, catalog = context.manifest(), context.lock(), context.catalog()
    conditions = conditions_of(manifest, lock.as_of)
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
