"""Whether a bundle may come in: its signatures, and its project's papers."""

from collections.abc import Iterator

from kutterlock.bundle.enough import OpenFile, check_enough, read_carried_lock
from kutterlock.bundle.volume import Head
from kutterlock.errors import UntrustedError
from kutterlock.model.attest.statement import STATEMENT_NAME
from kutterlock.model.bundle.manifest import LOCK_PATH, MANIFEST_NAME, Bundle
from kutterlock.model.digest import Digest
from kutterlock.model.signing.signature_file import DIRECTORY, SignatureFile, form_of
from kutterlock.model.signing.trustroot import (
    SignedRoot,
    advance,
    read_root,
    require_signatures,
    require_unexpired,
)
from kutterlock.trust.signatures import examine
from kutterlock.trust.verified import (
    Finding,
    Judge,
    Papers,
    VerifiedLock,
    signature_findings,
    verify_lock,
)

UNSIGNED_HINT = (
    "have it signed with `kutterlock bundle create --key KEY`, or take it as it is with --unsigned"
)


def newest_root(pinned: SignedRoot, head: Head) -> SignedRoot:
    """Follow the pinned root through those that the bundle carries. Raises UntrustedError."""
    from kutterlock.adapters.signing.keys import check_signature

    offered = [read_root(data) for data in head.roots()]
    return advance(pinned, offered, check_signature)


def judge_head(head: Head, judge: Judge) -> tuple[Finding, ...]:
    """Check who signed the manifest. Raises UntrustedError."""
    if judge.unsigned:
        return (Finding(check="signatures", result="not looked at (--unsigned)"),)
    if judge.root is None:
        raise _unpinned(head)
    root = judge.root.root
    if root.project != head.bundle.project:
        raise UntrustedError(
            f"the bundle is that of project {head.bundle.project!r}, "
            f"the trust root that of {root.project!r}"
        )
    require_unexpired(root, judge.at)
    keys = [item.key for item in root.keys_of("bundle")]
    found = examine(head.manifest, head.signatures(), keys, "bundle")
    require_signatures("the bundle", root, "bundle", found.signers, UNSIGNED_HINT)
    return tuple(signature_findings(MANIFEST_NAME, found, root))


def judge_project(open_file: OpenFile, bundle: Bundle, judge: Judge) -> VerifiedLock:
    """Judge lock and release of the bundle as `verify` would, and whether its blobs are enough.

    Raises UntrustedError, LockError, MissingInputError.
    """
    lock = read_carried_lock(open_file)
    verified = verify_lock(lock, papers_of(open_file, bundle), judge)
    check_enough(lock, bundle)
    return verified


def papers_of(open_file: OpenFile, bundle: Bundle) -> Papers:
    """Gather the lock, the release statement and their signatures."""
    return Papers(
        lock=open_file(LOCK_PATH) or b"",
        lock_signatures=tuple(_signatures(open_file, bundle, LOCK_PATH)),
        statement=open_file(STATEMENT_NAME),
        statement_signatures=tuple(_signatures(open_file, bundle, STATEMENT_NAME)),
    )


def _signatures(open_file: OpenFile, bundle: Bundle, document: str) -> Iterator[SignatureFile]:
    for file in bundle.files:
        form = form_of(file.path, f"{DIRECTORY}/{document}")
        data = open_file(str(file.path)) if form else None
        if data is not None:
            yield SignatureFile(name=file.path.name, form=form, data=data)


def _unpinned(head: Head) -> UntrustedError:
    roots = [read_root(data) for data in head.roots()]
    offered = [f"it carries root {root.root.version}: {root.digest}" for root in roots]
    return UntrustedError(
        f"no trust root is pinned for project {head.bundle.project!r}: whoever signed this bundle "
        "counts for nothing yet",
        details=[*offered, f"bundle: {Digest.of(head.manifest)}"],
        hint="compare the root's digest with one that you were given another way, then import with "
        "--root-digest sha256:...; or take the bundle as it is with --unsigned",
    )
