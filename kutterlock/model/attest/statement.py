"""The release statement, `kutter.release.json`: which lock is the one to build, for how long.

Small and signed in place of the lock: it names the lock's digest, so that a version counter and an
expiry date never stand in the lock itself. The rules against going back are here, too.
"""

import datetime
from dataclasses import dataclass

from kutterlock.errors import UntrustedError
from kutterlock.model.digest import Digest
from kutterlock.model.encoding.strict_json import read_object, write_document
from kutterlock.model.encoding.table import Fault, Reader
from kutterlock.model.times import read_time, write_time

STATEMENT_TYPE = "kutterlock-release/1"
STATEMENT_NAME = "kutter.release.json"
LARGEST = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseStatement:
    """One release of a project. `version` grows; `withdraws` keeps every lock ever withdrawn."""

    project: str
    version: int
    lock: Digest
    issued: datetime.datetime
    expires: datetime.datetime
    supersedes: Digest | None = None
    withdraws: tuple[Digest, ...] = ()

    def to_bytes(self) -> bytes:
        """Return the file: the same statement, the same bytes."""
        value = {
            "type": STATEMENT_TYPE,
            "project": self.project,
            "version": self.version,
            "lock": self.lock,
            "issued": write_time(self.issued),
            "expires": write_time(self.expires),
            "withdraws": sorted(self.withdraws),
            **({"supersedes": str(self.supersedes)} if self.supersedes else {}),
        }
        return write_document(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The highest release of a project that was ever verified here, and what was withdrawn."""

    version: int = 0
    statement: Digest | None = None
    withdrawn: tuple[Digest, ...] = ()

    def after(self, statement: ReleaseStatement, digest: Digest) -> "Seen":
        """Return what is known once `statement` was verified."""
        withdrawn = tuple(sorted({*self.withdrawn, *statement.withdraws}))
        if statement.version < self.version:
            return Seen(version=self.version, statement=self.statement, withdrawn=withdrawn)
        return Seen(version=statement.version, statement=digest, withdrawn=withdrawn)

    def and_also(self, other: "Seen") -> "Seen":
        """Return what two records know together: the higher release, everything withdrawn."""
        withdrawn = tuple(sorted({*self.withdrawn, *other.withdrawn}))
        newest = self if self.version >= other.version else other
        return Seen(version=newest.version, statement=newest.statement, withdrawn=withdrawn)

    def to_bytes(self) -> bytes:
        """Return the file of the user's state."""
        return write_document(
            {
                "version": self.version,
                "statement": self.statement or "",
                "withdrawn": list(self.withdrawn),
            }
        )


def read_statement(data: bytes) -> ReleaseStatement:
    """Read a statement's bytes. Raises UntrustedError with every fault."""
    reader = Reader()
    root = reader.root(read_object(data, STATEMENT_NAME, UntrustedError, LARGEST))
    if root.text("type") != STATEMENT_TYPE:
        root.fault("type", f"this kutterlock reads {STATEMENT_TYPE}")
    epoch = datetime.datetime.fromtimestamp(0, datetime.UTC)
    nothing = Digest.of(b"")
    statement = ReleaseStatement(
        project=root.text("project"),
        version=root.integer("version"),
        lock=root.parsed("lock", Digest.parse) or nothing,
        issued=root.parsed("issued", read_time) or epoch,
        expires=root.parsed("expires", read_time) or epoch,
        supersedes=root.optional("supersedes", lambda key: root.parsed(key, Digest.parse)),
        withdraws=root.parsed_list("withdraws", Digest.parse),
    )
    if statement.version < 1:
        root.fault("version", "is not 1 or more")
    root.close()
    reader.finish(_damaged)
    return statement


def read_seen(data: bytes) -> Seen:
    """Read the user's state. Raises UntrustedError: a damaged one is not an empty one."""
    reader = Reader()
    root = reader.root(read_object(data, "the record of releases seen", UntrustedError))
    seen = Seen(
        version=root.integer("version"),
        statement=root.parsed("statement", Digest.parse),
        withdrawn=root.parsed_list("withdrawn", Digest.parse),
    )
    root.close()
    reader.finish(
        lambda faults: UntrustedError(
            "the record of releases seen is damaged",
            details=[str(fault) for fault in faults],
            hint="remove it, and compare the version of the release with one you know to be new",
        )
    )
    return seen


def check_release(
    statement: ReleaseStatement, digest: Digest, seen: Seen, at: datetime.datetime
) -> None:
    """Check expiry and withdrawal. Raises UntrustedError."""
    if at >= statement.expires:
        raise UntrustedError(
            f"release {statement.version} of {statement.project} expired on "
            f"{write_time(statement.expires)} (judged at {write_time(at)})",
            hint="sign a new release, or judge an archive at its own time with --at",
        )
    if statement.lock in {*statement.withdraws, *seen.withdrawn}:
        raise UntrustedError(
            f"the lock {statement.lock} was withdrawn by its signers",
            hint="take a newer release",
        )
    if statement.version == seen.version and seen.statement not in (None, digest):
        raise UntrustedError(
            f"there are two releases {statement.version} of {statement.project}",
            details=[f"seen before: {seen.statement}", f"now:         {digest}"],
            hint="ask the signers which one is theirs: nobody should sign a version twice",
        )


def check_rollback(statement: ReleaseStatement, seen: Seen) -> None:
    """Refuse what is older than a release seen before. Raises UntrustedError."""
    if statement.version < seen.version:
        raise UntrustedError(
            f"release {statement.version} of {statement.project} is older than release "
            f"{seen.version}, which was verified here before",
            hint="take the newer release, or go back on purpose with --allow-rollback",
        )


def _damaged(faults: tuple[Fault, ...]) -> UntrustedError:
    return UntrustedError(
        f"{STATEMENT_NAME} cannot be trusted as it stands",
        details=[str(fault) for fault in faults],
        hint="take it back from version control, or run `kutterlock sign`",
    )
