"""The trust root: whose signatures count, how many of them, and for what.

The format is TUF's root role (https://theupdateframework.github.io/specification/latest/ section
4.3), so that python-tuf reads and checks it. TUF's own roles are filled from ours; what TUF has no
field for stands under `x-kutterlock`: the project, what must be signed, and the roles by the names
used here. Rotation is TUF's too: a root counts when the root before it and it itself say so.
"""

import datetime
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kutterlock.errors import UntrustedError
from kutterlock.model.digest import Digest
from kutterlock.model.encoding.canonical_json import canonical_json
from kutterlock.model.encoding.strict_json import read_object, write_document
from kutterlock.model.encoding.table import Fault, Reader, Table
from kutterlock.model.signing.keys import PublicKey, read_tuf_form, tuf_form
from kutterlock.model.times import read_time, write_time
from kutterlock.model.trust import OBJECTS_TO_SIGN

ROOT_NAME = "kutter.root.json"
SPECIFICATION = "1.0.31"
LARGEST = 1 << 20
ROLES = ("root", *OBJECTS_TO_SIGN)
MOST_KEYS = 64
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}\Z")
_TUF_ROLES = {"root": "root", "targets": "lock", "snapshot": "lock", "timestamp": "lock"}

Check = Callable[[PublicKey, bytes, bytes], bool]
"""Whether a key made a signature: key, message, signature (64 bytes, or DER)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """Whose signatures count for one kind of object (ids, sorted), and how many of them."""

    keys: tuple[str, ...]
    threshold: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedKey:
    """A key of the root, and what people call it."""

    name: str
    key: PublicKey

    def __str__(self) -> str:
        return f"{self.name} ({self.key.short_id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustRoot:
    """One version of a project's trust root; `roles` has every one of ROLES."""

    project: str
    version: int
    expires: datetime.datetime
    keys: Mapping[str, NamedKey]
    roles: Mapping[str, Role]
    require: tuple[str, ...]

    def keys_of(self, role: str) -> tuple[NamedKey, ...]:
        """Return the keys whose signatures count for `role`."""
        return tuple(self.keys[key_id] for key_id in self.roles[role].keys)

    def to_dict(self) -> dict[str, Any]:
        """Return TUF's `signed` part."""
        roles = {
            name: {"keyids": list(role.keys), "threshold": role.threshold}
            for name, role in self.roles.items()
        }
        ours = {name: roles[name] for name in OBJECTS_TO_SIGN}
        return {
            "_type": "root",
            "spec_version": SPECIFICATION,
            "consistent_snapshot": True,
            "version": self.version,
            "expires": write_time(self.expires),
            "keys": {key_id: tuf_form(item.key, item.name) for key_id, item in self.keys.items()},
            "roles": {theirs: roles[name] for theirs, name in _TUF_ROLES.items()},
            "x-kutterlock": {
                "project": self.project,
                "require": sorted(self.require),
                "roles": ours,
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRoot:
    """A root as it came: what it says, the bytes that are signed, and signatures by key id."""

    root: TrustRoot
    signed_bytes: bytes
    signatures: Mapping[str, bytes]

    def to_bytes(self) -> bytes:
        """Return the file."""
        signatures = [
            {"keyid": key_id, "sig": signature.hex()}
            for key_id, signature in sorted(self.signatures.items())
        ]
        return write_document({"signatures": signatures, "signed": self.root.to_dict()})

    @property
    def digest(self) -> Digest:
        """The digest of what is signed: it stays when a signer adds a signature."""
        return Digest.of(self.signed_bytes)

    def signed_also(self, key_id: str, signature: bytes) -> "SignedRoot":
        """Add a signature."""
        signatures = {**self.signatures, key_id: signature}
        return SignedRoot(root=self.root, signed_bytes=self.signed_bytes, signatures=signatures)


def unsigned(root: TrustRoot) -> SignedRoot:
    """Prepare a new root for signing. Raises UntrustedError where it could never be used."""
    reader = Reader()
    _check(root, reader.root({}))
    reader.finish(_damaged)
    return SignedRoot(root=root, signed_bytes=canonical_json(root.to_dict()), signatures={})


def read_root(data: bytes) -> SignedRoot:
    """Read a root's bytes, whoever signed it. Raises UntrustedError with every fault."""
    value = read_object(data, "the trust root", UntrustedError, LARGEST)
    reader = Reader()
    document = reader.root(value)
    signed = document.table("signed", required=True)
    root = _read(signed)
    signatures = _signatures(document)
    if not reader.faults:
        _check(root, signed)
        if root.to_dict() != value["signed"]:
            signed.fault(None, "has fields that this kutterlock does not know")
    document.close()
    reader.finish(_damaged)
    return SignedRoot(
        root=root, signed_bytes=canonical_json(value["signed"]), signatures=signatures
    )


def require_signatures(
    subject: str, root: TrustRoot, role: str, by: Collection[str], hint: str
) -> tuple[NamedKey, ...]:
    """Return the keys of `role` among `by` (ids). Raises UntrustedError where they are too few."""
    wanted = root.roles[role]
    keys = root.keys_of(role)
    signers = tuple(item for item in keys if item.key.id in by)
    if len(signers) >= wanted.threshold:
        return signers
    missing = ", ".join(str(item) for item in keys if item not in signers)
    count = wanted.threshold - len(signers)
    raise UntrustedError(
        f"{subject}: {len(signers)} of the {wanted.threshold} signatures that the trust root "
        f"demands for {role!r}",
        details=[f"signed by {item}" for item in signers]
        + [f"missing: {count} {'more ' if signers else ''}of {missing}"],
        hint=hint,
    )


def check_root(candidate: SignedRoot, by: TrustRoot, check: Check) -> tuple[NamedKey, ...]:
    """Return the root keys of `by` that signed `candidate`. Raises UntrustedError."""
    good = [
        key_id
        for key_id in by.roles["root"].keys
        if key_id in candidate.signatures
        and check(by.keys[key_id].key, candidate.signed_bytes, candidate.signatures[key_id])
    ]
    subject = f"trust root {candidate.root.version} of {candidate.root.project}"
    if by.version != candidate.root.version:
        subject += f", judged by version {by.version}"
    return require_signatures(subject, by, "root", good, "add one with `kutterlock trust sign`")


def advance(pinned: SignedRoot, candidates: Sequence[SignedRoot], check: Check) -> SignedRoot:
    """Follow rotations from the pinned root to the newest candidate. Raises UntrustedError.

    Each step must be signed by enough root keys of the one before it and of its own.
    """
    newest = pinned
    for candidate in sorted(candidates, key=lambda item: item.root.version):
        if candidate.root.version < newest.root.version:
            continue
        _same_project(candidate, newest)
        if candidate.root.version == newest.root.version:
            _same_version(candidate, newest)
            continue
        check_root(candidate, newest.root, check)
        check_root(candidate, candidate.root, check)
        newest = candidate
    return newest


def raised(signed: SignedRoot, thresholds: Mapping[str, int]) -> SignedRoot:
    """Return the root with some thresholds raised; none is lowered. What is signed stays."""
    roles = {
        name: replace(role, threshold=max(role.threshold, thresholds.get(name, 0)))
        for name, role in signed.root.roles.items()
    }
    return replace(signed, root=replace(signed.root, roles=roles))


def require_unexpired(root: TrustRoot, at: datetime.datetime) -> None:
    """Refuse a root that expired. Raises UntrustedError."""
    if at >= root.expires:
        raise UntrustedError(
            f"trust root {root.version} of {root.project} expired on {write_time(root.expires)} "
            f"(judged at {write_time(at)})",
            hint="ask its keepers for a newer one, or judge an archive at its own time with --at",
        )


def _same_project(candidate: SignedRoot, pinned: SignedRoot) -> None:
    if candidate.root.project != pinned.root.project:
        raise UntrustedError(
            f"the trust root is that of {candidate.root.project!r}, "
            f"the pinned one is that of {pinned.root.project!r}",
            hint="look at both with `kutterlock trust show`",
        )


def _same_version(candidate: SignedRoot, pinned: SignedRoot) -> None:
    if candidate.signed_bytes != pinned.signed_bytes:
        raise UntrustedError(
            f"there are two trust roots of version {candidate.root.version}",
            details=[f"pinned:  {pinned.digest}", f"offered: {candidate.digest}"],
            hint="ask the keepers of the root which one is theirs",
        )


def _read(signed: Table) -> TrustRoot:
    for key, value in (("_type", "root"), ("spec_version", SPECIFICATION)):
        if signed.text(key) != value:
            signed.fault(key, f"this kutterlock reads {value!r}")
    signed.flag("consistent_snapshot")
    signed.table("roles", required=True)
    ours = signed.table("x-kutterlock", required=True)
    tables = {**{name: ours.table("roles") for name in ROLES}, "root": signed.table("roles")}
    return TrustRoot(
        project=ours.text("project"),
        version=signed.integer("version"),
        expires=signed.parsed("expires", read_time)
        or datetime.datetime.fromtimestamp(0, datetime.UTC),
        keys=dict(_keys(signed.table("keys", required=True))),
        roles={name: _role(tables[name].table(name, required=True)) for name in ROLES},
        require=ours.texts("require", None),
    )


def _role(table: Table) -> Role:
    return Role(keys=table.texts("keyids", None), threshold=table.integer("threshold"))


def _keys(table: Table) -> list[tuple[str, NamedKey]]:
    found = []
    for key_id, item in table.tables():
        value = item.value()
        try:
            key = read_tuf_form(value)
        except ValueError as error:
            item.fault(None, str(error))
            continue
        if key.id != key_id:
            item.fault(None, "the key has another id")
        found.append((key_id, NamedKey(name=item.text("x-kutterlock-name"), key=key)))
    return found


def _check(root: TrustRoot, table: Table) -> None:
    if root.version < 1:
        table.fault("version", "is not 1 or more")
    if not 0 < len(root.keys) <= MOST_KEYS:
        table.fault("keys", f"there are not 1 to {MOST_KEYS} of them")
    for name in root.require:
        if name not in OBJECTS_TO_SIGN:
            table.fault("x-kutterlock", f"{name!r} is not one of {', '.join(OBJECTS_TO_SIGN)}")
    _check_names(root, table)
    _check_roles(root, table)


def _check_names(root: TrustRoot, table: Table) -> None:
    names = [item.name for item in root.keys.values()]
    if len(set(names)) != len(names):
        table.fault("keys", "two have one name")
    for name in (root.project, *names):
        if not _NAME.match(name):
            table.fault(None, f"{name!r} is not a name of letters, digits and ._@+-")


def _check_roles(root: TrustRoot, table: Table) -> None:
    for name, role in root.roles.items():
        if unknown := [key_id[:16] for key_id in role.keys if key_id not in root.keys]:
            table.fault("roles", f"{name}: no such key: {', '.join(unknown)}")
        if len(set(role.keys)) != len(role.keys) or not 1 <= role.threshold <= len(role.keys):
            table.fault("roles", f"{name}: {role.threshold} of {len(set(role.keys))} keys")


def _signatures(document: Table) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for item in document.table_list("signatures"):
        key_id = item.text("keyid")
        if key_id in found:
            item.fault("keyid", "signs twice")
        found[key_id] = item.parsed("sig", _signature) or b""
        item.close()
    return found


def _signature(text: str) -> bytes:
    if len(text) > 512:
        raise ValueError("is too long for a signature")
    return bytes.fromhex(text)


def _damaged(faults: tuple[Fault, ...]) -> UntrustedError:
    return UntrustedError(
        "the trust root cannot be used as it stands",
        details=[str(fault) for fault in faults],
        hint="ask whoever made it",
    )
