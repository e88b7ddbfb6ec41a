"""`kutterlock vendor`: fetch what the lock names into the store."""

import argparse
import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from kutterlock.cli.context import Context
from kutterlock.cli.doors import add_network_options, mirror_folders
from kutterlock.cli.output import human_size
from kutterlock.cli.parser import positive
from kutterlock.cli.trusting import require_allowed_hosts
from kutterlock.errors import KutterError
from kutterlock.model.encoding.text import counted

if TYPE_CHECKING:  # for --help, which loads every command
    from kutterlock.adapters.oci.registry import Registries
    from kutterlock.cli.vendored import Note
    from kutterlock.model.lock import Lock
    from kutterlock.vendor.report import FetchReport

JOBS = 4
NOTHING_NEW: Mapping[str, Any] = MappingProxyType(
    {"fetched": [], "bytes": 0, "missing": [], "not-tried": []}
)


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser("vendor")
    parser.add_argument("--board", metavar="B", action="append",
                        help="only what this board needs; may be given several times")  # fmt: skip
    parser.add_argument("--mirror", metavar="DIR", action="append", type=Path, default=[],
                        help="a folder, or another store, to look in first; its files are checked "
                        "by hash")  # fmt: skip
    parser.add_argument("-j", "--jobs", metavar="N", type=positive, default=JOBS,
                        help=f"fetch N files at once (default: {JOBS})")  # fmt: skip
    parser.add_argument("--all-platforms", action="store_true",
                        help="all platforms of the images, not only those of the boards"
                        )  # fmt: skip
    parser.add_argument("--keep-going", action="store_true",
                        help="go on with the other files when one cannot be had")  # fmt: skip
    parser.add_argument("--offline", action="store_true",
                        help="open no connection: use the store and the mirrors only")  # fmt: skip
    parser.add_argument("--export", metavar="DIR", type=Path,
                        help="also copy the files out, as Buildroot's download directory"
                        )  # fmt: skip
    add_network_options(parser)
    return parser


def run(arguments: argparse.Namespace, context: Context) -> None:
    """Fetch. Raises what the failures come to."""
    from kutterlock.cli.vendored import Note

    note = Note(context, arguments)
    count = None if arguments.mirror or arguments.export else note.count()
    if count is None:
        _fetch(arguments, context, note)
    else:
        _tell_nothing_new(count, context)


def _fetch(arguments: argparse.Namespace, context: Context, note: "Note") -> None:
    from kutterlock.vendor.closure import ClosureRequest, fetch_closure
    from kutterlock.vendor.fetch import FetchOptions

    lock = context.lock()
    manifest = context.manifest() if context.manifest_path.exists() else None
    require_allowed_hosts(context, lock, manifest)
    request = ClosureRequest(
        lock=lock, boards=arguments.board, all_platforms=arguments.all_platforms
    )
    options = FetchOptions(
        jobs=arguments.jobs,
        keep_going=arguments.keep_going,
        offline=arguments.offline,
        folders=mirror_folders(arguments),
        sizes=context.sizes().read,
        on_sizes=context.sizes().note,
    )
    store = context.store()
    with store.in_use():
        # A store that cannot be written forgets nothing either; what is missing says so below.
        with contextlib.suppress(KutterError):
            store.add_root(context.lock_path)
        report = fetch_closure(request, store, lambda: _door(context), context.progress, options)
        if not report.failures:
            paths = (store.locate(want.digest) for want in report.wanted)
            note.write(len(report.wanted), [store.root_path(context.lock_path), *paths])
        if arguments.export and not report.error():
            _export(context, lock, arguments.board, arguments.export)
    _tell(report, context)


def _export(context: Context, lock: "Lock", boards: Sequence[str] | None, target: Path) -> None:
    from kutterlock.vendor.export import export_downloads

    count = export_downloads(lock, boards or sorted(lock.boards), context.store(), target)
    context.output.say(f" exported    {counted(count, 'file')} to {target}")


def _door(context: Context) -> "Registries":
    """Open the network, for the hosts that the manifest allows. Only called when it is needed."""
    if not context.manifest_path.exists():
        return context.registries()
    return context.registries(allowed_hosts=context.manifest().policy.allowed_hosts)


def _tell_nothing_new(count: int, context: Context) -> None:
    context.output.json({**NOTHING_NEW, "present": count})
    context.output.say(f" closure     {counted(count, 'file')}: all present")


def _tell(report: "FetchReport", context: Context) -> None:
    context.output.json(_facts(report))
    report.check()
    files = report.present + len(report.fetched)
    if not report.fetched:
        _tell_nothing_new(files, context)
        return
    fetched = f"{len(report.fetched)} fetched ({human_size(report.size)})"
    context.output.say(f" closure     {counted(files, 'file')}: {fetched}")


def _facts(report: "FetchReport") -> dict[str, Any]:
    return {
        "present": report.present,
        "fetched": [want.name for want in report.fetched],
        "bytes": report.size,
        "missing": [
            {"name": item.want.name, "digest": item.want.digest, "causes": item.causes}
            for item in report.failures
        ],
        "not-tried": [want.name for want in report.untried],
    }
