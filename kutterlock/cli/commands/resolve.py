"""`kutterlock resolve`: turn the manifest into a lock, or check that the lock still says it."""

import argparse
from typing import TYPE_CHECKING

from kutterlock.cli.context import Context
from kutterlock.cli.doors import add_network_options
from kutterlock.cli.parser import day, positive
from kutterlock.errors import LockError, UsageError
from kutterlock.model.encoding.text import counted

if TYPE_CHECKING:
    from kutterlock.catalog.reader import Catalog
    from kutterlock.model.digest import Digest
    from kutterlock.model.lock import Lock
    from kutterlock.model.manifest import Manifest
    from kutterlock.resolve.pipeline import Resolved, Upgrade


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "resolve",
        description="Pin every input, source and package that the boards of kutter.toml need. "
        "What an existing lock pins stays unless it is upgraded or no longer allowed.",
    )
    parser.add_argument(
        "--check", action="store_true", help="only say whether the lock is current (exit 3)"
    )
    parser.add_argument("--upgrade", action="store_true", help="move every pin to the newest")
    parser.add_argument(
        "-P", dest="packages", metavar="NAME[=VERSION]", action="append", default=[],
        help="move this pin: an input, a [packages] table, or build-environment",
    )  # fmt: skip
    parser.add_argument("--offline", action="store_true", help="use only catalog, store and caches")
    parser.add_argument(
        "--as-of", metavar="DATE", type=day,
        help="judge ends of life at this day (default: the lock's, else the catalog's)",
    )  # fmt: skip
    parser.add_argument("--dry-run", action="store_true", help="write nothing, show the changes")
    parser.add_argument("--mirror", metavar="DIR", action="append", default=[],
                        help="a folder of files to take instead of fetching")  # fmt: skip
    parser.add_argument("-j", "--jobs", metavar="N", type=positive, default=4,
                        help="fetch N files at once (default: 4)")  # fmt: skip
    parser.add_argument("--sandbox", choices=("bubblewrap", "unshare", "none"),
                        help="evaluate Buildroot in this sandbox")  # fmt: skip
    add_network_options(parser)
    parser.set_defaults(output=None)
    return parser


def run(arguments: argparse.Namespace, context: Context) -> None:
    """Check or resolve. Raises StaleLockError and whatever resolving raises."""
    if arguments.check:
        _check(context)
        return
    _resolve(arguments, context)


def _check(context: Context) -> None:
    from kutterlock.resolve.changes import count_pins
    from kutterlock.resolve.staleness import require_current

    lock = context.lock()
    require_current(context.manifest(), lock, context.project)
    context.output.say(f"kutter.lock is current: {counted(count_pins(lock), 'pin')}")
    context.output.json({"current": True, "pins": count_pins(lock)})


def _resolve(arguments: argparse.Namespace, context: Context) -> None:
    from kutterlock.adapters.tomlfile import lock_bytes, write_lock
    from kutterlock.cli.doors import resolve_doors
    from kutterlock.resolve.changes import changes
    from kutterlock.resolve.pipeline import ResolveRequest, resolve

    manifest = context.manifest()
    previous = _previous(context)
    upgrade = _upgrade(arguments)
    catalog = _catalog(arguments, context, _open_inputs(manifest, previous, upgrade))
    request = ResolveRequest(
        manifest=manifest,
        previous=previous,
        as_of=arguments.as_of or (previous.as_of if previous else catalog.date),
        upgrade=upgrade,
    )
    resolved = resolve(request, resolve_doors(context, arguments, catalog))
    context.sizes().note(_catalog_sizes(resolved))
    _print(context, resolved, previous)
    found = changes(previous, resolved.lock)
    unchanged = previous is not None and lock_bytes(previous) == lock_bytes(resolved.lock)
    if arguments.dry_run:
        for change in found:
            context.output.say(f" {change}")
    elif not unchanged:
        write_lock(context.lock_path, resolved.lock)
    _summarise(context, arguments, resolved.lock, len(found))
    context.output.json(
        {
            "versions": resolved.solution.versions,
            "changes": [str(change) for change in found],
            "written": not unchanged and not arguments.dry_run,
        }
    )


