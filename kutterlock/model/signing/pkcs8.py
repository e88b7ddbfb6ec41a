"""The frame of an encrypted private key: PKCS #8 with PBES2 (RFC 5958, RFC 8018).

The library's own encryption has 2048 rounds and no knob. Here it is PBKDF2-HMAC-SHA512 with
600000 rounds and AES-256-CBC, which openssl and the library both load.
"""

import base64

from kutterlock.model.encoding import der

ROUNDS = 600_000
KEY_LENGTH = 32

_PBES2 = der.identifier("1.2.840.113549.1.5.13")
_PBKDF2 = der.identifier("1.2.840.113549.1.5.12")
_HMAC_SHA512 = der.identifier("1.2.840.113549.2.11")
_AES256_CBC = der.identifier("2.16.840.1.101.3.4.1.42")


def encrypted_pem(ciphertext: bytes, *, salt: bytes, vector: bytes) -> bytes:
    """Frame a key that was encrypted with a key derived from `salt` in ROUNDS rounds."""
    prf = der.sequence(_HMAC_SHA512, der.null())
    rounds, length = der.integer(ROUNDS), der.integer(KEY_LENGTH)
    derivation = der.sequence(_PBKDF2, der.sequence(der.octets(salt), rounds, length, prf))
    cipher = der.sequence(_AES256_CBC, der.octets(vector))
    algorithm = der.sequence(_PBES2, der.sequence(derivation, cipher))
    return _armored(der.sequence(algorithm, der.octets(ciphertext)))


def _armored(data: bytes) -> bytes:
    text = base64.b64encode(data).decode()
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    name = "ENCRYPTED PRIVATE KEY"
    return "\n".join([f"-----BEGIN {name}-----", *lines, f"-----END {name}-----", ""]).encode()
