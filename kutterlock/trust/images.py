"""Signing container images: values to be put into a layout or a registry beside the image.

skopeo's policy looks at the manifest of one platform, cosign at the index as well: an image is
signed under its index and under each platform's manifest.
"""

import base64
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import BinaryIO, Protocol

from kutterlock.adapters.http_answer import Response
from kutterlock.errors import NetworkError
from kutterlock.model.cosign import (
    ENVELOPE_TYPE,
    SIGN_PREDICATE,
    SIGNATURE_ANNOTATION,
    SIMPLE_SIGNING_TYPE,
    Artifact,
    Layer,
    layered,
    referrers,
    sign_statement,
    simple_signing,
)
from kutterlock.model.digest import Digest
from kutterlock.model.dsse import IN_TOTO, DsseSignature, Envelope
from kutterlock.model.keys import Signer
from kutterlock.model.sigstore import write_envelope_bundle


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSubject:
    """What is signed: an index or manifest, and the name (without tag) that it goes by."""

    name: str
    digest: Digest
    media_type: str
    size: int


def sign_image(
    subject: ImageSubject,
    signers: Sequence[Signer],
    statements: Iterable[tuple[bytes, str]] = (),
) -> tuple[Artifact, ...]:
    """Return everything that says who vouches for an image.

    `statements` are further in-toto statements about it, each with its predicate type.
    """
    attested = tuple(statements)
    found = [layered(subject.digest, "sig", [_simple(subject, signer) for signer in signers])]
    if attested:
        layers = [_attestation(*item, signer) for item in attested for signer in signers]
        found.append(layered(subject.digest, "att", layers))
    bundles = [
        (_bundle(statement, signer), predicate)
        for statement, predicate in ((sign_statement(subject.digest), SIGN_PREDICATE), *attested)
        for signer in signers
    ]
    return (*found, *referrers(_descriptor(subject), subject.digest, bundles))


class Registry(Protocol):
    """What attaching needs of `kutterlock.adapters.registry.Registries`."""

    def upload(self, name: str, digest: Digest, size: int, content: Callable[[], BinaryIO]) -> bool:
        """Send a blob."""

    def put_manifest(self, name: str, data: bytes, media_type: str, wanted: str) -> Response:
        """Send a manifest under a digest or tag."""


def attach(registry: Registry, name: str, artifacts: Iterable[Artifact]) -> int:
    """Send artifacts to the repository `name`, each after its blobs. Returns how many.

    Signatures that were there under the same tags are replaced. Raises NetworkError.
    """
    sent = tuple(artifacts)
    for artifact in sent:
        for blob in artifact.blobs:
            registry.upload(name, Digest.of(blob), len(blob), partial(BytesIO, blob))
        wanted = artifact.tag or str(artifact.digest)
        answer = registry.put_manifest(name, artifact.manifest, artifact.media_type, wanted)
        if answer.status != 201:
            raise NetworkError(
                f"{name} did not take the signature {wanted}: "
                f"the registry answered {answer.status}",
                hint="the image itself is there; run the same command again to sign it",
            )
    return len(sent)


def _simple(subject: ImageSubject, signer: Signer) -> Layer:
    from kutterlock.adapters.keys import sign_checked

    payload = simple_signing(subject.name, subject.digest)
    signature = base64.b64encode(sign_checked(signer, payload)).decode()
    return Layer(
        media_type=SIMPLE_SIGNING_TYPE,
        data=payload,
        annotations=((SIGNATURE_ANNOTATION, signature),),
    )


def _attestation(statement: bytes, predicate: str, signer: Signer) -> Layer:
    envelope = _signed(statement, signer, key_id="")
    return Layer(
        media_type=ENVELOPE_TYPE,
        data=envelope.to_bytes(),
        annotations=((SIGNATURE_ANNOTATION, ""), ("predicateType", predicate)),
    )


def _bundle(statement: bytes, signer: Signer) -> bytes:
    envelope = _signed(statement, signer, key_id="")
    return write_envelope_bundle(envelope, signer.public, envelope.signatures[0].signature)


def _signed(statement: bytes, signer: Signer, key_id: str) -> Envelope:
    from kutterlock.adapters.keys import sign_checked

    bare = Envelope(payload=statement, payload_type=IN_TOTO, signatures=())
    signature = DsseSignature(key_id=key_id, signature=sign_checked(signer, bare.signed_bytes))
    return Envelope(payload=statement, payload_type=IN_TOTO, signatures=(signature,))


def _descriptor(subject: ImageSubject) -> dict[str, object]:
    return {
        "mediaType": subject.media_type,
        "digest": str(subject.digest),
        "size": subject.size,
    }
