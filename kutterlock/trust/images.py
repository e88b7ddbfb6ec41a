"""Signing container images: values to be put into a layout or a registry beside the image.

skopeo's policy looks at the manifest of one platform, cosign at the index as well: an image is
signed under its index and under each platform's manifest. What others signed stays; what a signer
has signed before is not signed again.
"""

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from typing import Any, BinaryIO, Protocol

from kutterlock.adapters.http.answer import Response
from kutterlock.errors import NetworkError, UntrustedError
from kutterlock.model.attest.cosign import (
    ENVELOPE_TYPE,
    NOTHING,
    SIGN_PREDICATE,
    SIGNATURE_ANNOTATION,
    SIMPLE_SIGNING_TYPE,
    Artifact,
    Layer,
    Standing,
    layered,
    read_entries,
    referrers,
    sign_statement,
    simple_signing,
    tag_of,
)
from kutterlock.model.digest import Digest
from kutterlock.model.oci.image import LARGEST_MANIFEST
from kutterlock.model.signing.dsse import IN_TOTO, DsseSignature, Envelope, read_envelope
from kutterlock.model.signing.keys import Signer, decode
from kutterlock.model.signing.sigstore import read_bundle, write_envelope_bundle
from kutterlock.trust.imageclaims import LARGEST_BUNDLE

ENDINGS = ("sig", "att")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSubject:
    """What is signed: an index or manifest, and the name (without tag) that it goes by."""

    name: str
    digest: Digest
    media_type: str
    size: int


Statements = Sequence[tuple[bytes, str]]
"""In-toto statements about an image, each with its predicate type."""


def sign_image(
    subject: ImageSubject,
    signers: Sequence[Signer],
    statements: Statements = (),
    standing: Standing = NOTHING,
) -> tuple[Artifact, ...]:
    """Return what is to be put into a registry beside an image: only what is new.

    `standing` is what stands about the image already; it is in the artifacts that take its place.
    """
    return (
        *sign_layered(subject, signers, statements, standing),
        *_sign_bundled(subject, signers, statements, standing),
    )


def sign_layered(
    subject: ImageSubject,
    signers: Sequence[Signer],
    statements: Statements = (),
    standing: Standing = NOTHING,
) -> tuple[Artifact, ...]:
    """Return the artifacts `sig` and `att`, which are all that cosign reads in a layout."""
    layers = {
        "sig": [
            _simple(subject, signer)
            for signer in signers
            if not _has_simple(standing, subject, signer)
        ],
        "att": [
            _attestation(*item, signer)
            for item, signer in _lacking(statements, signers, _layered_envelopes(standing))
        ],
    }
    return tuple(
        layered(subject.digest, ending, new, standing.layers.get(ending, ()))
        for ending, new in layers.items()
        if new
    )


def _sign_bundled(
    subject: ImageSubject, signers: Sequence[Signer], statements: Statements, standing: Standing
) -> tuple[Artifact, ...]:
    wanted = ((sign_statement(subject.digest), SIGN_PREDICATE), *statements)
    bundles = [
        (_bundle(statement, signer), predicate)
        for (statement, predicate), signer in _lacking(wanted, signers, _bundles(standing))
    ]
    if not bundles:
        return ()
    return referrers(_descriptor(subject), subject.digest, bundles, standing.listed)


def _lacking(
    statements: Iterable[tuple[bytes, str]],
    signers: Sequence[Signer],
    there: Callable[[str], Iterator[Envelope]],
) -> Iterator[tuple[tuple[bytes, str], Signer]]:
    """Pair each statement with the signers that have not signed it in an envelope that is there."""
    found = tuple(
        (item, [envelope for envelope in there(item[1]) if envelope.payload == item[0]])
        for item in statements
    )
    for signer in signers:
        for item, same in found:
            message = _bare(item[0]).signed_bytes
            if not any(_is_right(signer, message, one.signatures[0].signature) for one in same):
                yield item, signer


def _has_simple(standing: Standing, subject: ImageSubject, signer: Signer) -> bool:
    payload = simple_signing(subject.name, subject.digest)
    digest = str(Digest.of(payload))
    signatures = (
        (entry.get("annotations") or {}).get(SIGNATURE_ANNOTATION, "")
        for entry in standing.layers.get("sig", ())
        if entry["digest"] == digest
    )
    return any(_is_right(signer, payload, text) for text in signatures)


def _is_right(signer: Signer, message: bytes, signature: bytes | str) -> bool:
    from kutterlock.adapters.signing.keys import check_signature

    try:
        raw = decode(signature) if isinstance(signature, str) else signature
    except ValueError:
        return False
    return check_signature(signer.public, message, raw)


