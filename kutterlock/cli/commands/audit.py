"""`kutterlock audit`: overrides and review dates, trust, ended support; and kernel options."""

import argparse
import datetime
from pathlib import Path

from kutterlock.cli.context import Context


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser("audit")
    parser.add_argument(
        "--as-of",
        metavar="DATE",
        type=datetime.date.fromisoformat,
        help="the day to judge at (default: today)",
    )
    parser.add_argument("--strict", action="store_true", help="exit 12 when something fails")
    parser.add_argument(
        "--kernel", metavar="CONFIG",
        help="check this kernel's .config instead, for what runs on a node",
    )  # fmt: skip
    parser.add_argument(
        "--board", metavar="NAME", help="with --kernel: for what this board asked for, too"
    )
    return parser


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Print what a reviewer should look at. Returns 12 when strict and something fails."""
    from kutterlock.errors import UsageError

    if arguments.kernel:
        return _kernel(arguments, context)
    if arguments.board:
        raise UsageError("--board says whose kernel it is", hint="add --kernel CONFIG")
    return _lock(arguments, context)


def _kernel(arguments: argparse.Namespace, context: Context) -> int:
    from kutterlock.adapters.files import explained
    from kutterlock.errors import PolicyError
    from kutterlock.model.kconfig import check_honoured, parse_config
    from kutterlock.resolve.kernel import check_kernel

    path = Path(arguments.kernel)
    with explained(path):
        config = parse_config(path.read_text("utf-8", "replace"))
    if arguments.board:
        asked = _asked(arguments.board, context)
        check_honoured(asked, config, f"board {arguments.board}", by="this kernel")
    found = check_kernel(config, context.catalog().kernel_needs)
    failed = [option for option in found if option.fails]
    lacking = [option for option in found if option.value == "missing" and not option.fails]
    output = context.output
    output.say(f"{path.name}: {len(found)} options that somebody asks for")
    rows = [("FAILS", o.option, "missing: " + ", ".join(o.needed_by)) for o in failed]
    rows += [("note", o.option, "missing: " + ", ".join(o.wanted_by)) for o in lacking]
    output.table(rows or [("none is missing",)])
    output.json(
        {
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
    return PolicyError.exit_code if arguments.strict and failed else 0


def _asked(board: str, context: Context) -> str:
    """Return all that a board's kernel configuration files say, the last file last."""
    from kutterlock.adapters.files import contained, explained
    from kutterlock.errors import UsageError
    from kutterlock.model.kconfig import parse_config
    from kutterlock.model.paths import RelativePath
    from kutterlock.resolve.kernel import configuration_files

    boards = context.manifest().boards
    if board not in boards:
        raise UsageError(f"kutter.toml has no board {board!r}", hint="known: " + ", ".join(boards))
    request = boards[board]
    for overlay in reversed(request.overlays):
        tree = contained(context.project, RelativePath(f"overlays/{overlay}"))
        defconfig = tree / "configs" / request.defconfig
        if defconfig.is_file():
            names = configuration_files(parse_config(defconfig.read_text()))
            with explained(tree):
                return "\n".join(contained(tree, RelativePath(n)).read_text() for n in names)
    raise UsageError(f"no overlay of board {board!r} has {request.defconfig}")


def _lock(arguments: argparse.Namespace, context: Context) -> int:
    from kutterlock.errors import PolicyError
    from kutterlock.resolve.audit import audit

    as_of = arguments.as_of or context.now().date()
    found = audit(context.manifest(), context.lock(), context.catalog(), as_of)
    status = PolicyError.exit_code if arguments.strict and found.failures else 0
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
            "exit-code": status,
        }
    )
    return status
