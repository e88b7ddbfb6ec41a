"""Sigstore bundles v0.3 with a plain public key, as cosign reads them.

Source: https://github.com/sigstore/protobuf-specs (bundle v0.3), and what cosign 2.5 and 3.1 take.
In a bundle a DSSE envelope has exactly one signature, whose key id is empty.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kutterlock.errors import UntrustedError
from kutterlock.model.encoding.strict_json import read_object, write_document
from kutterlock.model.signing.dsse import DsseSignature, Envelope, parse_envelope
from kutterlock.model.signing.keys import PublicKey, decode

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Either a signature of a file (`digest`, `signature`) or of an `envelope`."""

    hint: str
    digest: bytes = b""
    signature: bytes = b""
    envelope: Envelope | None = None


def write_file_bundle(data: bytes, key: PublicKey, signature: bytes) -> bytes:
    """Return the bundle of a signature over a file's bytes."""
    digest = base64.b64encode(file_digest(data)).decode()
    return _write(key, "messageSignature", {
        "messageDigest": {"algorithm": "SHA2_256", "digest": digest},
        "signature": base64.b64encode(signature).decode(),
    })  # fmt: skip


def write_envelope_bundle(envelope: Envelope, key: PublicKey, signature: bytes) -> bytes:
    """Return the bundle of one signature of an envelope."""
    single = Envelope(
        payload=envelope.payload,
        payload_type=envelope.payload_type,
        signatures=(DsseSignature(key_id="", signature=signature),),
    )
    return _write(key, "dsseEnvelope", single.to_dict())


def file_digest(data: bytes) -> bytes:
    """Return the digest that a bundle names."""
    return hashlib.sha256(data).digest()


def read_bundle(data: bytes) -> Bundle:
    """Read a bundle. Raises UntrustedError."""
    value = read_object(data, "the Sigstore bundle", UntrustedError)
    try:
        return _read(value)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UntrustedError(f"not a Sigstore bundle with a public key: {error}") from error


def _write(key: PublicKey, name: str, content: Mapping[str, Any]) -> bytes:
    material = {"publicKey": {"hint": key.hint}}
    value = {"mediaType": MEDIA_TYPE, "verificationMaterial": material, name: content}
    return write_document(value)


def _read(value: Mapping[str, Any]) -> Bundle:
    if value["mediaType"] != MEDIA_TYPE:
        raise ValueError("its media type is another")
    hint = value["verificationMaterial"]["publicKey"]["hint"]
    if not isinstance(hint, str):
        raise ValueError("its key hint is not text")  # noqa: TRY004 -- one kind of error
    if "dsseEnvelope" in value:
        envelope = parse_envelope(value["dsseEnvelope"])
        if len(envelope.signatures) != 1:
            raise ValueError("its envelope does not have exactly one signature")
        return Bundle(hint=hint, envelope=envelope)
    message = value["messageSignature"]
    if message["messageDigest"]["algorithm"] != "SHA2_256":
        raise ValueError("its digest is not SHA2_256")
    return Bundle(
        hint=hint,
        digest=decode(_text(message["messageDigest"]["digest"])),
        signature=decode(_text(message["signature"])),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("a field is not text")  # noqa: TRY004 -- one kind of error
    return value
