"""`kutterlock images`: list the images of the lock, export, push and sign them."""

import argparse
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kutterlock.cli.context import Context
from kutterlock.cli.imagesigning import (
    lock_facts,
    lock_of_images,
    sign_layout,
    sign_pushed,
    signatures,
)
from kutterlock.cli.output import human_size
from kutterlock.cli.signers import add_signer_options, named_signers
from kutterlock.cli.trusting import add_trust_options
from kutterlock.errors import UsageError
from kutterlock.model.encoding.text import counted

if TYPE_CHECKING:  # for --help, which loads every command
    from kutterlock.adapters.disk.store import Store
    from kutterlock.model.lock import ImagePin, Lock
    from kutterlock.model.oci.image import Platform
    from kutterlock.model.signing.keys import Signer
    from kutterlock.trust.verified import VerifiedLock
    from kutterlock.vendor.images import ImageTree, WantedImage
    from kutterlock.vendor.layout import Layout


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "images",
        description="List the images that the lock pins, or hand them on. With a key, export and "
        "push sign each index and manifest and attest where it comes from (SLSA provenance, "
        "CycloneDX), for cosign and skopeo; sign adds a second signer's to a layout or archive. "
        "Signatures of others stay; a lock that is not signed as the trust root demands is "
        "refused.",
    )
    parser.add_argument("action", choices=tuple(ACTIONS),
                        help="list: what the lock pins; export: an archive or layout for each "
                        "board; push: send them to a registry; sign: an exported layout or "
                        "archive, beside who signed it")  # fmt: skip
    parser.add_argument("target", nargs="?", metavar="TARGET",
                        help="export: the directory to write to; push: REGISTRY[/PATH]; sign: the "
                        "layout or archive")  # fmt: skip
    parser.add_argument("--board", metavar="B", action="append",
                        help="only the images of this board; may be given several times"
                        )  # fmt: skip
    parser.add_argument("--image", metavar="REF", action="append",
                        help="only this image; may be given several times")  # fmt: skip
    parser.add_argument("--format", choices=("archive", "iso", "directory"), default="archive",
                        help="export: BOARD-images.tar (default), BOARD-images.iso with it, or an "
                        "OCI layout BOARD-images/")  # fmt: skip
    parser.add_argument("--platform", metavar="P",
                        help="push: this platform's own manifest in place of the index, such as "
                        "linux/amd64")  # fmt: skip
    parser.add_argument("--record", metavar="FILE", type=Path,
                        help="push: where to note the digests (default: output/pushed.json)"
                        )  # fmt: skip
    add_signer_options(parser)
    add_trust_options(parser)
    return parser


def run(arguments: argparse.Namespace, context: Context) -> None:
    """Do one action."""
    action, wanted = ACTIONS[arguments.action]
    if (arguments.target is None) != (wanted == "nothing"):
        raise UsageError(f"`images {arguments.action}` takes {wanted}")
    action(arguments, context)


def _list(arguments: argparse.Namespace, context: Context) -> None:
    lock, store = context.lock(), context.store()
    facts = [
        _facts(lock, wanted.pin, _tree(store, wanted))
        for wanted in _wanted(lock, arguments, arguments.board)
    ]
    rows = [
        (
            item["reference"],
            item["digest"],
            ",".join(item["platforms"]),
            human_size(item["bytes"]) if item["vendored"] else "not vendored",
            f"{item['needed-by']}, on {', '.join(item['boards'])}",
        )
        for item in facts
    ]
    context.output.table(rows)
    if not facts:
        context.output.say("the lock pins no images")
    context.output.json({"images": facts})


def _facts(lock: "Lock", pin: "ImagePin", tree: "ImageTree | None") -> dict[str, Any]:
    return {
        "reference": pin.reference,
        "digest": pin.digest,
        "platforms": list(pin.platforms),
        "needed-by": pin.needed_by,
        "trust": pin.trust.level,
        "boards": [b.name for b in lock.boards.values() if pin.reference in b.images],
        "vendored": tree is not None,
        "bytes": sum(part.size or 0 for part in tree.parts) if tree else None,
    }


def _tree(store: "Store", wanted: "WantedImage") -> "ImageTree | None":
    """Follow an image; None when it is not all here."""
    from kutterlock.vendor.images import read_tree

    tree = read_tree(store, wanted, lenient=True)
    return tree if all(store.has(part.digest) for part in tree.parts) else None


