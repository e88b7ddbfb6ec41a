"""Judges the project's lock for a command: the options, the pinned root, the releases seen."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from kutterlock.cli.context import Context
from kutterlock.errors import UntrustedError, UsageError

if TYPE_CHECKING:
    import datetime

    from kutterlock.cli.evidence import Evidence
    from kutterlock.model.lock import Lock
    from kutterlock.model.manifest import Manifest
    from kutterlock.model.signing.keys import PublicKey
    from kutterlock.model.signing.trustroot import SignedRoot
    from kutterlock.trust.outputs import OutputPapers
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


def time_of_judgement(context: Context, arguments: argparse.Namespace) -> "datetime.datetime":
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
    from kutterlock.trust.verified import Judge

    at = time_of_judgement(context, arguments)
    if getattr(arguments, "unsigned", False):
        return Judge(at=at, unsigned=True)
    papers = cabinet(context)
    return Judge(
        at=at,
        root=_root(context, lock.project, manifest),
        require=manifest.trust_require if manifest else (),
        seen=papers.seen(lock.project),
        pinned=papers.projects(),
        allow_rollback=arguments.allow_rollback,
    )


def _root(context: Context, project: str, manifest: "Manifest | None") -> "SignedRoot | None":
    """Return the newest root that the pinned one leads to, with what the manifest demands more."""
    from kutterlock.model.signing.trustroot import raised
    from kutterlock.trust.papers import current_root

    root = current_root(cabinet(context), project, context.project)
    return raised(root, manifest.trust_thresholds) if root and manifest else root


def require_allowed_hosts(context: Context, lock: "Lock", manifest: "Manifest | None") -> int:
    """Hold a lock against the manifest's host policy and the user's own. Raises PolicyError."""
    from kutterlock.model.net.hosts import require_hosts

    checked = require_hosts(lock, context.settings.allowed_hosts, "your configuration")
    if manifest is None:
        return checked
    return max(checked, require_hosts(lock, manifest.policy.allowed_hosts, "kutter.toml"))


def verified_lock(context: Context, arguments: argparse.Namespace) -> "VerifiedLock":
    """Judge the project's lock, and remember the release.

    Raises LockError, UntrustedError, PolicyError.
    """
    from kutterlock.adapters.tomlfile import parse_lock_bytes
    from kutterlock.trust.papers import read_papers
    from kutterlock.trust.verified import Finding, verify_lock

    context.expect_lock()
    papers = read_papers(context.project)
    lock = parse_lock_bytes(papers.lock, context.lock_path)
    manifest = context.manifest() if context.manifest_path.exists() else None
    checked = require_allowed_hosts(context, lock, manifest)
    verified = verify_lock(lock, papers, make_judge(context, arguments, lock, manifest))
    if checked:
        finding = Finding(check="hosts", result=f"{checked} URLs, all on allowed hosts")
        from dataclasses import replace

        verified = replace(verified, findings=(*verified.findings, finding))
    if verified.seen is not None:
        cabinet(context).saw(lock.project, verified.seen)
    return verified


def tell_signers(context: Context, verified: "VerifiedLock") -> None:
    """Say in one line by whom the lock is signed, or that it is not."""
    if verified.unsigned:
        tell_unsigned(context)
    elif verified.release is None:
        unsigned = [item for item in verified.findings if item.check != "hosts"]
        context.output.say(f" lock        {unsigned[-1].result}")
    else:
        names = ", ".join(verified.signers)
        context.output.say(f" lock        release {verified.release.version}, signed by {names}")


def tell_unsigned(context: Context) -> None:
    """Say that nobody looked at who signed the lock."""
    context.output.say(" lock        NOT verified (--unsigned): the output cannot be signed")


def judge_of_output(
    context: Context, arguments: argparse.Namespace, papers: "OutputPapers"
) -> "Judge":
    """Return what an output is judged by.

    The root is that of the project at hand, else of the one that the provenance names.
    """
    from kutterlock.trust.verified import Judge

    place = cabinet(context)
    manifest = context.manifest() if context.manifest_path.exists() else None
    name = manifest.name if manifest else papers.project
    return Judge(
        at=time_of_judgement(context, arguments),
        root=_root(context, name, manifest) if name else None,
        require=manifest.trust_require if manifest else (),
        pinned=place.projects(),
    )


def verify_signed_file(context: Context, arguments: argparse.Namespace, path: Path) -> "Evidence":
    """Check every signature beside a file. Raises UntrustedError where no key that counts did."""
    from kutterlock.cli.evidence import Evidence
    from kutterlock.cli.signers import find_public_key
    from kutterlock.model.digest import Digest
    from kutterlock.trust.signatures import examine, find_signatures, read_document
    from kutterlock.trust.verified import Finding

    named = {name: find_public_key(context, name) for name in arguments.public_key}
    keys = named or _pinned_keys(context, arguments)
    data = read_document(path)
    examined = examine(data, find_signatures(path), keys.values(), "file")
    signers = tuple(name for name, key in keys.items() if key.id in examined.signers)
    if not signers:
        raise UntrustedError(
            f"{path.name} is signed by none of: {', '.join(keys)}",
            details=[f"{name}: by another key" for name in examined.strangers],
            hint="name the key whose signature counts with --public-key",
        )
    findings = [Finding(check=path.name, result=str(Digest.of(data)))]
    findings += [
        Finding(check="signature", result=f"{name} in {', '.join(examined.good[keys[name].id])}")
        for name in signers
    ]
    findings += [
        Finding(check="signature", result=f"{name}: by another key") for name in examined.strangers
    ]
    return Evidence(
        subject=str(path),
        findings=tuple(findings),
        signers=signers,
        uncovered=("whether the file is the newest: only locks have releases",),
    )


def _pinned_keys(context: Context, arguments: argparse.Namespace) -> "dict[str, PublicKey]":
    from kutterlock.model.signing.trustroot import require_unexpired
    from kutterlock.trust.papers import current_root

    manifest = context.manifest() if context.manifest_path.exists() else None
    root = current_root(cabinet(context), manifest.name, context.project) if manifest else None
    if root is None:
        raise UsageError(
            "no key was named, and no trust root is pinned for the project here",
            hint="name a public key with --public-key",
        )
    require_unexpired(root.root, time_of_judgement(context, arguments))
    return {item.name: item.key for item in root.root.keys.values()}
