"""DSSE envelopes: https://github.com/secure-systems-lab/dsse/blob/master/envelope.md.

One payload, one signature a signer; several signers sign the same payload.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kutterlock.errors import UntrustedError
from kutterlock.model.encoding.strict_json import read_object, write_document
from kutterlock.model.signing.keys import decode

IN_TOTO = "application/vnd.in-toto+json"
MOST_SIGNATURES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class DsseSignature:
    """One signer's: `key_id` names the key (empty inside a Sigstore bundle)."""

    key_id: str
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A payload and its signatures."""

    payload: bytes
    payload_type: str
    signatures: tuple[DsseSignature, ...]

    @property
    def signed_bytes(self) -> bytes:
        """What each signature covers (pre-authentication encoding)."""
        kind = self.payload_type.encode()
        return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(self.payload), self.payload)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "payload": base64.b64encode(self.payload).decode(),
            "payloadType": self.payload_type,
            "signatures": [
                {"keyid": item.key_id, "sig": base64.b64encode(item.signature).decode()}
                for item in self.signatures
            ],
        }

    def to_bytes(self) -> bytes:
        """Return the file."""
        return write_document(self.to_dict())


def read_envelope(data: bytes) -> Envelope:
    """Read an envelope's file. Raises UntrustedError."""
    return parse_envelope(read_object(data, "the DSSE envelope", UntrustedError))


def parse_envelope(value: Mapping[str, Any]) -> Envelope:
    """Read an envelope's JSON form. Raises UntrustedError."""
    try:
        return _parse(value)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UntrustedError(f"not a DSSE envelope: {error}") from error


def _parse(value: Mapping[str, Any]) -> Envelope:
    found = value["signatures"]
    if not isinstance(found, list) or len(found) > MOST_SIGNATURES:
        raise ValueError("its signatures are not a short list")
    return Envelope(
        payload=decode(_text(value["payload"])),
        payload_type=_text(value["payloadType"]),
        signatures=tuple(
            DsseSignature(key_id=_text(item.get("keyid", "")), signature=decode(_text(item["sig"])))
            for item in found
        ),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("a field is not text")  # noqa: TRY004 -- one kind of error
    return value
