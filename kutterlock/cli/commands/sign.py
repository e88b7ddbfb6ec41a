"""`kutterlock sign`: sign the lock with its release statement, a bundle, or a file."""

import argparse
import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from kutterlock.cli.context import Context
from kutterlock.cli.parser import Offer
from kutterlock.cli.signers import add_signer_options, make_signers
from kutterlock.errors import UsageError
from kutterlock.model.signing.signature_file import FORMS

if TYPE_CHECKING:
    from kutterlock.model.digest import Digest

VALID_DAYS = 365


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "sign",
        description="Sign kutter.lock and kutter.release.json, which names its digest. A second "
        "signer runs the same command: a signature is added beside the others.",
    )
    parser.add_argument("target", nargs="?", default="lock", metavar="TARGET",
                        action=Offer, words=("lock", "bundle"),
                        help="lock (default); bundle: add signatures to the volumes named; or a "
                        "file: it gets signatures beside it, and no release statement"
                        )  # fmt: skip
    parser.add_argument("file", nargs="*", metavar="FILE", help="bundle: all of its volumes")
    parser.add_argument("--form", metavar="FORM", action="append", choices=FORMS, default=[],
                        help=f"a form of signature: {', '.join(FORMS)} (default: the first "
                        "two); may be given several times")  # fmt: skip
    parser.add_argument("--expires", metavar="DATE",
                        help=f"when it expires (default: in {VALID_DAYS} days)")  # fmt: skip
    parser.add_argument("--release", metavar="N", type=int, default=0,
                        help="the release's version (default: the next)")  # fmt: skip
    parser.add_argument("--withdraw", metavar="DIGEST", action="append", default=[],
                        help="withdraw a lock: nobody who saw this release builds it")  # fmt: skip
    add_signer_options(parser)
    return parser


def run(arguments: argparse.Namespace, context: Context) -> None:
    """Sign the lock, a bundle, or a file."""
    if (arguments.target == "bundle") != bool(arguments.file):
        raise UsageError(
            "`sign bundle` takes all volumes of a bundle, other targets no further file"
        )
    if arguments.target == "bundle":
        from kutterlock.cli.bundle_verify import sign_bundle_files
        from kutterlock.trust.signatures import DEFAULT_FORMS

        sign_bundle_files(arguments, context, arguments.form or list(DEFAULT_FORMS))
    elif arguments.target == "lock":
        _sign_lock(arguments, context)
    else:
        _sign_file(arguments, context, Path(arguments.target))


def _sign_file(arguments: argparse.Namespace, context: Context, path: Path) -> None:
    from kutterlock.trust.signatures import (
        DEFAULT_FORMS,
        make_signatures,
        read_document,
        write_signed,
    )

    if not path.is_file():
        raise UsageError(f"there is no file {path}", hint="name a file, or `lock`")
    data, forms = read_document(path), arguments.form or DEFAULT_FORMS
    made: dict[Path, bytes] = {}
    for signer in make_signers(context, arguments):
        made |= make_signatures(path, data, signer, f"file:{path.name}", forms)
    write_signed(made)
    for file in made:
        context.output.say(f"  {file}")
    context.output.json({"written": [str(file) for file in made]})


def _sign_lock(arguments: argparse.Namespace, context: Context) -> None:
    from kutterlock.cli.trusting import cabinet
    from kutterlock.trust.release import ReleaseRequest, sign_lock
    from kutterlock.trust.signatures import DEFAULT_FORMS

    lock = context.lock()
    now = context.now()
    request = ReleaseRequest(
        now=now,
        expires=expiry(arguments.expires, now, VALID_DAYS),
        version=arguments.release,
        withdraws=tuple(_digest(text) for text in arguments.withdraw),
        new=bool(arguments.withdraw or arguments.release or arguments.expires),
    )
    seen = cabinet(context).seen(lock.project)
    signers = make_signers(context, arguments)
    done = sign_lock(context.project, lock, seen, request, signers, arguments.form or DEFAULT_FORMS)
    verb = "written" if done.fresh else "co-signed"
    context.output.say(f" release {done.release.version} of {lock.project} {verb}")
    names = [str(path.relative_to(context.project)) for path in done.written]
    for name in names:
        context.output.say(f"  {name}")
    context.output.json({"release": done.release.version, "fresh": done.fresh, "written": names})


def expiry(text: str | None, now: datetime.datetime, days: int) -> datetime.datetime:
    """Return the moment that `text` names, else `days` from now. Raises UsageError."""
    from kutterlock.model.times import read_moment

    if text is None:
        return now + datetime.timedelta(days=days)
    try:
        moment = read_moment(text)
    except ValueError as error:
        raise UsageError(f"--expires: {error}") from error
    if moment <= now:
        raise UsageError(f"--expires {text} is past")
    return moment


def _digest(text: str) -> "Digest":
    from kutterlock.model.digest import Digest

    try:
        return Digest.parse(text)
    except ValueError as error:
        raise UsageError(f"--withdraw: {error}") from error
