"""`kutterlock verify bundle`: judge a bundle without taking it in. `sign bundle`: sign one."""

import argparse
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from kutterlock.cli.bundling import bundle_judge
from kutterlock.cli.context import Context
from kutterlock.cli.evidence import CONTENT, Evidence
from kutterlock.cli.output import human_size
from kutterlock.model.encoding.text import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kutterlock.bundle.volume import Head, Volume
    from kutterlock.errors import VolumeMissingError
    from kutterlock.model.bundle.manifest import Bundle
    from kutterlock.trust.verified import Finding, Judge, VerifiedLock


def verify_bundle(
    arguments: argparse.Namespace, context: Context, paths: list[Path]
) -> "tuple[Evidence, VolumeMissingError | None]":
    """Check signatures, then every byte of the volumes named, then lock and release.

    Returns the evidence, and what is missing. Raises UntrustedError, WrongVolumeError,
    HashMismatchError, MissingInputError.
    """
    from kutterlock.bundle.check import Reader, merged_head, missing_volumes, open_each
    from kutterlock.bundle.judge import judge_head

    with contextlib.ExitStack() as stack:
        volumes = open_each(paths, stack)
        head = merged_head(volumes)
        judge = bundle_judge(arguments, context, head)
        signatures = judge_head(head, judge)
        reader = Reader(bundle=head.bundle, progress=context.progress)
        total = sum(p.size for volume in volumes.values() for p in volume.pieces)
        context.progress.start("verifying", total=total, unit="bytes")
        for volume in volumes.values():
            reader.read(volume)
        context.progress.done("")
        reader.finish()
    lacking = missing_volumes(head.bundle, list(volumes))
    verified = _judged(head.bundle, reader.papers, judge)
    findings = [*_about(head), *signatures, *_volumes(volumes)]
    findings += [item for item in (verified.findings if verified else ()) if item not in findings]
    return Evidence(
        subject="bundle",
        findings=tuple(findings),
        signers=signers_of(head, judge),
        uncovered=tuple(_uncovered(head.bundle, verified)),
    ), lacking


def sign_bundle_files(arguments: argparse.Namespace, context: Context, forms: list[str]) -> None:
    """Add signatures to a bundle that exists."""
    from kutterlock.bundle.cosign import add_signatures
    from kutterlock.cli.signers import make_signers

    paths = [Path(name) for name in arguments.file]
    signers = make_signers(context, arguments)
    bundle = add_signatures(paths, signers, forms, context.progress)
    names = ", ".join(signer.public.short_id for signer in signers)
    context.output.say(
        f" bundle      {bundle.project} {bundle.version}: every byte right, signed by {names}"
    )
    for path in paths:
        context.output.say(f"  {path}")
    context.output.json({"written": [str(path) for path in paths],
                         "signers": [signer.public.id for signer in signers]})  # fmt: skip


def _judged(
    bundle: "Bundle", papers: "Mapping[str, bytes]", judge: "Judge"
) -> "VerifiedLock | None":
    """Judge lock and release; None where they lie in a volume that was not named."""
    from kutterlock.bundle.judge import judge_project

    if not all(file.path in papers for file in bundle.files if file.is_paper):
        return None
    return judge_project(papers.get, bundle, judge)


def _about(head: "Head") -> "list[Finding]":
    from kutterlock.trust.verified import Finding

    bundle = head.bundle
    about = f"{bundle.project} {bundle.version}, boards {', '.join(bundle.boards)}, {head.id}"
    return [Finding(check="bundle", result=about)]


def _volumes(volumes: "Mapping[int, Volume]") -> "list[Finding]":
    from kutterlock.trust.verified import Finding

    return [
        Finding(
            check=f"volume {number} of {len(volume.head.bundle.volumes)}",
            result=f"{volume.path}: {counted(len(volume.pieces), 'member')}, "
            f"{human_size(sum(piece.size for piece in volume.pieces))}: all digests right",
        )
        for number, volume in volumes.items()
    ]


def signers_of(head: "Head", judge: "Judge") -> tuple[str, ...]:
    """Name the keys of the trust root that signed a bundle."""
    from kutterlock.trust.signatures import examine

    if judge.root is None:
        return ()
    root = judge.root.root
    keys = [item.key for item in root.keys_of("bundle")]
    found = examine(head.manifest, head.signatures(), keys, "bundle").signers
    return tuple(sorted(item.name for item in root.keys_of("bundle") if item.key.id in found))


def _uncovered(bundle: "Bundle", verified: "VerifiedLock | None") -> list[str]:
    lines = list(verified.uncovered) if verified else ["the lock: it is in a volume not named"]
    if bundle.base:
        size = human_size(sum(blob.size for blob in bundle.left_out))
        lines.append(
            f"{counted(len(bundle.left_out), 'blob')} of {size} that the base has "
            f"(content {bundle.base}): "
            "`bundle import` hashes them where they are"
        )
    return [*lines, CONTENT]
