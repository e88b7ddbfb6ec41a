"""`VerifiedLock`: the proof that a lock may be built. Only `verify_lock` makes one.

Pure: bytes, keys and a time in; the proof or an UntrustedError out. What is read from disk for it
is in `kutterlock.trust.papers`.
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, field

from kutterlock.errors import UntrustedError
from kutterlock.model.attest.statement import (
    STATEMENT_NAME,
    ReleaseStatement,
    Seen,
    check_release,
    check_rollback,
    read_statement,
)
from kutterlock.model.digest import Digest
from kutterlock.model.lock import Lock
from kutterlock.model.signing.signature_file import SignatureFile
from kutterlock.model.signing.trustroot import (
    SignedRoot,
    TrustRoot,
    require_signatures,
    require_unexpired,
)
from kutterlock.model.times import write_time
from kutterlock.trust.signatures import Examined, examine

_PROOF = object()

UNSIGNED_HINT = "have it signed with `kutterlock sign`, or make a development build with --unsigned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of evidence: what was checked, and what came of it."""

    check: str
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """What lies beside a lock: the release statement, and the signatures of both."""

    lock: bytes
    lock_signatures: tuple[SignatureFile, ...] = ()
    statement: bytes | None = None
    statement_signatures: tuple[SignatureFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """By what a lock is judged.

    `root` is the newest trust root that the pinned one leads to, None where none is pinned;
    `require` is what the manifest demands beyond it; `at` is the time of judgement. `pinned` names
    the projects for which roots are pinned: where there are any, every project needs one.
    """

    at: datetime.datetime
    root: SignedRoot | None = None
    require: tuple[str, ...] = ()
    seen: Seen = field(default_factory=Seen)
    pinned: tuple[str, ...] = ()
    allow_rollback: bool = False
    unsigned: bool = False

    def demands(self, thing: str) -> bool:
        """Whether a signature of `lock`, `output`, ... is demanded."""
        demanded = self.root.root.require if self.root else ()
        return thing in {*demanded, *self.require}


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedLock:
    """A lock that may be built. `unsigned` marks a development build, which nobody can sign."""

    lock: Lock
    digest: Digest
    findings: tuple[Finding, ...]
    uncovered: tuple[str, ...] = ()
    signers: tuple[str, ...] = ()
    release: ReleaseStatement | None = None
    seen: Seen | None = None
    unsigned: bool = False
    _proof: object = None

    def __post_init__(self) -> None:
        """Only this module has the proof."""
        assert self._proof is _PROOF, "a VerifiedLock comes from verify_lock only"


def verify_lock(lock: Lock, papers: Papers, judge: Judge) -> VerifiedLock:
    """Judge a lock, whose file's bytes are in `papers`. Raises UntrustedError."""
    digest = Digest.of(papers.lock)
    findings = [Finding(check="kutter.lock", result=digest)]
    if judge.unsigned:
        findings.append(Finding(check="signatures", result="not looked at (--unsigned)"))
        return _proven(lock, digest, findings, uncovered=("who made the lock",), unsigned=True)
    if judge.root is None:
        return _without_root(lock, digest, findings, judge)
    root = judge.root.root
    _require_project(root, lock.project)
    require_unexpired(root, judge.at)
    findings.append(_root_finding(judge.root, judge.at))
    if papers.statement is None:
        return _without_statement(lock, digest, findings, judge)
    return _with_statement(lock, papers, judge, root, findings)


def _with_statement(
    lock: Lock, papers: Papers, judge: Judge, root: TrustRoot, findings: list[Finding]
) -> VerifiedLock:
    assert papers.statement is not None
    digest, signed = Digest.of(papers.lock), Digest.of(papers.statement)
    keys = [item.key for item in root.keys_of("lock")]
    on_statement = examine(papers.statement, papers.statement_signatures, keys, "release statement")
    signers = require_signatures(STATEMENT_NAME, root, "lock", on_statement.signers, UNSIGNED_HINT)
    release = read_statement(papers.statement)
    _require_subject(release, lock, digest)
    check_release(release, signed, judge.seen, judge.at)
    if not judge.allow_rollback:
        check_rollback(release, judge.seen)
    on_lock = examine(papers.lock, papers.lock_signatures, keys, "lock")
    findings += [
        Finding(
            check=STATEMENT_NAME,
            result=f"release {release.version}, {signed}, expires {write_time(release.expires)}",
        ),
        *signature_findings(STATEMENT_NAME, on_statement, root),
        *signature_findings("kutter.lock", on_lock, root),
        _rollback_finding(release, judge),
    ]
    return _proven(
        lock,
        digest,
        findings,
        signers=tuple(item.name for item in signers),
        release=release,
        seen=judge.seen.after(release, signed),
    )


def signature_findings(subject: str, examined: Examined, root: TrustRoot) -> list[Finding]:
    """Word who signed a document, and who counts for nothing."""
    lines = [
        Finding(check=f"{subject}: signature", result=f"{root.keys[key_id]} in {', '.join(files)}")
        for key_id, files in sorted(examined.good.items())
    ]
    strangers = [
        Finding(check=f"{subject}: signature", result=f"{name}: by no key of the trust root")
        for name in examined.strangers
    ]
    return [*lines, *strangers]


def _without_root(
    lock: Lock, digest: Digest, findings: list[Finding], judge: Judge
) -> VerifiedLock:
    if judge.require or judge.pinned:
        why = (
            f"[trust] in kutter.toml demands signatures ({', '.join(judge.require)})"
            if judge.require
            else f"trust roots are pinned for {', '.join(judge.pinned)}"
        )
        raise UntrustedError(
            f"no trust root is pinned for project {lock.project!r}, though {why}",
            hint="pin it by a digest that you were given another way: `kutterlock trust pin "
            "--digest sha256:...`; or make a development build with --unsigned",
        )
    findings.append(Finding(check="trust root", result="none is pinned: nothing is demanded"))
    return _proven(
        lock, digest, findings, uncovered=("who made the lock: no trust root is pinned",)
    )


def _without_statement(
    lock: Lock, digest: Digest, findings: list[Finding], judge: Judge
) -> VerifiedLock:
    assert judge.root is not None
    if judge.demands("lock"):
        require_signatures(STATEMENT_NAME, judge.root.root, "lock", (), UNSIGNED_HINT)
    findings.append(Finding(check=STATEMENT_NAME, result="there is none, and none is demanded"))
    return _proven(lock, digest, findings, uncovered=("who made the lock: it is not signed",))


def _require_project(root: TrustRoot, project: str) -> None:
    if root.project != project:
        raise UntrustedError(
            f"the lock is that of project {project!r}, the trust root that of {root.project!r}"
        )


def _require_subject(release: ReleaseStatement, lock: Lock, digest: Digest) -> None:
    if release.lock != digest:
        raise UntrustedError(
            f"{STATEMENT_NAME} is about another lock than kutter.lock",
            details=[f"signed {release.lock}", f"found  {digest}"],
            hint="the lock changed after it was signed: sign it again, or take the signed one back",
        )
    if release.project != lock.project:
        raise UntrustedError(
            f"{STATEMENT_NAME} is about project {release.project!r}, "
            f"the lock about {lock.project!r}"
        )


def _root_finding(signed: SignedRoot, at: datetime.datetime) -> Finding:
    root = signed.root
    result = (
        f"version {root.version} of {root.project}, {signed.digest}, "
        f"expires {write_time(root.expires)}, judged at {write_time(at)}"
    )
    return Finding(check="trust root", result=result)


def _rollback_finding(release: ReleaseStatement, judge: Judge) -> Finding:
    highest = f"highest release seen here before: {judge.seen.version or 'none'}"
    allowed = " (going back was allowed)" if release.version < judge.seen.version else ""
    return Finding(check="rollback", result=highest + allowed)


def _proven(  # noqa: PLR0913 -- the fields of one value
    lock: Lock,
    digest: Digest,
    findings: Iterable[Finding],
    *,
    uncovered: tuple[str, ...] = (),
    signers: tuple[str, ...] = (),
    release: ReleaseStatement | None = None,
    seen: Seen | None = None,
    unsigned: bool = False,
) -> VerifiedLock:
    return VerifiedLock(
        lock=lock,
        digest=digest,
        findings=tuple(findings),
        uncovered=uncovered,
        signers=signers,
        release=release,
        seen=seen,
        unsigned=unsigned,
        _proof=_PROOF,
    )