def _export(arguments: argparse.Namespace, context: Context) -> None:
    from kutterlock.adapters.disk.files import explained

    store, signers = context.store(), named_signers(context, arguments)
    verified = lock_of_images(context, arguments, signers)
    lock, directory = verified.lock, Path(arguments.target)
    with explained(directory):
        directory.mkdir(parents=True, exist_ok=True)
    written = []
    with store.in_use():
        for board in arguments.board or [b.name for b in lock.boards.values() if b.images]:
            wanted = _wanted(lock, arguments, [board])
            layout = _layout(store, wanted, signers, verified)
            target = directory / f"{board}-images"
            made = _write(store, layout, target, arguments.format, lock.source_date_epoch)
            written.append({"board": board, "images": len(wanted), **made})
    for item in written:
        context.output.say(
            f" {item['path']}  {counted(item['images'], 'image')}  "
            f"{item.get('digest', '')}".rstrip()
        )
    context.output.json({"exported": written})


def _layout(
    store: "Store",
    wanted: "Iterable[WantedImage]",
    signers: "list[Signer]",
    verified: "VerifiedLock",
) -> "Layout":
    from kutterlock.vendor.images import complete_trees
    from kutterlock.vendor.layout import plan_layout, with_signatures

    trees = complete_trees(store, wanted)
    made = signatures(trees, store, signers, lock_facts(verified))
    return with_signatures(plan_layout(trees), made)


def _write(store: "Store", layout: "Layout", target: Path, form: str, epoch: int) -> dict[str, str]:
    """Write a layout in one form; return where it lies, and its digest where it is one file."""
    from kutterlock.vendor.layout import write_archive, write_directory, write_iso

    if form == "directory":
        write_directory(store, layout, target)
        return {"path": str(target)}
    path = target.with_name(f"{target.name}.{'iso' if form == 'iso' else 'tar'}")
    if form == "iso":
        digest = write_iso(store, layout, path, epoch)
    else:
        digest = write_archive(store, layout, path)
    return {"path": str(path), "digest": digest}


def _push(arguments: argparse.Namespace, context: Context) -> None:
    from kutterlock.adapters.disk.files import write_atomically
    from kutterlock.model.encoding.strict_json import write_document
    from kutterlock.vendor.push import parcels_of, push, push_record

    store, signers = context.store(), named_signers(context, arguments)
    verified = lock_of_images(context, arguments, signers)
    platform = _platform(arguments.platform)
    record = arguments.record or context.project / "output/pushed.json"
    with store.in_use():
        parcels = parcels_of(
            store, _wanted(verified.lock, arguments, arguments.board), arguments.target, platform
        )
        registries = context.registries()
        try:
            report = push(store, parcels, registries, context.progress)
            signed = sign_pushed(report, store, registries, signers, lock_facts(verified))
        finally:
            registries.close()
    facts = push_record(report, arguments.target)
    write_atomically(record, write_document(facts))
    for item in report.record():
        context.output.say(f" {item['pushed-as']}@{item['digest']}")
    context.output.say(
        f" push        {counted(len(parcels), 'image')}: {counted(report.blobs, 'blob')} sent "
        f"({human_size(report.size)}), {counted(report.manifests, 'manifest')}, "
        f"{counted(report.tags, 'tag')}"
    )
    if signers:
        context.output.say(f" signed      index and platforms: {counted(signed, 'artifact')} added")
    context.output.json(
        {
            **facts,
            "blobs": report.blobs,
            "bytes": report.size,
            "manifests": report.manifests,
            "tags": report.tags,
            "signatures": signed,
        }
    )


ACTIONS: Mapping[str, tuple[Callable[[argparse.Namespace, Context], None], str]] = {
    "list": (_list, "nothing"),
    "export": (_export, "a directory"),
    "push": (_push, "a registry"),
    "sign": (sign_layout, "a layout or archive"),
}


def _wanted(
    lock: "Lock", arguments: argparse.Namespace, boards: Iterable[str] | None
) -> "tuple[WantedImage, ...]":
    from kutterlock.vendor.images import wanted_images

    found = wanted_images(lock, boards)
    if not arguments.image:
        return found
    unknown = set(arguments.image) - set(lock.images)
    if unknown:
        raise UsageError(
            f"the lock does not pin {', '.join(sorted(unknown))}",
            hint="`kutterlock images list` names those that it pins",
        )
    return tuple(wanted for wanted in found if wanted.pin.reference in arguments.image)


def _platform(text: str | None) -> "Platform | None":
    from kutterlock.model.oci.image import Platform

    try:
        return Platform.parse(text) if text else None
    except ValueError as error:
        raise UsageError(f"--platform: {error}") from error
