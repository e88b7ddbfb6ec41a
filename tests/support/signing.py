"""Signers with fixed keys, and a trust root of them."""

import datetime

from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from kutterlock.adapters.signing import keys
from kutterlock.adapters.tomlfile import lock_bytes
from kutterlock.model.attest.statement import STATEMENT_NAME, ReleaseStatement
from kutterlock.model.digest import Digest
from kutterlock.model.lock import Lock
from kutterlock.model.signing.keys import P256
from kutterlock.model.signing.signature_file import SignatureFile
from kutterlock.model.signing.trustroot import NamedKey, SignedRoot
from kutterlock.trust.rootwork import RootWish, first_root, sign_root
from kutterlock.trust.signatures import make_signature
from kutterlock.trust.verified import Papers
from tests.support import samples

NOW = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC)
LATER = NOW + datetime.timedelta(days=365)


def signer(name: str, kind: str = "ed25519") -> keys.KeySigner:
    """Return the signer that always has this name and the same key."""
    seed = Digest.of(name.encode()).hex
    if kind == P256:
        return keys._signer(ec.derive_private_key(int(seed, 16) >> 8, ec.SECP256R1()))
    return keys._signer(ed25519.Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed)))


ALICE = signer("alice")
BOB = signer("bob", P256)
CAROL = signer("carol")
MALLORY = signer("mallory")


def named(name: str, who: keys.KeySigner) -> tuple[str, NamedKey]:
    """Return a key for every role of a root."""
    return "", NamedKey(name=name, key=who.public)


def root(
    *, threshold: int = 1, project: str = "demo", expires: datetime.datetime = LATER
) -> SignedRoot:
    """Return a root of alice, bob and carol, signed by all."""
    wish = RootWish(
        expires=expires,
        add=(named("alice", ALICE), named("bob", BOB), named("carol", CAROL)),
        thresholds={"": threshold},
    )
    return sign_root(first_root(project, wish), (ALICE, BOB, CAROL))


def signature(data: bytes, who: keys.KeySigner, form: str, name: str = "x") -> SignatureFile:
    """Sign bytes in one form."""
    made = make_signature(data, who, "comment", form)
    return SignatureFile(name=f"{name}.{who.public.short_id}.{form}", form=form, data=made)


def release(data: bytes, **changes: object) -> ReleaseStatement:
    """Return release 3 of a lock's bytes."""
    fields = {
        "project": "demo", "version": 3, "lock": Digest.of(data), "issued": NOW, "expires": LATER,
        **changes,
    }  # fmt: skip
    return ReleaseStatement(**fields)  # type: ignore[arg-type]


def papers(
    *signers: keys.KeySigner, lock: Lock | None = None, statement: ReleaseStatement | None = None
) -> Papers:
    """Return a lock's papers, its statement signed by `signers` in the default forms."""
    data = lock_bytes(lock or samples.lock())
    signed = (statement or release(data)).to_bytes()
    return Papers(
        lock=data,
        statement=signed,
        statement_signatures=tuple(
            signature(signed, who, "sigstore.json", STATEMENT_NAME) for who in signers
        ),
        lock_signatures=tuple(
            signature(data, who, "sigstore.json", "kutter.lock") for who in signers
        ),
    )
