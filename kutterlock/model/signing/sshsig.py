"""SSH signatures: https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.sshsig.

`ssh-keygen -Y verify` checks them against a namespace, so that a signature made for something else
cannot be passed off.
"""

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

from kutterlock.errors import UntrustedError
from kutterlock.model.encoding import der, ssh_wire
from kutterlock.model.signing.keys import P256, SSH_NAME, PublicKey, decode, read_ssh_blob, ssh_blob

NAMESPACE = "kutterlock"
LARGEST = 1 << 14
_MAGIC = b"SSHSIG"
_HASHES = (b"sha512", b"sha256")
_ARMOR = re.compile(
    rb"-----BEGIN SSH SIGNATURE-----\n([A-Za-z0-9+/=\n]+)\n-----END SSH SIGNATURE-----\n?\Z"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SshSignature:
    """What an SSH signature says; `signature` is as the rest of kutterlock has it (64 or DER)."""

    key: PublicKey
    namespace: str
    hash_name: str
    signature: bytes


def write_sshsig(data: bytes, key: PublicKey, sign: Callable[[bytes], bytes]) -> bytes:
    """Sign a file's bytes in kutterlock's namespace."""
    signature = sign(signed_bytes(data, NAMESPACE, "sha512"))
    fields = [ssh_blob(key), NAMESPACE.encode(), b"", b"sha512", to_ssh(key, signature)]
    blob = _MAGIC + (1).to_bytes(4, "big") + b"".join(ssh_wire.string(field) for field in fields)
    text = base64.b64encode(blob).decode()
    lines = [text[start : start + 70] for start in range(0, len(text), 70)]
    framed = ["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""]
    return "\n".join(framed).encode()


def read_sshsig(data: bytes) -> SshSignature:
    """Read an armored signature. Raises UntrustedError."""
    try:
        return _read(data)
    except ValueError as error:
        raise UntrustedError(f"not an SSH signature by a key of ours: {error}") from error


def signed_bytes(data: bytes, namespace: str, hash_name: str) -> bytes:
    """Return what an SSH signature of `data` covers."""
    digest = hashlib.new(hash_name, data).digest()
    fields = [namespace.encode(), b"", hash_name.encode(), digest]
    return _MAGIC + b"".join(ssh_wire.string(field) for field in fields)


def to_ssh(key: PublicKey, signature: bytes) -> bytes:
    """Turn a raw or DER signature into SSH's form."""
    if key.kind == P256:
        r, s = der.read_ecdsa_signature(signature)
        signature = ssh_wire.mpint(r) + ssh_wire.mpint(s)
    return ssh_wire.string(SSH_NAME[key.kind]) + ssh_wire.string(signature)


def from_ssh(key: PublicKey, blob: bytes) -> bytes:
    """Turn SSH's form into a raw or DER signature. Raises ValueError."""
    fields = ssh_wire.read_strings(blob)
    if len(fields) != 2 or fields[0] != SSH_NAME[key.kind]:
        raise ValueError("its signature is not of its key's kind")
    if key.kind != P256:
        return fields[1]
    numbers = [int.from_bytes(part, "big") for part in ssh_wire.read_strings(fields[1])]
    if len(numbers) != 2 or max(numbers).bit_length() > 256:
        raise ValueError("its signature is not a pair of numbers")
    return der.ecdsa_signature(*numbers)


def _read(data: bytes) -> SshSignature:
    match = _ARMOR.match(data[: LARGEST + 1])
    if len(data) > LARGEST or match is None:
        raise ValueError("its frame is missing")
    blob = decode(match[1].replace(b"\n", b""))
    if blob[:10] != _MAGIC + (1).to_bytes(4, "big"):
        raise ValueError("its version is unknown")
    fields = ssh_wire.read_strings(blob[10:])
    if len(fields) != 5 or fields[2] or fields[3] not in _HASHES:
        raise ValueError("its fields are not the known ones")
    key = read_ssh_blob(fields[0])
    return SshSignature(
        key=key,
        namespace=fields[1].decode(),
        hash_name=fields[3].decode(),
        signature=from_ssh(key, fields[4]),
    )
