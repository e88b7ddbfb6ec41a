"""Making trust roots: the first, the next, and their signatures."""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from kutterlock.adapters.signing.keys import check_signature, sign_checked
from kutterlock.errors import UsageError
from kutterlock.model.signing.keys import Signer
from kutterlock.model.signing.trustroot import (
    ROLES,
    NamedKey,
    Role,
    SignedRoot,
    TrustRoot,
    unsigned,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RootWish:
    """What a new root is to have.

    `add` pairs a role with a key, `""` meaning every role; `thresholds` maps a role to a number,
    `""` meaning every role that is not named. A role that is left without a key takes the
    lock's.
    """

    expires: datetime.datetime
    add: tuple[tuple[str, NamedKey], ...] = ()
    remove: tuple[str, ...] = ()
    thresholds: Mapping[str, int] = field(default_factory=dict)
    require: tuple[str, ...] = ()


def first_root(project: str, wish: RootWish) -> SignedRoot:
    """Make version 1. Raises UsageError, UntrustedError for what no root can have."""
    if not wish.add:
        raise UsageError("a trust root needs keys", hint="name them: --add NAME=FILE")
    empty = TrustRoot(
        project=project,
        version=0,
        expires=wish.expires,
        keys={},
        roles={name: Role(keys=(), threshold=1) for name in ROLES},
        require=("lock",),
    )
    return next_root(empty, wish)


def next_root(old: TrustRoot, wish: RootWish) -> SignedRoot:
    """Make the version after `old`. Raises UsageError, UntrustedError."""
    removed = _ids(old, wish.remove)
    keys = {key_id: item for key_id, item in old.keys.items() if key_id not in removed}
    keys |= {item.key.id: item for _, item in wish.add}
    roles = _filled({name: _role(name, old.roles[name], removed, wish) for name in ROLES})
    used = {key_id for role in roles.values() for key_id in role.keys}
    if unknown := set(wish.thresholds) - {"", *ROLES}:
        raise UsageError(f"--threshold: no role {', '.join(sorted(unknown))}")
    return unsigned(
        replace(
            old,
            version=old.version + 1,
            expires=wish.expires,
            keys={key_id: keys[key_id] for key_id in sorted(used)},
            roles=roles,
            require=tuple(sorted(wish.require or old.require)),
        )
    )


def sign_root(root: SignedRoot, signers: Iterable[Signer]) -> SignedRoot:
    """Add signatures."""
    for signer in signers:
        root = root.signed_also(signer.public.id, sign_checked(signer, root.signed_bytes))
    return root


def standing(signed: SignedRoot) -> list[str]:
    """Say in a line or two how many of the root's own keys have signed it."""
    role = signed.root.roles["root"]
    good = [
        item
        for item in signed.root.keys_of("root")
        if (signature := signed.signatures.get(item.key.id))
        and check_signature(item.key, signed.signed_bytes, signature)
    ]
    lines = [f"signed by {len(good)} of the {role.threshold} root keys that it needs"]
    if len(good) < role.threshold:
        missing = [str(item) for item in signed.root.keys_of("root") if item not in good]
        lines.append(f"missing: {', '.join(missing)}; add one with `kutterlock trust sign`")
    return lines


def _filled(roles: dict[str, Role]) -> dict[str, Role]:
    """Give the lock's keys to roles that nobody was named for, and the root's to the lock."""
    spare = roles["lock"].keys or roles["root"].keys
    return {name: role if role.keys else replace(role, keys=spare) for name, role in roles.items()}


def _role(name: str, old: Role, removed: set[str], wish: RootWish) -> Role:
    added = [item.key.id for role, item in wish.add if role in ("", name)]
    threshold = wish.thresholds.get(name, wish.thresholds.get("", old.threshold))
    keys = {key_id for key_id in old.keys if key_id not in removed} | set(added)
    return Role(keys=tuple(sorted(keys)), threshold=threshold)


def _ids(root: TrustRoot, names: Iterable[str]) -> set[str]:
    ids = {item.name: key_id for key_id, item in root.keys.items()}
    if unknown := [name for name in names if name not in ids]:
        raise UsageError(
            f"the trust root has no key {', '.join(unknown)}",
            hint=f"it has {', '.join(sorted(ids))}",
        )
    return {ids[name] for name in names}
