"""Public keys as values, and the forms in which other tools know them.

Two kinds: Ed25519, and ECDSA over P-256. Both have one SubjectPublicKeyInfo (RFC 5480, RFC 8410)
with a fixed prefix, so that no cryptography is needed to read or write a key. A key's id is the
sha256 of that, in hex: the same in the trust root, in DSSE and (as base64) in Sigstore bundles.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

from kutterlock.model.encoding import ssh_wire

ED25519 = "ed25519"
P256 = "ecdsa-p256"

RAW_LENGTH = {ED25519: 32, P256: 65}
_PREFIX = {
    ED25519: bytes.fromhex("302a300506032b6570032100"),
    P256: bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200"),
}
_PEM = re.compile(
    rb"\s*-----BEGIN PUBLIC KEY-----\s+([A-Za-z0-9+/=\s]{1,400})-----END PUBLIC KEY-----\s*\Z"
)
SSH_NAME = {ED25519: b"ssh-ed25519", P256: b"ecdsa-sha2-nistp256"}
_CURVE = b"nistp256"
_TUF = {ED25519: ("ed25519", "ed25519"), P256: ("ecdsa", "ecdsa-sha2-nistp256")}
LARGEST = 1 << 16
"""No file with one public key is larger, in bytes."""


@dataclass(frozen=True, slots=True, order=True)
class PublicKey:
    """A key to verify with: its kind, and 32 bytes or an uncompressed point of 65.

    Raises ValueError when the length is wrong or the point is compressed.
    """

    kind: str
    raw: bytes

    def __post_init__(self) -> None:
        """Check the shape; whether a point is on the curve is found when it is used."""
        if self.kind not in RAW_LENGTH or len(self.raw) != RAW_LENGTH[self.kind]:
            raise ValueError(f"not a public key of kind {self.kind}")
        if self.kind == P256 and self.raw[0] != 4:
            raise ValueError("the point of a P-256 key is not uncompressed")

    @classmethod
    def from_spki(cls, data: bytes) -> Self:
        """Read SubjectPublicKeyInfo (DER). Raises ValueError."""
        for kind, prefix in _PREFIX.items():
            if data.startswith(prefix) and len(data) == len(prefix) + RAW_LENGTH[kind]:
                return cls(kind, data[len(prefix) :])
        raise ValueError("neither an Ed25519 nor a P-256 key")

    @property
    def spki(self) -> bytes:
        """SubjectPublicKeyInfo in DER."""
        return _PREFIX[self.kind] + self.raw

    @property
    def id(self) -> str:
        """The sha256 of the SubjectPublicKeyInfo, in hex."""
        return hashlib.sha256(self.spki).hexdigest()

    @property
    def short_id(self) -> str:
        """The first 16 hex digits of the id, for file names and people."""
        return self.id[:16]

    @property
    def minisign_id(self) -> bytes:
        """The eight bytes by which minisign knows the key: blake2b-8, so that it never varies."""
        return hashlib.blake2b(self.raw, digest_size=8).digest()

    @property
    def hint(self) -> str:
        """How a Sigstore bundle names the key."""
        return base64.b64encode(hashlib.sha256(self.spki).digest()).decode()


class Signer(Protocol):
    """Whatever can sign: a key file, an agent, a command."""

    @property
    def public(self) -> PublicKey:
        """The key that its signatures are checked with."""

    def sign(self, message: bytes) -> bytes:
        """Return 64 bytes (Ed25519) or DER (ECDSA with SHA-256). Raises KutterError."""


def pem(key: PublicKey) -> str:
    """Return the PEM of openssl and cosign."""
    text = base64.encodebytes(key.spki).decode().replace("\n", "")
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])


def minisign_form(key: PublicKey) -> str:
    """Return minisign's public key file. Raises ValueError for a key that minisign cannot have."""
    if key.kind != ED25519:
        raise ValueError("minisign knows Ed25519 keys only")
    number = int.from_bytes(key.minisign_id, "little")
    body = base64.b64encode(b"Ed" + key.minisign_id + key.raw).decode()
    return f"untrusted comment: minisign public key {number:016X}\n{body}\n"


def ssh_blob(key: PublicKey) -> bytes:
    """Return the key as SSH writes it (RFC 5656, RFC 8709)."""
    parts = [SSH_NAME[key.kind]] + ([_CURVE] if key.kind == P256 else []) + [key.raw]
    return b"".join(ssh_wire.string(part) for part in parts)


def ssh_form(key: PublicKey, comment: str) -> str:
    """Return the line of an `id_ed25519.pub`."""
    body = base64.b64encode(ssh_blob(key)).decode()
    return f"{SSH_NAME[key.kind].decode()} {body} {comment}\n"


def tuf_form(key: PublicKey, name: str = "") -> dict[str, Any]:
    """Return the key as TUF metadata has it, with its name in a field of ours."""
    keytype, scheme = _TUF[key.kind]
    public = key.raw.hex() if key.kind == ED25519 else pem(key)
    named = {"x-kutterlock-name": name} if name else {}
    return {"keytype": keytype, "scheme": scheme, "keyval": {"public": public}, **named}


def read_tuf_form(value: Mapping[str, Any]) -> PublicKey:
    """Read a key of TUF metadata. Raises ValueError."""
    keyval = value.get("keyval")
    public = keyval.get("public") if isinstance(keyval, Mapping) else None
    kind = {form: kind for kind, form in _TUF.items()}.get(
        (str(value.get("keytype")), str(value.get("scheme")))
    )
    if kind is None or not isinstance(public, str):
        raise ValueError("neither an Ed25519 nor a P-256 key")
    key = PublicKey(kind, bytes.fromhex(public)) if kind == ED25519 else read_public(public)
    if key.kind != kind:
        raise ValueError("the key is not of the kind that it says")
    return key


def read_ssh_blob(data: bytes) -> PublicKey:
    """Read a key as SSH writes it. Raises ValueError."""
    fields = ssh_wire.read_strings(data)
    if len(fields) == 2 and fields[0] == SSH_NAME[ED25519]:
        return PublicKey(ED25519, fields[1])
    if len(fields) == 3 and fields[:2] == [SSH_NAME[P256], _CURVE]:
        return PublicKey(P256, fields[2])
    raise ValueError("neither an Ed25519 nor a P-256 key")


def read_public(data: str | bytes) -> PublicKey:
    """Read a public key in any of its forms: PEM, minisign, SSH. Raises ValueError."""
    raw = data.encode() if isinstance(data, str) else data
    if len(raw) > LARGEST:
        raise ValueError("too large for a public key")
    if match := _PEM.match(raw):
        return PublicKey.from_spki(decode(b"".join(match[1].split())))
    lines = [line for line in raw.splitlines() if line.strip()]
    if len(lines) == 2 and lines[0].startswith(b"untrusted comment:"):
        return _read_minisign(decode(lines[1].strip()))
    words = lines[0].split() if len(lines) == 1 else []
    if len(words) >= 2 and words[0] in SSH_NAME.values():
        return read_ssh_blob(decode(words[1]))
    raise ValueError("not a public key in PEM, minisign or SSH form")


def _read_minisign(data: bytes) -> PublicKey:
    if len(data) != 42 or data[:2] != b"Ed":
        raise ValueError("not a minisign public key")
    return PublicKey(ED25519, data[10:])


def decode(text: str | bytes) -> bytes:
    """Decode base64 strictly. Raises ValueError."""
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"not base64: {error}") from error
    if base64.b64encode(data) != (text.encode() if isinstance(text, str) else text):
        raise ValueError("not base64 in its one form")
    return data
