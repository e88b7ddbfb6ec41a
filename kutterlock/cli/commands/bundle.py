"""`kutterlock bundle`: one signed file across the air gap, and back into a store and a project."""

import argparse
import importlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kutterlock.cli.context import Context
from kutterlock.cli.signers import add_signer_options
from kutterlock.cli.trusting import add_trust_options

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001

_SIZE = re.compile(r"([0-9]{1,12})([KMGT]?)\Z")
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def add(commands: "Commands") -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "bundle",
        description="Make, look at, rehearse and import bundles. docs/air-gap.md has the whole "
        "crossing.",
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    for declare in (_create, _inspect, _import, _inventory, _rehearse):
        _add_common(declare(actions))
    return parser


def run(arguments: argparse.Namespace, context: Context) -> int | None:
    """Do one action; the others are not loaded."""
    module, name = ACTIONS[arguments.action]
    action: Any = getattr(importlib.import_module(f"kutterlock.cli.{module}"), name)
    status: int | None = action(arguments, context)
    return status


ACTIONS = {
    "create": ("bundling", "run_create"),
    "inspect": ("bundle_inspect", "run_inspect"),
    "import": ("bundling", "run_import"),
    "inventory": ("bundling", "run_inventory"),
    "rehearse": ("rehearsal", "run_rehearse"),
}


def size(text: str) -> int:
    """Read a size for argparse: 4G is 4 * 10^9 bytes."""
    match = _SIZE.match(text)
    if not match or not int(match[1]):
        raise argparse.ArgumentTypeError(f"{text}: write a number, or one with K, M, G or T")
    return int(match[1]) * _UNITS[match[2]]


def _create(actions: "Commands") -> argparse.ArgumentParser:
    parser = actions.add_parser("create", help="write project and closure into one file")
    parser.add_argument("--board", metavar="B", action="append",
                        help="only what this board needs; may be given several times")  # fmt: skip
    parser.add_argument("--all-platforms", action="store_true",
                        help="all platforms of the images, as `vendor --all-platforms` fetched "
                        "them: some registries take no image of which one is missing"
                        )  # fmt: skip
    parser.add_argument("--since", metavar="BASE", type=Path,
                        help="a bundle or an inventory: leave out what it has")  # fmt: skip
    parser.add_argument("--volume-size", metavar="SIZE", type=size,
                        help="cut into volumes of at most this size (4G is 4 * 10^9 bytes)"
                        )  # fmt: skip
    parser.add_argument("-o", "--output", metavar="FILE", type=Path,
                        help="where it goes (default: PROJECT-VERSION.bundle.tar)")  # fmt: skip
    _add_tool_options(parser)
    _add_review_options(parser)
    add_trust_options(parser)
    add_signer_options(parser)
    return parser


def _add_tool_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("kutterlock in the bundle")
    group.add_argument("--python", metavar="VERSION", action="append", default=[],
                       help="carry kutterlock and its wheels for this Python (3.12); pip fetches "
                       "them; may be given several times")  # fmt: skip
    group.add_argument("--arch", metavar="ARCH", action="append", default=[],
                       help="... on this architecture (default: this machine's)")  # fmt: skip
    group.add_argument("--wheels", metavar="DIR", type=Path,
                       help="take the wheels from this folder instead; their hashes are checked"
                       )  # fmt: skip


def _add_review_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("for the approver")
    group.add_argument("--review", metavar="DIR", type=Path,
                       help="write a page, a table of every file, the bills of material, and how "
                       "to check it all by hand")  # fmt: skip
    group.add_argument("--sbom", action="store_true",
                       help="put the bills of material and licences into the bundle, too"
                       )  # fmt: skip
    group.add_argument("--previous", metavar="BUNDLE", type=Path,
                       help="what the page compares with (default: the bundle of --since)"
                       )  # fmt: skip


def _inspect(actions: "Commands") -> argparse.ArgumentParser:
    parser = actions.add_parser("inspect", help="show what a bundle holds, from its first volume")
    parser.add_argument("file", metavar="FILE", type=Path, help="the first volume")
    parser.add_argument("--files", action="store_true", help="list every file")
    add_trust_options(parser, unsigned=False)
    return parser


def _import(actions: "Commands") -> argparse.ArgumentParser:
    parser = actions.add_parser(
        "import",
        help="check a bundle and take it in",
        description="Checks the signature first, then every byte; nothing is seen of a bundle "
        "before all of it is right. Volumes may come one after the other; an import that was "
        "interrupted goes on where it stopped.",
    )
    parser.add_argument("file", metavar="FILE", nargs="*", type=Path, help="its volumes")
    parser.add_argument("--into", metavar="DIR", type=Path,
                        help="where the project goes (default: --project)")  # fmt: skip
    parser.add_argument("--replace", action="store_true",
                        help="replace files of the project that somebody changed")  # fmt: skip
    parser.add_argument("--root-digest", metavar="DIGEST",
                        help="first crossing: pin the bundle's trust root, whose digest you were "
                        "given another way")  # fmt: skip
    parser.add_argument("--abort", action="store_true",
                        help="drop what arrived of unfinished imports")  # fmt: skip
    add_trust_options(parser)
    return parser


def _inventory(actions: "Commands") -> argparse.ArgumentParser:
    parser = actions.add_parser("inventory", help="list what the store holds, for --since")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path,
                        help="write it here (default: stdout)")  # fmt: skip
    return parser


def _rehearse(actions: "Commands") -> argparse.ArgumentParser:
    parser = actions.add_parser(
        "rehearse",
        help="prove here that a bundle is enough there",
        description="Import into an empty store, verify and check the lock, and with --build "
        "build, with no network.",
    )
    parser.add_argument("file", metavar="FILE", nargs="+", type=Path, help="its volumes")
    parser.add_argument("--after", metavar="BASE", action="extend", nargs="+", type=Path,
                        default=[], help="volumes of bundles to import before, for a delta; in "
                        "their order")  # fmt: skip
    parser.add_argument("--build", action="store_true", help="build the boards, too")
    parser.add_argument("--board", metavar="B", action="append",
                        help="only this board; may be given several times")  # fmt: skip
    add_trust_options(parser)
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    from kutterlock.cli.main import add_common_options

    own = len(parser._actions)  # noqa: SLF001 -- argparse has no other list
    add_common_options(parser)
    for option in parser._actions[own:]:  # noqa: SLF001
        option.default = argparse.SUPPRESS  # `bundle --json create` has said it already
