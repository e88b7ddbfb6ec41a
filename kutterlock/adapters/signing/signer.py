"""Signing by a command: the way to an HSM, a smart card or a key service.

The command gets the bytes to sign on stdin and writes the signature to stdout: 64 bytes (Ed25519)
or DER (ECDSA P-256 with SHA-256), raw or as base64. Its answer is checked against the public key.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass

from kutterlock.adapters.process import check, run
from kutterlock.model.signing.keys import PublicKey

TIMEOUT = 300.0
"""Seconds: a person may have to touch a token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandSigner:
    """Signs by running `argv` in the user's `environment`."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    public: PublicKey

    def sign(self, message: bytes) -> bytes:
        """Run the command. Raises KutterError with its last lines where it fails."""
        done = run(self.argv, self.environment, stdin=message, timeout=TIMEOUT)
        # The environment may hold a PIN: it is not part of what an error shows.
        answer = check(done, self.argv, {})
        return _decoded(answer)


def _decoded(answer: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(answer.split()), validate=True)
    except binascii.Error:
        return answer
