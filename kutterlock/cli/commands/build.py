"""`kutterlock build`: build boards from the lock, in a sandbox without a network."""

import argparse
from typing import TYPE_CHECKING

from kutterlock.cli.context import Context
from kutterlock.cli.doors import add_network_options
from kutterlock.cli.output import human_size
from kutterlock.cli.parser import positive
from kutterlock.cli.trusting import add_trust_options
from kutterlock.errors import UsageError

if TYPE_CHECKING:
    from kutterlock.build.run import BuildOptions, Built

VARIATIONS = ("path", "hostname", "timezone", "umask", "clock")


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "build",
        description="Build boards from the lock. What was built before is not built again.",
    )
    add_build_options(parser)
    add_trust_options(parser)
    parser.add_argument("--offline", action="store_true", help="fetch nothing, open no socket")
    parser.add_argument("--rebuild", action="store_true", help="build once more, compare the bytes")
    parser.add_argument(
        "--vary", metavar="WHAT", type=_variations, default=frozenset(),
        help=f"what --rebuild varies inside the sandbox too: {','.join(VARIATIONS)}",
    )  # fmt: skip
    parser.add_argument("-j", "--jobs", metavar="N", type=positive, default=0,
                        help="run N jobs at once (default: as many as there are CPUs)"
                        )  # fmt: skip
    parser.add_argument(
        "--drop-failed", action="store_true", help="keep only the log of a failed build"
    )
    add_network_options(parser)
    return parser


def add_build_options(parser: argparse.ArgumentParser) -> None:
    """Add what every command takes that works in a board's sandbox."""
    parser.add_argument(
        "--board", metavar="B", action="append", default=[], help="a board (default: all)"
    )
    parser.add_argument("--output", metavar="DIR", help="where outputs go (default: output)")
    parser.add_argument(
        "--sandbox", choices=("bubblewrap", "unshare", "none"),
        help="use this sandbox (default: the strongest that works; none protects nothing)",
    )  # fmt: skip


def run(arguments: argparse.Namespace, context: Context) -> None:
    """Build each board in turn and print where its output is."""
    from kutterlock.build.run import build_board
    from kutterlock.cli.doors import fetch_closure
    from kutterlock.cli.doors import workshop as make_workshop
    from kutterlock.cli.trusting import tell_signers, verified_lock
    from kutterlock.resolve.staleness import require_current

    if arguments.vary and not arguments.rebuild:
        raise UsageError("--vary goes with --rebuild")
    verified = verified_lock(context, arguments)
    lock = verified.lock
    tell_signers(context, verified)
    require_current(context.manifest(), lock, context.project)
    boards = [lock.board(name) for name in arguments.board or sorted(lock.boards)]
    if not arguments.offline:
        fetch_closure(context, lock, [board.name for board in boards])
    workshop = make_workshop(context, arguments)
    options = _options(arguments, context)
    facts = []
    for board in boards:
        built = build_board(verified, board, workshop, options)
        _print(context, built)
        facts.append(_facts(built))
    context.output.json(
        {
            "lock": verified.digest,
            "signers": verified.signers,
            "unsigned": verified.unsigned,
            "outputs": facts,
        }
    )


def _options(arguments: argparse.Namespace, context: Context) -> "BuildOptions":
    from kutterlock.adapters.diffoscope import explain_difference
    from kutterlock.build.run import BuildOptions

    search_path = context.environ.get("PATH", "")
    return BuildOptions(
        clock=lambda: context.now().isoformat(timespec="seconds"),
        jobs=arguments.jobs,
        rebuild=arguments.rebuild,
        variations=arguments.vary,
        keep_failed=not arguments.drop_failed,
        explain=lambda one, two: explain_difference(one, two, search_path),
    )


def _variations(text: str) -> frozenset[str]:
    names = frozenset(text.split(","))
    if unknown := names - set(VARIATIONS):
        raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: not one of {VARIATIONS}")
    return names


def _print(context: Context, built: "Built") -> None:
    say = context.output.say
    verb = "built" if built.fresh else "was built before"
    say(f"{built.manifest.board}: {verb}")
    context.output.table(
        [f"  {file.path}", human_size(file.size), file.digest] for file in built.manifest.files
    )
    if built.reproduced:
        say("  reproduced: a second build gave the same bytes")
        say(f"  varied: {', '.join(built.reproduced.varied)}")
        for line in built.reproduced.fixed:
            say(f"  not varied: {line}")
    if not built.manifest.pure:
        say('  impure: the build environment is this machine\'s own (kind = "host")')
    say(f"  {built.directory}")


def _facts(built: "Built") -> dict[str, object]:
    return {
        "board": built.manifest.board,
        "directory": str(built.directory),
        "derivation": built.manifest.derivation,
        "fresh": built.fresh,
        "reproduced": bool(built.reproduced),
        "varied": list(built.reproduced.varied) if built.reproduced else [],
        "not-varied": list(built.reproduced.fixed) if built.reproduced else [],
        "pure": built.manifest.pure,
        "files": {str(f.path): f.digest for f in built.manifest.files},
    }
