"""Judges the project's lock for a command: the options, the pinned root, the releases seen."""

import argparse
import datetime
from typing import TYPE_CHECKING

from kutterlock.cli.context import Context
from kutterlock.errors import UsageError

if TYPE_CHECKING:
    from kutterlock.model.lock import Lock
    from kutterlock.model.manifest import Manifest
    from kutterlock.trust.papers import Cabinet
    from kutterlock.trust.verified import Judge, VerifiedLock


def add_trust_options(parser: argparse.ArgumentParser, *, unsigned: bool = True) -> None:
    """Add what bends the judgement, each on purpose."""
    group = parser.add_argument_group("trust")
    add_time_option(group)
    group.add_argument("--allow-rollback", action="store_true",
                       help="accept a release that is older than one seen before")  # fmt: skip
    if unsigned:
        group.add_argument("--unsigned", action="store_true",
                           help="look at no signature: a development build, marked so, which "
                           "cannot be signed")  # fmt: skip


def add_time_option(parser: argparse._ActionsContainer) -> None:
    """Add the time of judgement."""
    parser.add_argument("--at", metavar="TIME",
                        help="judge expiry at this time (2026-11-22 or 2026-11-22T12:00:00Z; "
                        "default: now)")  # fmt: skip


def cabinet(context: Context) -> "Cabinet":
    """Return the user's pinned roots and releases seen."""
    from kutterlock.trust.papers import Cabinet

    return Cabinet(config=context.config, state=context.state)


def time_of_judgement(context: Context, arguments: argparse.Namespace) -> datetime.datetime:
    """Return `--at`, else now. Raises UsageError."""
    from kutterlock.model.times import read_moment

    if not arguments.at:
        return context.now()
    try:
        return read_moment(arguments.at)
    except ValueError as error:
        raise UsageError(f"--at: {error}") from error


def make_judge(
    context: Context, arguments: argparse.Namespace, lock: "Lock", manifest: "Manifest | None"
) -> "Judge":
    """Gather what the lock is judged by; a newer root that the pinned one leads to is kept."""
    from kutterlock.trust.papers import current_root
    from kutterlock.trust.verified import Judge

    papers = cabinet(context)
    root = current_root(papers, lock.project, context.project)
    return Judge(
        at=time_of_judgement(context, arguments),
        root=root,
        require=manifest.trust_require if manifest else (),
        seen=papers.seen(lock.project),
        pinned=papers.projects(),
        allow_rollback=arguments.allow_rollback,
        unsigned=getattr(arguments, "unsigned", False),
    )


def verified_lock(context: Context, arguments: argparse.Namespace) -> "VerifiedLock":
    """Judge the project's lock, and remember the release. Raises LockError, UntrustedError."""
    from kutterlock.adapters.tomlfile import parse_lock_bytes
    from kutterlock.trust.papers import read_papers
    from kutterlock.trust.verified import verify_lock

    papers = read_papers(context.project)
    lock = parse_lock_bytes(papers.lock, context.lock_path)
    manifest = context.manifest() if context.manifest_path.exists() else None
    verified = verify_lock(lock, papers, make_judge(context, arguments, lock, manifest))
    if verified.seen is not None:
        cabinet(context).saw(lock.project, verified.seen)
    return verified


def tell_signers(context: Context, verified: "VerifiedLock") -> None:
    """Say in one line by whom the lock is signed, or that it is not."""
    if verified.unsigned:
        context.output.say(" lock        NOT verified (--unsigned): the output cannot be signed")
    elif verified.release is None:
        context.output.say(f" lock        {verified.findings[-1].result}")
    else:
        names = ", ".join(verified.signers)
        context.output.say(f" lock        release {verified.release.version}, signed by {names}")
