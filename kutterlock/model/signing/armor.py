"""OpenPGP's text forms (RFC 9580 section 6): ASCII armor and clearsigned text. Pure.

Only takes wrappings off. Whether a signature is right is for `adapters.signing.gpg`, and what
`unwrapped` returns is as untrusted as its input.
"""

import base64
import binascii
import re
from collections.abc import Iterator

KEY_BEGIN = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
KEY_END = "-----END PGP PUBLIC KEY BLOCK-----"
SIGNED_BEGIN = "-----BEGIN PGP SIGNED MESSAGE-----"
SIGNATURE_BEGIN = "-----BEGIN PGP SIGNATURE-----"
SIGNATURE_END = "-----END PGP SIGNATURE-----"

_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]*: .*\Z")


def is_clearsigned(text: str) -> bool:
    """Whether a clearsigned message stands in the text."""
    return SIGNED_BEGIN in (line.rstrip() for line in text.splitlines())


def unwrapped(text: str) -> str:
    """Return the text inside the only clearsigned message, dash-escapes undone. Unverified.

    What stands before and after is dropped, as gpgv does. Raises ValueError, with a reason that
    follows the text's name, unless there is exactly one whole message.
    """
    lines = [line.rstrip() for line in text.splitlines()]
    if [lines.count(m) for m in (SIGNED_BEGIN, SIGNATURE_BEGIN, SIGNATURE_END)] != [1, 1, 1]:
        raise ValueError("is not exactly one whole clearsigned message")
    start, end = lines.index(SIGNED_BEGIN), lines.index(SIGNATURE_BEGIN)
    if "" not in lines[start:end] or lines.index(SIGNATURE_END) < end:
        raise ValueError("is a clearsigned message out of order")
    body = lines[lines.index("", start) + 1 : end]
    return "".join(line.removeprefix("- ") + "\n" for line in body)


def dearmored_keys(data: bytes) -> bytes:
    """Return a keyring as gpgv reads it: armored blocks decoded, anything else as it is.

    Raises ValueError for a damaged block.
    """
    if KEY_BEGIN.encode() not in data:
        return data
    try:
        lines = [line.strip() for line in data.decode("ascii").splitlines()]
        return b"".join(_blocks(lines))
    except (UnicodeDecodeError, binascii.Error) as error:
        raise ValueError(f"the armored keyring is damaged: {error}") from error


def _blocks(lines: list[str]) -> Iterator[bytes]:
    rest = lines
    while KEY_BEGIN in rest:
        start = rest.index(KEY_BEGIN) + 1
        if KEY_END not in rest[start:]:
            raise ValueError("the armored keyring is damaged: a block has no end")
        end = rest.index(KEY_END, start)
        yield _block(rest[start:end])
        rest = rest[end + 1 :]


def _block(lines: list[str]) -> bytes:
    body = lines[lines.index("") + 1 :] if "" in lines else lines
    if body is lines and any(_HEADER.match(line) for line in lines):
        raise ValueError("the armored keyring is damaged: no blank line after its headers")
    check = next((line[1:] for line in body if line.startswith("=")), "")
    data = base64.b64decode("".join(line for line in body if line[:1] != "="), validate=True)
    if check and _crc24(data) != base64.b64decode(check, validate=True):
        raise ValueError("the armored keyring is damaged: its checksum is wrong")
    return data


def _crc24(data: bytes) -> bytes:
    crc = 0xB704CE
    for byte in data:
        crc ^= byte << 16
        for _ in range(8):
            crc = (crc << 1) ^ (0x1864CFB if crc & 0x800000 else 0)
    return (crc & 0xFFFFFF).to_bytes(3, "big")
