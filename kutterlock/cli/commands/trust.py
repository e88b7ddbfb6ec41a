"""`kutterlock trust`: the trust root - make it, pin it, rotate it, look at it."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from kutterlock.cli.commands.sign import expiry
from kutterlock.cli.context import Context
from kutterlock.cli.signers import add_signer_options, find_public_key, make_signers
from kutterlock.cli.trusting import add_time_option, cabinet
from kutterlock.errors import UsageError

if TYPE_CHECKING:
    from kutterlock.model.signing.trustroot import NamedKey, SignedRoot
    from kutterlock.trust.rootwork import RootWish

VALID_DAYS = 730


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "trust",
        description="init makes kutter.root.json; sign adds a signature to it; pin makes it count "
        "for you, by a digest that you were given another way; rotate makes its next version; "
        "show prints what is pinned and what comes with the project.",
    )
    parser.add_argument("action", choices=tuple(ACTIONS), metavar="ACTION",
                        help=", ".join(ACTIONS))  # fmt: skip
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE",
                        help="a root (default: kutter.root.json of the project)")  # fmt: skip
    parser.add_argument("--digest", metavar="DIGEST", help="pin: the digest of the root")
    parser.add_argument("--add", metavar="[ROLE:]NAME=FILE", action="append", default=[],
                        help="init, rotate: a public key, for one role (root, lock, output, "
                        "image, bundle) or all")  # fmt: skip
    parser.add_argument("--remove", metavar="NAME", action="append", default=[],
                        help="rotate: a key that no longer counts")  # fmt: skip
    parser.add_argument("--threshold", metavar="[ROLE=]N", action="append", default=[],
                        help="init, rotate: how many must sign (default: 1)")  # fmt: skip
    parser.add_argument("--require", metavar="THING", action="append", default=[],
                        help="init, rotate: what must be signed: lock, output, image, bundle "
                        "(default: lock)")  # fmt: skip
    parser.add_argument("--expires", metavar="DATE",
                        help=f"init, rotate: default in {VALID_DAYS} days")  # fmt: skip
    add_time_option(parser)
    add_signer_options(parser)
    return parser


def run(arguments: argparse.Namespace, context: Context) -> None:
    """Do it."""
    ACTIONS[arguments.action](arguments, context)


def _init(arguments: argparse.Namespace, context: Context) -> None:
    from kutterlock.trust.rootwork import first_root

    path = _path(arguments, context)
    if path.exists():
        raise UsageError(f"{path} exists", hint="make its next version with `trust rotate`")
    root = first_root(context.manifest().name, _wish(arguments, context))
    _sign_and_write(arguments, context, root, path)


def _rotate(arguments: argparse.Namespace, context: Context) -> None:
    from kutterlock.adapters.disk.files import write_atomically
    from kutterlock.model.signing.signature_file import DIRECTORY
    from kutterlock.trust.rootwork import next_root

    path = _path(arguments, context)
    old = _read(path)
    new = next_root(old.root, _wish(arguments, context))
    write_atomically(path.parent / DIRECTORY / f"{old.root.version}.root.json", old.to_bytes())
    _sign_and_write(arguments, context, new, path)


def _sign(arguments: argparse.Namespace, context: Context) -> None:
    path = _path(arguments, context)
    _sign_and_write(arguments, context, _read(path), path)


def _pin(arguments: argparse.Namespace, context: Context) -> None:
    from kutterlock.model.digest import Digest

    root = _read(_path(arguments, context))
    if not arguments.digest:
        raise UsageError(
            "pinning needs --digest: the digest of the root, received another way than the root",
            hint="its keepers see it with `kutterlock trust show`",
        )
    try:
        digest = Digest.parse(arguments.digest)
    except ValueError as error:
        raise UsageError(f"--digest: {error}") from error
    cabinet(context).pin(root, digest)
    _tell(context, "pinned", root)
    context.output.json({"pinned": _facts(root)})


def _show(arguments: argparse.Namespace, context: Context) -> None:
    from kutterlock.trust.papers import current_root

    path = _path(arguments, context)
    offered = _read(path) if path.exists() else None
    if offered is None and not context.manifest_path.exists():
        _show_pins(context)
        return
    name = offered.root.project if offered else context.manifest().name
    pinned = cabinet(context).pinned(name)
    if offered:
        _tell(context, "comes with the project", offered)
    if pinned:
        _tell(context, "pinned", pinned)
        current = current_root(cabinet(context), name, context.project)
        if current and current.root.version != pinned.root.version:
            context.output.say(f"rotation to version {current.root.version} accepted")
    else:
        context.output.say(f"no trust root is pinned for project {name!r}")
    context.output.json({
        "offered": _facts(offered) if offered else None,
        "pinned": _facts(pinned) if pinned else None,
    })  # fmt: skip


def _show_pins(context: Context) -> None:
    """Show every pinned root: there is no project here."""
    place = cabinet(context)
    pins = [root for name in place.projects() if (root := place.pinned(name))]
    for root in pins:
        _tell(context, "pinned", root)
    if not pins:
        context.output.say("no trust root is pinned")
    context.output.json({"pinned": [_facts(root) for root in pins]})


ACTIONS = {"init": _init, "sign": _sign, "pin": _pin, "rotate": _rotate, "show": _show}


def _wish(arguments: argparse.Namespace, context: Context) -> "RootWish":
    from kutterlock.trust.rootwork import RootWish

    return RootWish(
        expires=expiry(arguments.expires, context.now(), VALID_DAYS),
        add=tuple(_named(context, text) for text in arguments.add),
        remove=tuple(arguments.remove),
        thresholds=dict(_threshold(text) for text in arguments.threshold),
        require=tuple(arguments.require),
    )


def _named(context: Context, text: str) -> "tuple[str, NamedKey]":
    from kutterlock.model.signing.trustroot import ROLES, NamedKey

    role, colon, rest = text.partition(":")
    if not colon or role not in ROLES:
        role, rest = "", text
    name, equals, file = rest.partition("=")
    if not equals:
        name, file = Path(rest).name.partition(".")[0], rest
    return role, NamedKey(name=name, key=find_public_key(context, file))


def _threshold(text: str) -> tuple[str, int]:
    role, equals, number = text.rpartition("=")
    if not number.isdecimal() or (equals and not role):
        raise UsageError(f"--threshold {text}: not of the form N or ROLE=N")
    return role, int(number)


def _sign_and_write(
    arguments: argparse.Namespace, context: Context, root: "SignedRoot", path: Path
) -> None:
    from kutterlock.adapters.disk.files import write_atomically
    from kutterlock.trust.rootwork import sign_root, standing

    signers = make_signers(context, arguments) if _someone(arguments) else []
    signed = sign_root(root, signers)
    write_atomically(path, signed.to_bytes())
    _tell(context, f"{path.name} written", signed)
    for line in standing(signed):
        context.output.say(f"  {line}")
    context.output.json({"written": str(path), **_facts(signed)})


def _someone(arguments: argparse.Namespace) -> bool:
    return bool(arguments.key or arguments.agent or arguments.signer or arguments.action == "sign")


def _path(arguments: argparse.Namespace, context: Context) -> Path:
    from kutterlock.model.signing.trustroot import ROOT_NAME

    return arguments.file or context.project / ROOT_NAME


def _read(path: Path) -> "SignedRoot":
    from kutterlock.model.signing.trustroot import read_root
    from kutterlock.trust.papers import read_bounded

    return read_root(read_bounded(path))


def _tell(context: Context, verb: str, signed: "SignedRoot") -> None:
    from kutterlock.model.times import write_time

    root = signed.root
    say = context.output.say
    say(f"trust root {root.version} of {root.project}: {verb}")
    say(f"  {signed.digest}")
    say(f"  expires {write_time(root.expires)}; demands signatures of: "
        f"{', '.join(root.require) or 'nothing'}")  # fmt: skip
    for name, role in root.roles.items():
        names = ", ".join(str(item) for item in root.keys_of(name))
        say(f"  {name:<7} {role.threshold} of {len(role.keys)}: {names}")


def _facts(signed: "SignedRoot") -> dict[str, object]:
    root = signed.root
    return {
        "project": root.project,
        "version": root.version,
        "digest": signed.digest,
        "expires": root.expires,
        "require": root.require,
        "keys": {item.name: key_id for key_id, item in root.keys.items()},
        "roles": {
            name: {"keys": [item.name for item in root.keys_of(name)], "threshold": role.threshold}
            for name, role in root.roles.items()
        },
        "signatures": sorted(signed.signatures),
    }
