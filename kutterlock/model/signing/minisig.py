"""minisign's signature files: https://jedisct1.github.io/minisign/#signature-format.

Only the prehashed form (`ED`: Ed25519 over BLAKE2b-512 of the file), which is minisign's default.
"""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from kutterlock.errors import UntrustedError
from kutterlock.model.signing.keys import PublicKey, decode

LARGEST = 1 << 14
"""Comments included, in bytes; minisign's own limits are 1024 and 8192."""

_ALGORITHM = b"ED"
_UNTRUSTED = b"untrusted comment: "
_TRUSTED = b"trusted comment: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Minisig:
    """What a `.minisig` says."""

    key_id: bytes
    signature: bytes
    trusted_comment: bytes
    global_signature: bytes


def write_minisig(
    data: bytes, key: PublicKey, sign: Callable[[bytes], bytes], trusted_comment: str
) -> bytes:
    """Sign a file's bytes; `trusted_comment` is signed too and has no newline."""
    comment = trusted_comment.encode()
    signature = sign(prehash(data))
    body = base64.b64encode(_ALGORITHM + key.minisign_id + signature)
    closing = base64.b64encode(sign(signature + comment))
    lines = [_UNTRUSTED + b"signature by key " + key.short_id.encode(), body, _TRUSTED + comment]
    return b"\n".join([*lines, closing, b""])


def read_minisig(data: bytes) -> Minisig:
    """Read a signature file. Raises UntrustedError when it is not one."""
    try:
        return _read(data)
    except ValueError as error:
        raise UntrustedError(f"not a minisign signature: {error}") from error


def prehash(data: bytes) -> bytes:
    """Return what is signed instead of the file."""
    return hashlib.blake2b(data).digest()


def _read(data: bytes) -> Minisig:
    lines = data.split(b"\n")
    if len(data) > LARGEST or len(lines) != 5 or lines[4]:
        raise ValueError("it does not have four lines")
    if not lines[0].startswith(_UNTRUSTED) or not lines[2].startswith(_TRUSTED):
        raise ValueError("a comment is missing")
    body, closing = decode(lines[1]), decode(lines[3])
    if len(body) != 74 or len(closing) != 64:
        raise ValueError("it is cut off")
    if body[:2] != _ALGORITHM:
        raise ValueError("it is not of the prehashed kind (ED)")
    return Minisig(
        key_id=body[2:10],
        signature=body[10:],
        trusted_comment=lines[2].removeprefix(_TRUSTED),
        global_signature=closing,
    )
