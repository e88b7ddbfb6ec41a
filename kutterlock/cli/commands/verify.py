"""`kutterlock verify`: check signatures, re-hash what is there, and say what was checked.

Each target is one entry of `TARGETS`; a new kind of thing to verify adds one.
"""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from kutterlock.cli.context import Context
from kutterlock.cli.output import human_size
from kutterlock.cli.parser import Offer
from kutterlock.cli.trusting import add_trust_options, verified_lock
from kutterlock.errors import UntrustedError, UsageError
from kutterlock.model.encoding.text import counted

if TYPE_CHECKING:  # for --help, which loads every command
    from kutterlock.cli.evidence import Evidence
    from kutterlock.vendor.verify import VerifyReport


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "verify",
        description="Check signatures and hashes, and print every check that was made, who signed, "
        "and what is not covered. Opens no connection: an image in a registry is copied into a "
        "layout first (cosign save, oras copy --recursive).",
    )
    parser.add_argument("target", nargs="?", default="lock", metavar="TARGET",
                        action=Offer, words=TARGETS,
                        help="lock: who signed kutter.lock, and what it names (default); "
                        "output: a board, or a directory that `build` made; bundle: all "
                        "volumes of a bundle; image: a layout or "
                        "archive of images, or an image of the lock; file (or its path "
                        "alone): a file with signatures beside it; store: every blob; view: a "
                        "download directory made from the store")  # fmt: skip
    parser.add_argument("path", nargs="*", type=Path, metavar="PATH",
                        help="the target's directory or file, where it needs one")  # fmt: skip
    parser.add_argument("--board", metavar="B", action="append",
                        help="only what this board needs; may be given several times")  # fmt: skip
    parser.add_argument("--public-key", metavar="KEY", action="append", default=[],
                        help="file, image: a key whose signature counts (default: those of the "
                        "pinned trust root)")  # fmt: skip
    parser.add_argument("--signatures-only", action="store_true",
                        help="lock: judge the signatures, and leave the store alone")  # fmt: skip
    add_trust_options(parser, unsigned=False)
    return parser


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Verify one target. Raises what its faults come to."""
    if arguments.target not in TARGETS and Path(arguments.target).is_file():
        arguments.path.insert(0, Path(arguments.target))
        arguments.target = "file"
    target = TARGETS.get(arguments.target)
    if target is None:
        raise UsageError(
            f"there is no way to verify {arguments.target!r}",
            hint=f"name one of: {', '.join(TARGETS)}",
        )
    return target(arguments, context)


def _verify_lock(arguments: argparse.Namespace, context: Context) -> int:
    from kutterlock.vendor.names import closure_names
    from kutterlock.vendor.verify import verify_blobs

    _expect_paths(arguments, count=0)
    verified = verified_lock(context, arguments)
    from kutterlock.cli.evidence import lock_evidence

    evidence = lock_evidence(verified)
    evidence.tell(context)
    if arguments.signatures_only:
        context.output.json(evidence.facts())
        return 0
    names = closure_names(verified.lock, context.store(), arguments.board)
    report = verify_blobs(context.store(), names, context.progress)
    return tell(report, context, "closure", report.remedy, evidence.facts())


def _verify_store(arguments: argparse.Namespace, context: Context) -> int:
    from kutterlock.vendor.verify import verify_blobs

    _expect_paths(arguments, count=0)
    store = context.store()
    report = verify_blobs(store, {d: str(d) for d in store.blobs()}, context.progress)
    return tell(report, context, "store", report.remedy)


def _verify_view(arguments: argparse.Namespace, context: Context) -> int:
    from kutterlock.vendor.export import downloads_of
    from kutterlock.vendor.verify import verify_view

    _expect_paths(arguments, count=1)
    lock = context.lock()
    downloads = downloads_of(lock, arguments.board or sorted(lock.boards))
    expected = {str(path): digest for path, digest in downloads.items()}
    report = verify_view(arguments.path[0], expected, context.progress)
    return tell(report, context, "view", "make the view again from a store that verifies")


def _verify_output(arguments: argparse.Namespace, context: Context) -> int:
    from kutterlock.build.outputs import verify_output
    from kutterlock.cli.trusting import judge_of_output
    from kutterlock.trust.outputs import judge_output, read_output_papers

    _expect_paths(arguments, count=1)
    named = arguments.path[0]
    directory = named if named.is_dir() else context.project / "output" / named
    papers = read_output_papers(directory)
    judged = judge_output(papers, judge_of_output(context, arguments, papers))
    manifest = verify_output(directory)
    if manifest != judged.manifest:
        raise UntrustedError(f"{directory} was changed while it was verified")
    from kutterlock.cli.evidence import output_evidence

    return tell_evidence(output_evidence(judged, manifest), context)


def _verify_image(arguments: argparse.Namespace, context: Context) -> int:
    from kutterlock.cli.imaging import layout_evidence, stored_image

    _expect_paths(arguments, count=1)
    path = arguments.path[0]
    if path.exists():
        return tell_evidence(layout_evidence(context, arguments, path), context)
    report, evidence = stored_image(context, arguments, str(path))
    evidence.tell(context)
    return tell(report, context, "image", report.remedy, evidence.facts())


def _verify_file(arguments: argparse.Namespace, context: Context) -> int:
    from kutterlock.cli.trusting import verify_signed_file

    _expect_paths(arguments, count=1)
    return tell_evidence(verify_signed_file(context, arguments, arguments.path[0]), context)


def _verify_bundle(arguments: argparse.Namespace, context: Context) -> int:
    from kutterlock.cli.bundle_verify import verify_bundle

    if not arguments.path:
        raise UsageError("`verify bundle` takes the volumes of a bundle")
    evidence, lacking = verify_bundle(arguments, context, arguments.path)
    if lacking is None:
        return tell_evidence(evidence, context)
    evidence.tell(context)
    context.output.json({**evidence.facts(), "missing": lacking.details})
    raise lacking


TARGETS: Mapping[str, Callable[[argparse.Namespace, Context], int]] = {
    "lock": _verify_lock,
    "output": _verify_output,
    "image": _verify_image,
    "bundle": _verify_bundle,
    "file": _verify_file,
    "store": _verify_store,
    "view": _verify_view,
}


def tell_evidence(evidence: "Evidence", context: Context) -> int:
    """Print evidence in which nothing was wrong."""
    evidence.tell(context)
    context.output.json(evidence.facts())
    return 0


def tell(
    report: "VerifyReport",
    context: Context,
    subject: str,
    hint: str,
    evidence: Mapping[str, Any] = MappingProxyType({}),
) -> int:
    """Say what was checked. Raises the faults."""
    error = report.error(subject, hint)
    context.output.json(
        {
            "verified": subject,
            **evidence,
            "right": report.right,
            "bytes": report.size,
            "missing": report.missing,
            "corrupted": [
                {"name": fault.name, "expected": fault.expected, "found": fault.found}
                for fault in report.corrupted
            ],
            "surplus": report.surplus,
        }
    )
    if error:
        raise error
    figures = f"{counted(report.right, 'file')}, {human_size(report.size)}"
    context.output.say(f" {subject:<12}{figures}: all present, all digests right")
    return 0


def _expect_paths(arguments: argparse.Namespace, *, count: int) -> None:
    if len(arguments.path) != count:
        wanted = "one path" if count else "no path"
        raise UsageError(f"`verify {arguments.target}` takes {wanted}")
