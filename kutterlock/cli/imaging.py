"""Verifying images for the command line: a layout from outside, or an image of the lock."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from kutterlock.cli.context import Context
from kutterlock.cli.evidence import Evidence
from kutterlock.cli.signers import find_public_key
from kutterlock.cli.trusting import cabinet, make_judge, time_of_judgement, verified_lock
from kutterlock.errors import UntrustedError, UsageError

if TYPE_CHECKING:
    from kutterlock.model.lock import Lock
    from kutterlock.trust.layouts import ImageStandard
    from kutterlock.trust.verified import Judge, Papers
    from kutterlock.vendor.verify import VerifyReport


def layout_evidence(context: Context, arguments: argparse.Namespace, path: Path) -> Evidence:
    """Judge a layout or an archive of one. Raises what its faults come to."""
    from kutterlock.adapters.oci.layout import open_layout
    from kutterlock.trust.layouts import judge_layout

    standard = _standard(context, arguments)
    with open_layout(path) as files:
        judged = judge_layout(files, standard)
    return Evidence(
        subject="image",
        findings=judged.findings,
        signers=judged.signers,
        uncovered=judged.uncovered,
    )


def stored_image(
    context: Context, arguments: argparse.Namespace, reference: str
) -> "tuple[VerifyReport, Evidence]":
    """Judge the lock, and re-hash what the store has of one of its images."""
    from kutterlock.cli.evidence import lock_evidence
    from kutterlock.trust.verified import Finding
    from kutterlock.vendor.images import complete_trees, wanted_images
    from kutterlock.vendor.verify import verify_blobs

    verified = verified_lock(context, arguments)
    if reference not in verified.lock.images:
        raise UsageError(
            f"{reference} is no file here, and the lock pins no image of that name",
            hint="`kutterlock images list` names those that it pins",
        )
    everything = wanted_images(verified.lock, arguments.board)
    wanted = [image for image in everything if image.pin.reference == reference]
    if not wanted:
        raise UsageError(f"the boards that were named do not need {reference}")
    trees = complete_trees(context.store(), wanted)
    names = {part.digest: tree.name(part) for tree in trees for part in tree.parts}
    report = verify_blobs(context.store(), names, context.progress)
    pinned = Finding(check=reference, result=f"pinned as {verified.lock.images[reference].digest}")
    evidence = lock_evidence(verified)
    return report, replace(evidence, subject="image", findings=(*evidence.findings, pinned))


def _standard(context: Context, arguments: argparse.Namespace) -> "ImageStandard":
    from kutterlock.trust.layouts import ImageStandard
    from kutterlock.trust.verified import Judge

    keys = {name: find_public_key(context, name) for name in arguments.public_key}
    if not context.lock_path.exists():
        pinned = cabinet(context).projects()
        judge = Judge(at=time_of_judgement(context, arguments), pinned=pinned)
        return ImageStandard(judge=judge, keys=keys)
    from kutterlock.adapters.tomlfile import parse_lock_bytes
    from kutterlock.model.digest import Digest
    from kutterlock.trust.papers import read_papers

    papers = read_papers(context.project)
    lock = parse_lock_bytes(papers.lock, context.lock_path)
    manifest = context.manifest() if context.manifest_path.exists() else None
    judge = make_judge(context, arguments, lock, manifest)
    return ImageStandard(
        judge=judge,
        lock=lock,
        lock_digest=Digest.of(papers.lock),
        lock_counts=bool(keys) or _counts(lock, papers, judge),
        keys=keys,
    )


def _counts(lock: "Lock", papers: "Papers", judge: "Judge") -> bool:
    """Whether the lock is signed by keys that count, where any do."""
    from kutterlock.trust.verified import verify_lock

    try:
        verified = verify_lock(lock, papers, judge)
    except UntrustedError:
        return False
    return bool(verified.signers) or judge.root is None
