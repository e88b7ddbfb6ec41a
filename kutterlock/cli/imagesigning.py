"""Signing images for the command line: what is pushed, what is exported, a layout that exists."""

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from kutterlock.cli.context import Context
from kutterlock.cli.signers import make_signers
from kutterlock.cli.trusting import tell_signers, verified_lock
from kutterlock.errors import UntrustedError, UsageError

if TYPE_CHECKING:
    from kutterlock.adapters.disk.store import Store
    from kutterlock.adapters.oci.layout import ImageLayout
    from kutterlock.adapters.oci.registry import Registries
    from kutterlock.model.attest.cosign import Artifact
    from kutterlock.model.attest.image import LockFacts
    from kutterlock.model.signing.keys import Signer
    from kutterlock.trust.countersign import Countersigned
    from kutterlock.trust.images import ImageSubject, Statements
    from kutterlock.trust.verified import VerifiedLock
    from kutterlock.vendor.images import ImageTree, Part
    from kutterlock.vendor.push import PushReport


def lock_of_images(
    context: Context, arguments: argparse.Namespace, signers: "list[Signer]"
) -> "VerifiedLock":
    """Judge the lock whose images are to be handed on. Raises UntrustedError.

    Nobody signs images that come from a lock which nobody looked at.
    """
    verified = verified_lock(context, arguments)
    if verified.unsigned and signers:
        raise UntrustedError(
            "images of a lock that was not verified (--unsigned) cannot be signed",
            hint="leave --unsigned out, or the keys",
        )
    if verified.unsigned or verified.release:
        tell_signers(context, verified)
    return verified


def lock_facts(verified: "VerifiedLock") -> "LockFacts":
    """Return what statements about images say of the lock."""
    from kutterlock import __version__
    from kutterlock.model.attest.image import LockFacts

    return LockFacts(
        project=verified.lock.project,
        project_version=verified.lock.project_version,
        digest=verified.digest,
        signers=verified.signers,
        release=verified.release.version if verified.release else 0,
        version=__version__,
    )


def sign_pushed(
    report: "PushReport",
    store: "Store",
    registries: "Registries",
    signers: "list[Signer]",
    facts: "LockFacts",
) -> int:
    """Sign every index and manifest that was pushed, beside whoever did. Returns what was sent."""
    from kutterlock.trust.images import attach, sign_image, standing_in

    count = 0
    for parcel in report.parcels if signers else ():
        name = parcel.target.name
        for part in parcel.tree.parts:
            if part.is_document:
                subject, statements = _about(parcel.tree, part, name, store, facts)
                standing = standing_in(registries, name, part.digest)
                artifacts = sign_image(subject, signers, statements, standing)
                count += attach(registries, name, artifacts)
    return count


def signatures(
    trees: "Iterable[ImageTree]", store: "Store", signers: "list[Signer]", facts: "LockFacts"
) -> "Iterator[Artifact]":
    """Sign every index and manifest under the name that the lock has for it."""
    from kutterlock.trust.images import sign_layered

    for tree in trees if signers else ():
        for part in tree.parts:
            if part.is_document:
                name = tree.wanted.reference.name
                subject, statements = _about(tree, part, name, store, facts)
                yield from sign_layered(subject, signers, statements)


def sign_layout(arguments: argparse.Namespace, context: Context) -> None:
    """Add signatures to a layout or archive that exists. Raises what is wrong with it."""
    from kutterlock.adapters.oci.layout import open_layout
    from kutterlock.trust.countersign import countersign

    path = Path(arguments.target)
    if not path.exists():
        raise UsageError(f"there is no {path}", hint="`images export` makes a layout or archive")
    signers = make_signers(context, arguments)
    verified = lock_of_images(context, arguments, signers)
    with open_layout(path) as files:
        done = countersign(files, verified.lock, lock_facts(verified), signers)
        if done.added:
            _write(files, done, path)
    context.output.say(f" {path}  {done.added} artifacts added")
    context.output.json({"path": str(path), "signatures": done.added})


def _write(files: "ImageLayout", done: "Countersigned", path: Path) -> None:
    from kutterlock.model.oci.image import LARGEST_MANIFEST
    from kutterlock.model.oci.layout import DOCKER_NAME, MARK_NAME, blob_name
    from kutterlock.vendor.images import Part
    from kutterlock.vendor.layout import MARK, Layout, update_directory, write_archive

    if path.is_dir():
        update_directory(path, done.texts, done.dropped)
        return
    gone = {*done.dropped, *(digest for digest in files.blobs if blob_name(digest) in done.texts)}
    parts = tuple(
        Part(digest=digest, role="layer", media_type="", size=files.size(digest))
        for digest in sorted(files.blobs)
        if digest not in gone
    )
    docker = files.text(DOCKER_NAME, LARGEST_MANIFEST) if DOCKER_NAME in files.texts else b""
    texts = {**done.texts, MARK_NAME: MARK}
    write_archive(files, Layout(texts=texts, parts=parts, docker=docker), path)


def _about(
    tree: "ImageTree", part: "Part", name: str, store: "Store", facts: "LockFacts"
) -> "tuple[ImageSubject, Statements]":
    from kutterlock.model.attest.image import ImageFacts, image_statements
    from kutterlock.trust.images import ImageSubject

    subject = ImageSubject(
        name=name, digest=part.digest, media_type=part.media_type, size=store.size(part.digest)
    )
    about = ImageFacts(
        name=name,
        digest=part.digest,
        document=tree.documents[part.digest],
        pin=tree.wanted.pin,
        lock=facts,
    )
    return subject, image_statements(about)
