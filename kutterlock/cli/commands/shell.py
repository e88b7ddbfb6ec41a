"""`kutterlock shell`: step into the sandbox of a board's build."""

import argparse
import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kutterlock.cli.commands.build import add_build_options
from kutterlock.cli.context import Context
from kutterlock.cli.trusting import add_trust_options, verified_lock
from kutterlock.errors import UsageError

if TYPE_CHECKING:
    from kutterlock.build.attempt import Attempt
    from kutterlock.build.workshop import Workshop
    from kutterlock.model.lock import BoardPin, Lock

STDOUT, STDERR = 1, 2

SHELL = ("/bin/bash", "-i")
"""Buildroot needs bash anyway, and dash cannot give back a terminal that it was given from outside
its process namespace: its status would always be 2."""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "shell",
        description="Open a shell where a build of the board runs: the same root file system, "
        "inputs, environment and empty network. After a failed build its tree is there.",
    )
    add_build_options(parser)
    add_trust_options(parser)
    parser.add_argument("words", metavar="COMMAND", nargs="*", help="run this (default: a shell)")
    return parser


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Lay out the board's inputs, keep a failed build's tree if there is one, and step in."""
    from kutterlock.build.attempt import enter
    from kutterlock.cli.doors import workshop as make_workshop

    lock = verified_lock(context, arguments).lock
    names = arguments.board or sorted(lock.boards)
    if len(names) != 1:
        raise UsageError(f"name one board with --board: {', '.join(sorted(lock.boards))}")
    workshop = make_workshop(context, arguments)
    attempt = _attempt(lock, lock.board(names[0]), workshop)
    argv = tuple(arguments.words) or SHELL
    context.output.json({"board": names[0], "command": argv})
    with _stdout_kept() if context.output.as_json else contextlib.nullcontext():
        return enter(attempt, workshop, argv)


@contextlib.contextmanager
def _stdout_kept() -> Iterator[None]:
    """Let programs that are run meanwhile print to stderr: stdout is for one JSON document."""
    kept = os.dup(STDOUT)
    os.dup2(STDERR, STDOUT)
    try:
        yield
    finally:
        os.dup2(kept, STDOUT)
        os.close(kept)


def _attempt(lock: "Lock", board: "BoardPin", workshop: "Workshop") -> "Attempt":
    from kutterlock.build.attempt import Attempt
    from kutterlock.build.workshop import board_derivation
    from kutterlock.model.sandbox.plan import Place

    workshop.require_closure(lock, board)
    name = f"{board_derivation(lock, board).directory_name}-1"
    return Attempt(
        lock=lock, board=board, environment=workshop.environment(lock), tree=workshop.tree(lock),
        directory=workshop.cache / "work" / name, place=Place(),
    )  # fmt: skip
