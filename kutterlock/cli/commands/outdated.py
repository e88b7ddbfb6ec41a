"""`kutterlock outdated`: which inputs could be newer, what holds them back, which tags moved."""

import argparse
import contextlib
import dataclasses
from typing import TYPE_CHECKING

from kutterlock.cli.context import Context

if TYPE_CHECKING:
    from kutterlock.resolve.tags import TagStanding


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser("outdated")
    parser.add_argument("--all", action="store_true", help="list inputs that are up to date, too")
    parser.add_argument("--offline", action="store_true",
                        help="do not ask registries whether tags of images moved")  # fmt: skip
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
    images = [] if arguments.offline else _images(context)
    context.output.json(
        {
            "images": [{**dataclasses.asdict(item), "moved": item.moved} for item in images],
            "catalog": catalog.date,
            "inputs": [
                {**dataclasses.asdict(item), "outdated": item.is_outdated} for item in shown
            ],
        }
    )


def _images(context: Context) -> "list[TagStanding]":
    """Say which tags stand for something else than the lock pins."""
    from kutterlock.resolve.tags import tag_standings

    lock = context.lock()
    if not lock.images:
        return []
    allowed = context.manifest().policy.allowed_hosts
    with contextlib.closing(context.registries(allowed_hosts=allowed)) as registries:
        found = list(tag_standings(lock, registries.current))
    for item in found:
        if item.moved:
            context.output.say(f"{item.reference} moved: the lock has {item.pinned},")
            context.output.say(f"  its registry now {item.now}; the lock is what is built")
        elif item.trouble:
            context.output.say(f"{item.reference}: nobody could say whether it moved")
            context.output.say(f"  {item.trouble}")
    return found
