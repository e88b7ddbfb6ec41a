"""`kutterlock boot`: start a board's output in QEMU and wait for a text on its console."""

import argparse
from pathlib import Path

from kutterlock.cli.context import Context
from kutterlock.errors import MissingInputError, UsageError

EXPECT = "login:"
TIMEOUT = 600.0


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser("boot")
    parser.add_argument("--board", metavar="B", required=True, help="the board to boot")
    parser.add_argument("--expect", metavar="TEXT", default=EXPECT,
                        help=f"the text that proves it booted (default: {EXPECT})")  # fmt: skip
    parser.add_argument("--timeout", metavar="S", type=seconds, default=TIMEOUT,
                        help=f"give up after S seconds (default: {TIMEOUT:g})")  # fmt: skip
    parser.add_argument("--output", metavar="DIR",
                        help="where outputs are (default: output)")  # fmt: skip
    parser.add_argument("--kvm", action="store_true",
                        help="use the processor's help; on some machines it hangs")  # fmt: skip
    return parser


def seconds(text: str) -> float:
    """Read a number above zero, for argparse."""
    number = float(text)
    if not 0 < number < float("inf"):
        raise ValueError(text)
    return number


def run(arguments: argparse.Namespace, context: Context) -> None:
    """Boot, showing the console. Raises BootError when the text does not come."""
    from kutterlock.adapters.qemu import Machine
    from kutterlock.build.boot import BootOptions, boot
    from kutterlock.cli.doors import output_root

    board = context.manifest().boards.get(arguments.board)
    if board is None or board.boot is None:
        raise UsageError(
            f"kutter.toml has no [boards.{arguments.board}.boot]",
            hint="name the kernel and initrd, or the disk, that QEMU is to start",
        )
    files = _files(output_root(context, arguments) / board.name, board.name)
    options = BootOptions(
        expect=arguments.expect,
        timeout=arguments.timeout,
        log=context.cache / "boot" / f"{board.name}.log",
        search_path=context.environ.get("PATH", ""),
    )
    started = context.now()
    machine = Machine(request=board.boot, arch=board.arch, files=files, kvm=arguments.kvm)
    boot(machine, options, context.output.say)
    took = (context.now() - started).total_seconds()
    context.output.say(f" boot        {arguments.expect!r} came after {took:.0f} s")
    context.output.json({
        "board": board.name, "expect": arguments.expect, "seconds": took, "log": str(options.log),
    })  # fmt: skip


def _files(output: Path, board: str) -> Path:
    from kutterlock.model.output import FILES_NAME

    if not (output / FILES_NAME).is_dir():
        raise MissingInputError(
            f"board {board} has no output at {output}",
            hint=f"build it first: kutterlock build --board {board}",
        )
    return output / FILES_NAME
