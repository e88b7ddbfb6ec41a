"""`kutterlock store`: re-hash the store, remove what nobody needs, count what is there."""

import argparse
import contextlib

from kutterlock.cli.commands.verify import tell
from kutterlock.cli.context import Context
from kutterlock.cli.output import human_size
from kutterlock.model.encoding.text import counted


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser("store")
    parser.add_argument("action", choices=("check", "gc", "stats"),
                        help="check: re-hash every blob; gc: remove what no remembered lock "
                        "names; stats: count what is there")  # fmt: skip
    parser.add_argument("--repair", action="store_true",
                        help="check: remove corrupted blobs, so that they are fetched again"
                        )  # fmt: skip
    parser.add_argument("--dry-run", action="store_true",
                        help="gc: list what would be removed, and remove nothing")  # fmt: skip
    return parser


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Do one action."""
    actions = {"check": _check, "gc": _gc, "stats": _stats}
    return actions[arguments.action](arguments, context)


def _check(arguments: argparse.Namespace, context: Context) -> int:
    from kutterlock.model.digest import Digest
    from kutterlock.vendor.verify import verify_blobs

    store = context.store()
    report = verify_blobs(store, {d: str(d) for d in store.blobs()}, context.progress)
    if not arguments.repair or not report.corrupted:
        return tell(report, context, "store", report.remedy)
    with store.exclusively():
        for fault in report.corrupted:
            store.remove(Digest.parse(fault.name))
    hint = "they were removed: `kutterlock vendor` or `kutterlock bundle import` brings them back"
    return tell(report, context, "store", hint)


def _gc(arguments: argparse.Namespace, context: Context) -> int:
    from kutterlock.vendor.gc import collect, find_garbage

    store = context.store()
    with contextlib.nullcontext() if arguments.dry_run else store.exclusively():
        garbage = find_garbage(store, [context.lock_path])
        if not arguments.dry_run:
            collect(store, garbage)
    if arguments.dry_run:
        context.output.table([["blob", digest] for digest in garbage.blobs])
        context.output.table([["leftover", str(path)] for path in garbage.leftovers])
    verb = "would remove" if arguments.dry_run else "removed"
    figures = (
        f"{counted(len(garbage.blobs), 'blob')} and {counted(len(garbage.leftovers), 'leftover')}"
    )
    context.output.say(
        f" store       {verb} {figures}, {human_size(garbage.size)}; "
        f"{counted(garbage.kept, 'blob stays', 'blobs stay')}"
    )
    if garbage.unfinished:
        context.output.say(
            f" kept        {counted(garbage.unfinished, 'unfinished import')}, and what is needed "
            "for that: go on, or drop everything of it with `kutterlock bundle import --abort`"
        )
    context.output.json(
        {
            "blobs": list(garbage.blobs),
            "leftovers": [str(path) for path in garbage.leftovers],
            "bytes": garbage.size,
            "kept": garbage.kept,
            "unfinished-imports": garbage.unfinished,
            "removed": not arguments.dry_run,
        }
    )
    return 0


def _stats(_: argparse.Namespace, context: Context) -> int:
    store = context.store()
    sizes = [store.size(digest) for digest in store.blobs()]
    facts = {
        "path": str(store.root),
        "blobs": len(sizes),
        "bytes": sum(sizes),
        "unfinished": len(store.partials()),
        "roots": sorted(str(lock) for lock in store.roots().values()),
    }
    context.output.table(
        [
            ["store", str(store.root)],
            ["blobs", f"{len(sizes)}, {human_size(sum(sizes))}"],
            ["unfinished", str(facts["unfinished"])],
            *(["root", str(lock)] for lock in sorted(store.roots().values())),
        ]
    )
    context.output.json(facts)
    return 0
