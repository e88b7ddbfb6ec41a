"""`kutterlock tree`: what each board is made of."""

import argparse
from typing import TYPE_CHECKING, Any

from kutterlock.cli.context import Context

if TYPE_CHECKING:
    from kutterlock.model.lock import BoardPin, Lock


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser("tree")
    parser.add_argument("--board", metavar="B", action="append", default=[], help="a board")
    parser.add_argument(
        "--sizes", action="store_true",
        help="how large: the newest output's files, packages as installed, images as vendored",
    )  # fmt: skip
    parser.add_argument("--svg", metavar="DIR", help="with --sizes: draw them, BOARD-*.svg")
    parser.add_argument("--output", metavar="DIR", help="where outputs are (default: output)")
    return parser


def run(arguments: argparse.Namespace, context: Context) -> None:
    """Print a board's overlays, packages with their sources, images and environment."""
    from kutterlock.errors import UsageError

    if arguments.svg and not arguments.sizes:
        raise UsageError("--svg goes with --sizes")
    lock = context.lock()
    boards = [lock.board(name) for name in arguments.board or sorted(lock.boards)]
    if arguments.sizes:
        from kutterlock.cli.sizing import print_sizes

        print_sizes(arguments, context, boards)
        return
    for board in boards:
        _print(context, lock, board)
    context.output.json({"boards": {board.name: _facts(lock, board) for board in boards}})


def _print(context: Context, lock: "Lock", board: "BoardPin") -> None:
    say = context.output.say
    say(f"{board.name} ({board.arch}, {board.defconfig})")
    say(f"  buildroot: {lock.buildroot}")
    environment = lock.environment
    say(f"  build environment: {environment.kind} {environment.suite}".rstrip())
    for name in board.overlays:
        say(f"  overlay {name}: {lock.overlays[name]}")
    by_package = _sources_by_package(lock, board)
    say(f"  packages: {len(board.packages)}")
    for name, version in sorted(board.packages.items()):
        files = ", ".join(by_package.get(name.removeprefix("host-"), []))
        say(f"    {name} {version}" + (f"  <- {files}" if files else ""))
    for reference in board.images:
        say(f"  image {reference}@{lock.images[reference].digest}")


def _sources_by_package(lock: "Lock", board: "BoardPin") -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key in board.sources:
        for package in lock.sources[key].packages:
            found.setdefault(package, []).append(str(lock.sources[key].path.name))
    return found


def _facts(lock: "Lock", board: "BoardPin") -> dict[str, Any]:
    return {
        "arch": board.arch,
        "buildroot": lock.buildroot,
        "overlays": {name: str(lock.overlays[name]) for name in board.overlays},
        "packages": dict(board.packages),
        "sources": {key: str(lock.sources[key].digest) for key in board.sources},
        "images": {name: str(lock.images[name].digest) for name in board.images},
    }
