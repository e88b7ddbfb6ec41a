"""Signing a lock: the next release statement, and signatures of it and of the lock."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kutterlock.errors import LockError, UsageError
from kutterlock.model.attest.statement import STATEMENT_NAME, ReleaseStatement, Seen, read_statement
from kutterlock.model.digest import Digest
from kutterlock.model.lock import Lock
from kutterlock.model.signing.keys import Signer
from kutterlock.trust.papers import LOCK_NAME, file_name, read_papers
from kutterlock.trust.signatures import (
    DEFAULT_FORMS,
    make_signatures,
    read_document,
    write_signed,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRequest:
    """What a new release is to say. `version` 0 means: one more than any before."""

    now: datetime.datetime
    expires: datetime.datetime
    version: int = 0
    withdraws: tuple[Digest, ...] = ()
    new: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What signing did."""

    release: ReleaseStatement
    fresh: bool
    written: tuple[Path, ...]


def sign_lock(
    project: Path,
    lock: Lock,
    seen: Seen,
    request: ReleaseRequest,
    signers: Iterable[Signer],
    forms: Iterable[str] = DEFAULT_FORMS,
) -> Signed:
    """Sign the lock: co-sign its statement where it has one, else write the next.

    Raises UsageError for a version that was used before.
    """
    wanted = tuple(forms)
    before, release = next_release(project, lock, seen, request)
    statement, path = project / STATEMENT_NAME, project / LOCK_NAME
    documents = {statement: release.to_bytes(), path: read_document(path)}
    comment = f"project:{file_name(lock.project)}\trelease:{release.version}\tfile:"
    made: dict[Path, bytes] = {}
    for signer in signers:
        for document, data in documents.items():
            made |= make_signatures(document, data, signer, comment + document.name, wanted)
    fresh = release != before
    if fresh:
        write_signed({statement: documents[statement], **made}, changed=documents)
    else:
        write_signed(made)
    return Signed(release=release, fresh=fresh, written=tuple(made))


def next_release(
    project: Path, lock: Lock, seen: Seen, request: ReleaseRequest
) -> tuple[ReleaseStatement | None, ReleaseStatement]:
    """Return the statement that is there, and the one that the lock needs."""
    papers = read_papers(project)
    digest = Digest.of(papers.lock)
    before = read_statement(papers.statement) if papers.statement else None
    if before and before.project != lock.project:
        raise LockError(
            f"{STATEMENT_NAME} is about project {before.project!r}, not {lock.project!r}",
            hint="remove it if the project has a new name",
        )
    if before and before.lock == digest and not request.new:
        return before, before
    lowest = max(seen.version, before.version if before else 0) + 1
    version = request.version or lowest
    if digest in _withdrawn(before, request):
        raise UsageError(f"the lock {digest} is withdrawn: nobody can release it again")
    if version < lowest:
        raise UsageError(f"release {version} is not new: the next is {lowest}")
    return before, ReleaseStatement(
        project=lock.project,
        version=version,
        lock=digest,
        issued=request.now,
        expires=request.expires,
        supersedes=before.lock if before and before.lock != digest else None,
        withdraws=_withdrawn(before, request),
    )


def _withdrawn(before: ReleaseStatement | None, request: ReleaseRequest) -> tuple[Digest, ...]:
    kept = before.withdraws if before else ()
    return tuple(sorted({*kept, *request.withdraws}))
