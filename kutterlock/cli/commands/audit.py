"""`kutterlock audit`: overrides and review dates, trust, ended support; and kernel options."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kutterlock.cli.context import Context
from kutterlock.cli.parser import day

if TYPE_CHECKING:
    from kutterlock.resolve.kernel import KernelOption


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser("audit")
    parser.add_argument(
        "--as-of",
        metavar="DATE",
        type=day,
        help="the day to judge at (default: today)",
    )
    parser.add_argument("--strict", action="store_true", help="exit 12 when something fails")
    parser.add_argument(
        "--kernel", metavar="CONFIG", nargs="?", const="",
        help="check this kernel's .config instead, for what runs on a node; without CONFIG: the "
        "one that the board's pinned kernel makes of the board's files",
    )  # fmt: skip
    parser.add_argument(
        "--board", metavar="NAME", help="with --kernel: for what this board asked for, too"
    )
    parser.add_argument(
        "--sandbox", choices=("bubblewrap", "unshare", "none"),
        help="with --kernel: make the configuration in this one (default: the strongest)",
    )  # fmt: skip
    return parser


def run(arguments: argparse.Namespace, context: Context) -> None:
    """Print what a reviewer should look at. Raises PolicyError when strict and something fails."""
    from kutterlock.errors import PolicyError, UsageError

    if arguments.board and arguments.kernel is None:
        raise UsageError("--board says whose kernel it is", hint="add --kernel [CONFIG]")
    judge = _lock if arguments.kernel is None else _kernel
    failed = judge(arguments, context)
    if failed and arguments.strict:
        count = "one finding fails" if failed == 1 else f"{failed} findings fail"
        raise PolicyError(f"{count}, and --strict allows none")


def _kernel(arguments: argparse.Namespace, context: Context) -> int:
    """Print what a kernel lacks; return how many options fail."""
    from kutterlock.errors import UsageError
    from kutterlock.model.buildroot.kconfig import check_honoured, parse_config
    from kutterlock.resolve.kernel import check_kernel

    if not arguments.kernel and not arguments.board:
        raise UsageError("whose kernel?", hint="name a board with --board, or a CONFIG")
    asked = _Asked(arguments.board, context) if arguments.board else None
    name, text = _configuration(asked, arguments, context)
    config = parse_config(text)
    if asked:
        check_honoured(asked.text(), config, f"board {arguments.board}", by="this kernel")
    return _tell_kernel(name, check_kernel(config, context.catalog().kernel_needs), context)


def _configuration(
    asked: "_Asked | None", arguments: argparse.Namespace, context: Context
) -> tuple[str, str]:
    """Return what the configuration is called, and its text."""
    if not arguments.kernel:
        assert asked is not None
        return _made(asked, arguments, context)
    path = Path(arguments.kernel)
    return path.name, _text(path)


def _text(path: Path) -> str:
    """Read a file of Kconfig's kind: what is no UTF-8 can only stand in comments and values."""
    from kutterlock.adapters.disk.files import explained

    with explained(path):
        return path.read_text("utf-8", "replace")


def _tell_kernel(name: str, found: "Sequence[KernelOption]", context: Context) -> int:
    failed = [option for option in found if option.fails]
    lacking = [option for option in found if option.value == "missing" and not option.fails]
    output = context.output
    output.say(f"{name}: {len(found)} options that somebody asks for")
    rows = [("FAILS", o.option, "missing: " + ", ".join(o.needed_by)) for o in failed]
    rows += [("note", o.option, "missing: " + ", ".join(o.wanted_by)) for o in lacking]
    output.table(rows or [("none is missing",)])
    output.json(
        {
            "kernel": name,
            "options": [
                {
                    "option": option.option,
                    "value": option.value,
                    "needed-by": list(option.needed_by),
                    "wanted-by": list(option.wanted_by),
                }
                for option in found
            ],
            "failures": [option.option for option in failed],
        }
    )
    return len(failed)


def _made(asked: "_Asked", arguments: argparse.Namespace, context: Context) -> tuple[str, str]:
    """Make the board's configuration; return what it is called, and its text."""
    from kutterlock.build.kernel import kernel_config
    from kutterlock.cli.doors import workshop
    from kutterlock.resolve.kernel import base_of

    arguments.output = None
    lock = context.lock()
    board = lock.board(asked.board)
    base = base_of(asked.defconfig, board.arch)
    made = kernel_config(lock, board, workshop(context, arguments), base, asked.files())
    context.output.say(f"{made.source} configured for {asked.board}: {made.path}")
    if not made.native:
        context.output.say("  without a compiler for it: options that ask for one are left out")
    return f"{asked.board}, {made.source}", made.text


class _Asked:
    """What a board's own files say of its kernel."""

    def __init__(self, board: str, context: Context) -> None:
        from kutterlock.adapters.disk.files import contained
        from kutterlock.errors import UsageError
        from kutterlock.model.buildroot.kconfig import parse_config
        from kutterlock.model.paths import RelativePath
        from kutterlock.resolve.kernel import tree_name

        boards = context.manifest().boards
        if board not in boards:
            known = ", ".join(boards)
            raise UsageError(f"kutter.toml has no board {board!r}", hint=f"known: {known}")
        request = boards[board]
        self.board = board
        places = [
            contained(context.project, RelativePath(f"overlays/{n}")) for n in request.overlays
        ]
        self._trees = {
            tree_name(_text(place / "external.desc")): place
            for place in places
            if (place / "external.desc").is_file()
        }
        found = [place / "configs" / request.defconfig for place in reversed(places)]
        text = next((_text(path) for path in found if path.is_file()), None)
        if text is None:
            raise UsageError(f"no overlay of board {board!r} has {request.defconfig}")
        self.defconfig = parse_config(text)

    def files(self) -> tuple[Path, ...]:
        """Return the kernel configuration files, the last one last."""
        from kutterlock.adapters.disk.files import contained
        from kutterlock.errors import UsageError
        from kutterlock.model.paths import RelativePath
        from kutterlock.resolve.kernel import configuration_files

        found = []
        for tree, name in configuration_files(self.defconfig):
            if tree not in self._trees:
                raise UsageError(f"{name}: no overlay of board {self.board!r} has this file")
            found.append(contained(self._trees[tree], RelativePath(name)))
        return tuple(found)

    def text(self) -> str:
        """Return all that the files say."""
        return "\n".join(_text(path) for path in self.files())


def _lock(arguments: argparse.Namespace, context: Context) -> int:
    """Print what the lock's pins come to; return how many findings fail."""
    from kutterlock.resolve.audit import audit

    as_of = arguments.as_of or context.now().date()
    found = audit(context.manifest(), context.lock(), context.catalog(), as_of)
    output = context.output
    output.say(f"overrides of {context.manifest_path.name}")
    output.table(found.overrides or [("none",)])
    output.say("pins by how their hash is trusted")
    output.table((level, str(count)) for level, count in found.trust.items())
    output.say(f"findings as of {as_of}")
    output.table(
        [
            ("FAILS" if f.fails else "note", f.rule, f"{f.subject} {f.reason}")
            for f in found.findings
        ]
        or [("none",)]
    )
    output.json(
        {
            "as-of": as_of,
            "overrides": [
                dict(zip(("name", "version", "review-by", "reason"), row, strict=True))
                for row in found.overrides
            ],
            "trust": found.trust,
            "findings": [finding.as_json() for finding in found.findings],
        }
    )
    return len(found.failures)