def _open_inputs(
    manifest: "Manifest", previous: "Lock | None", upgrade: "Upgrade"
) -> tuple[str, ...]:
    """Return the inputs for which a version is to be chosen: nobody needs to be asked of others."""
    pinned = previous.inputs if previous else {}
    return tuple(n for n in manifest.inputs if n not in pinned or upgrade.moves(n))


def _catalog(arguments: argparse.Namespace, context: Context, names: tuple[str, ...]) -> "Catalog":
    """Return what is known, after asking the upstreams of `names` unless that is not wanted."""
    catalog = context.catalog()
    if arguments.offline or not names or catalog.updates is None:
        return catalog
    from kutterlock.cli.upstreams import ask_upstreams

    heard = ask_upstreams(context, catalog, names)
    silent = sorted(heard.failures)
    answered = set(names) - set(silent)
    context.progress.done(f"{len(answered)} of {len(names)} upstreams answered")
    if silent:
        context.progress.note(
            f" note: {', '.join(silent)} cannot be reached; what the catalog knew on {catalog.date}"
            " decides (--offline asks nobody)"
        )
    return context.catalog()


def _previous(context: Context) -> "Lock | None":
    if not context.lock_path.exists():
        return None
    try:
        return context.lock()
    except LockError as error:
        raise LockError(
            f"{error.reason}, so its pins cannot be kept",
            details=error.details,
            hint="take it back from version control, or remove it and resolve anew",
        ) from error


def _catalog_sizes(resolved: "Resolved") -> "dict[Digest, int]":
    return {
        file.digest: file.size
        for choice in resolved.solution.choices.values()
        for file in choice.release.files
        if file.digest is not None and file.size is not None
    }


def _upgrade(arguments: argparse.Namespace) -> "Upgrade":
    from kutterlock.resolve.pipeline import Upgrade

    names = {}
    for text in arguments.packages:
        name, equals, version = text.partition("=")
        if not name or (equals and not version):
            raise UsageError(f"-P {text}: write -P NAME or -P NAME=VERSION")
        names[name] = f"=={version.removeprefix('=')}" if equals else "*"
    return Upgrade(everything=arguments.upgrade, names=names)


def _print(context: Context, resolved: "Resolved", previous: "Lock | None") -> None:
    rows = []
    for name, choice in resolved.solution.choices.items():
        before = previous.inputs.get(name) if previous else None
        moved = f"(was {before.version})" if before and before.version != choice.version else ""
        reason = choice.reasons[0] if choice.reasons else ""
        rows.append((name.ljust(10), choice.version, moved, reason))
    some_moved = any(row[2] for row in rows)
    context.output.table(row if some_moved else (*row[:2], row[3]) for row in rows)
    for note in resolved.solution.notes:
        context.output.say(f" note: {note}")


def _summarise(context: Context, arguments: argparse.Namespace, lock: "Lock", changed: int) -> None:
    from kutterlock.resolve.changes import count_pins

    say = context.output.say
    boards = "one board" if len(lock.boards) == 1 else f"{len(lock.boards)} boards"
    say(
        f" closure     {counted(len(lock.sources), 'file')} for {boards}, "
        f"{counted(len(lock.images), 'image')}, "
        f"{_environment(lock)}"
    )
    if arguments.dry_run:
        say(f" kutter.lock not written (--dry-run): {counted(changed, 'pin')} would change")
    elif changed >= count_pins(lock):
        say(f" kutter.lock written: {counted(count_pins(lock), 'pin')}")
    elif changed:
        kept = count_pins(lock) - changed
        say(f" kutter.lock written: {counted(changed, 'pin')} changed, {kept} kept")
    else:
        say(" kutter.lock is as it was")


def _environment(lock: "Lock") -> str:
    if lock.environment.is_pure:
        return f"environment of {len(lock.environment.packages)} packages"
    return "this machine's own tools\n impure      the lock holds on this machine only"