def _layered_envelopes(standing: Standing) -> Callable[[str], Iterator[Envelope]]:
    """Return what finds the envelopes that stand under `.att`, by predicate type."""

    def find(predicate: str) -> Iterator[Envelope]:
        for entry in standing.layers.get("att", ()):
            if (entry.get("annotations") or {}).get("predicateType") == predicate:
                yield from _read(standing, entry, read_envelope)

    return find


def _bundles(standing: Standing) -> Callable[[str], Iterator[Envelope]]:
    """Return what finds the envelopes of the bundles that are listed, by predicate type."""

    def find(predicate: str) -> Iterator[Envelope]:
        for entry in standing.listed:
            kind = (entry.get("annotations") or {}).get("dev.sigstore.bundle.predicateType")
            if kind == predicate and standing.read:
                manifest = standing.read("manifests", Digest.parse(entry["digest"]))
                for layer in read_entries(manifest, "layers", entry["digest"]):
                    yield from _read(standing, layer, lambda data: read_bundle(data).envelope)

    return find


def _read(
    standing: Standing, entry: Mapping[str, Any], read: Callable[[bytes], Envelope | None]
) -> Iterator[Envelope]:
    if standing.read is None or entry["size"] > LARGEST_BUNDLE:
        return
    try:
        found = read(standing.read("blobs", Digest.parse(entry["digest"])))
    except UntrustedError:  # somebody else's, in a form of their own: it stays as it is
        return
    if found is not None and len(found.signatures) == 1:
        yield found


class Registry(Protocol):
    """What attaching needs of `kutterlock.adapters.oci.registry.Registries`."""

    def upload(self, name: str, digest: Digest, size: int, content: Callable[[], BinaryIO]) -> bool:
        """Send a blob."""

    def put_manifest(self, name: str, data: bytes, media_type: str, wanted: str) -> Response:
        """Send a manifest under a digest or tag."""

    def exists(self, name: str, kind: str, digest: str) -> bool:
        """Whether a repository has a blob or manifest."""

    def fetch(self, name: str, kind: str, wanted: str, *, limit: int) -> bytes | None:
        """Return a blob or manifest of at most `limit` bytes, None where there is none."""


def standing_in(registry: Registry, name: str, digest: Digest) -> Standing:
    """Read what stands about an image in the repository `name`. Raises NetworkError."""

    def entries(key: str, tag: str) -> tuple[Mapping[str, Any], ...]:
        data = registry.fetch(name, "manifests", tag, limit=LARGEST_MANIFEST)
        return read_entries(data, key, f"{name}:{tag}") if data is not None else ()

    def read(kind: str, wanted: Digest) -> bytes:
        data = registry.fetch(name, kind, str(wanted), limit=LARGEST_BUNDLE)
        if data is None:
            raise UntrustedError(f"{name} lists {wanted}, and does not have it")
        return data

    layers = {ending: entries("layers", tag_of(digest, ending)) for ending in ENDINGS}
    return Standing(layers=layers, listed=entries("manifests", tag_of(digest)), read=read)


def attach(registry: Registry, name: str, artifacts: Iterable[Artifact]) -> int:
    """Send artifacts to the repository `name`, each after its blobs. Returns how many.

    What stands under their tags is replaced: it was to be in them. Raises NetworkError.
    """
    sent = tuple(artifacts)
    for artifact in sent:
        for blob in artifact.blobs:
            digest = Digest.of(blob)
            if not registry.exists(name, "blobs", digest):
                registry.upload(name, digest, len(blob), partial(BytesIO, blob))
        wanted = artifact.tag or artifact.digest
        answer = registry.put_manifest(name, artifact.manifest, artifact.media_type, wanted)
        if answer.status != 201:
            raise NetworkError(
                f"{name} did not take the signature {wanted}: "
                f"the registry answered {answer.status}",
                hint="the image itself is there; run the same command again to sign it",
            )
    return len(sent)


def _simple(subject: ImageSubject, signer: Signer) -> Layer:
    from kutterlock.adapters.signing.keys import sign_checked

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
    from kutterlock.adapters.signing.keys import sign_checked

    bare = _bare(statement)
    signature = DsseSignature(key_id=key_id, signature=sign_checked(signer, bare.signed_bytes))
    return replace(bare, signatures=(signature,))


def _bare(statement: bytes) -> Envelope:
    return Envelope(payload=statement, payload_type=IN_TOTO, signatures=())


def _descriptor(subject: ImageSubject) -> dict[str, object]:
    return {
        "mediaType": subject.media_type,
        "digest": subject.digest,
        "size": subject.size,
    }
