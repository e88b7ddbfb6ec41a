"""What is claimed of the images in a layout, and by whose keys: in bounded time and memory.

Three forms, as `model.attest.cosign` has them: simple signing (`sigs`), statements in DSSE
envelopes (`atts`), and referrers with a Sigstore bundle each, which tools that copy out of a
registry list beside the image. A claim counts for keys that are given; where none of them made it,
it is a stranger's, whatever it says.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from kutterlock.errors import MissingInputError, UntrustedError
from kutterlock.model.attest.cosign import (
    ENVELOPE_TYPE,
    LAYOUT_KINDS,
    SIGN_PREDICATE,
    SIGNATURE_ANNOTATION,
    SIMPLE_SIGNING_TYPE,
    read_simple_signing,
)
from kutterlock.model.attest.image import ImageStatement, read_image_statement
from kutterlock.model.digest import Digest
from kutterlock.model.oci.image import LARGEST_MANIFEST, Descriptor, Index, Manifest, parse_document
from kutterlock.model.oci.layout import INDEX_NAME
from kutterlock.model.signing.dsse import IN_TOTO, Envelope, read_envelope
from kutterlock.model.signing.keys import PublicKey, decode
from kutterlock.model.signing.sigstore import MEDIA_TYPE as BUNDLE_TYPE
from kutterlock.model.signing.sigstore import read_bundle

KIND = "kind"
LARGEST_PAYLOAD = 64 << 10
LARGEST_BUNDLE = 8 << 20
MOST_BYTES = 64 << 20
"""What all claims of a layout may have together: each key may be tried on all of it."""
MOST_CLAIMS = 2000


class Files(Protocol):
    """What judging needs of `kutterlock.adapters.oci.layout.ImageLayout`."""

    @property
    def blobs(self) -> Mapping[Digest, int]:
        """Sizes in bytes."""

    @property
    def texts(self) -> Mapping[str, int]:
        """Sizes in bytes of `index.json` and its like."""

    @property
    def surplus(self) -> tuple[str, ...]:
        """Names of files that belong to no layout."""

    def text(self, name: str, limit: int) -> bytes:
        """Read a text."""

    def blob(self, digest: Digest, limit: int) -> bytes:
        """Read a blob whose digest was checked."""

    def check(self) -> int:
        """Hash every blob; returns the bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Something that is said of `subjects`: names (empty: none) and digests.

    `by` are the ids of the keys that made it. For simple signing `predicate_type` is empty and
    `statement` None.
    """

    subjects: tuple[tuple[str, Digest], ...]
    by: frozenset[str]
    predicate_type: str = ""
    statement: ImageStatement | None = None

    @property
    def is_signature(self) -> bool:
        """Whether it says no more than: these bytes are the image."""
        return self.predicate_type in ("", SIGN_PREDICATE)

    def names(self, digest: Digest) -> set[str]:
        """Return the names under which it speaks of a digest."""
        return {name for name, subject in self.subjects if subject == digest}


UNREAD = Claim(subjects=(), by=frozenset(), predicate_type="unknown")
"""A claim in a form that is not read here, which counts for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What `index.json` lists: images, and the manifests that make claims of them."""

    images: tuple[Descriptor, ...]
    claims: tuple[tuple[str, Manifest], ...]


def listed(files: Files) -> Listed:
    """Read `index.json`. Raises UntrustedError, MissingInputError."""
    index = read_document(files, None, "")
    if not isinstance(index, Index):
        raise UntrustedError("index.json is no index")
    images: list[Descriptor] = []
    claims: list[tuple[str, Manifest]] = []
    for entry in index.manifests:
        document = read_document(files, entry.digest, entry.media_type)
        form = _form(entry, document)
        if form and isinstance(document, Manifest):
            claims.append((form, document))
        elif form:
            raise UntrustedError(f"{entry.digest} is listed as signatures, and is an index")
        else:
            images.append(entry)
    return Listed(images=tuple(images), claims=tuple(claims))


def read_document(files: Files, digest: Digest | None, media_type: str) -> Index | Manifest:
    """Read an index or manifest, without a digest `index.json`.

    Raises UntrustedError, MissingInputError.
    """
    if digest and digest not in files.blobs:
        raise MissingInputError(f"the layout lists {digest}, and does not have it")
    if digest:
        data = files.blob(digest, LARGEST_MANIFEST)
    else:
        data = files.text(INDEX_NAME, LARGEST_MANIFEST)
    try:
        return parse_document(data, media_type)
    except ValueError as error:
        raise UntrustedError(f"{digest or 'index.json'} {error}") from error


def read_claims(
    files: Files, found: Iterable[tuple[str, Manifest]], keys: Iterable[PublicKey]
) -> list[Claim]:
    """Read every claim and find out whose it is. Raises UntrustedError, MissingInputError."""
    known = tuple(keys)
    claims: list[Claim] = []
    size = 0
    for form, layer in _layers(found):
        size += layer.size
        if len(claims) >= MOST_CLAIMS or size > MOST_BYTES:
            raise UntrustedError(
                f"the layout has more than {MOST_CLAIMS} signatures, or {MOST_BYTES} bytes of them"
            )
        if layer.digest not in files.blobs:
            raise MissingInputError(f"the layout lists {layer.digest}, and does not have it")
        claims.append(_READERS[form](files, layer, known))
    return claims


def _form(entry: Descriptor, document: Index | Manifest) -> str:
    kinds = {kind: ending for ending, kind in LAYOUT_KINDS.items()}
    if ending := kinds.get(entry.annotations.get(KIND, "")):
        return ending
    bundled = isinstance(document, Manifest) and bool(document.layers)
    if bundled and all(layer.media_type == BUNDLE_TYPE for layer in document.layers):  # type: ignore[union-attr]
        return "bundle"
    return ""


def _layers(found: Iterable[tuple[str, Manifest]]) -> Iterator[tuple[str, Descriptor]]:
    wanted = {"sig": SIMPLE_SIGNING_TYPE, "att": ENVELOPE_TYPE, "bundle": BUNDLE_TYPE}
    for form, manifest in found:
        for layer in manifest.layers:
            if layer.media_type == wanted[form]:
                yield form, layer


def _simple(files: Files, layer: Descriptor, keys: tuple[PublicKey, ...]) -> Claim:
    payload = files.blob(layer.digest, LARGEST_PAYLOAD)
    subject = read_simple_signing(payload)
    try:
        signature = decode(layer.annotations.get(SIGNATURE_ANNOTATION, ""))
    except ValueError as error:
        raise UntrustedError(f"a signature of {subject[1]} is {error}") from error
    return Claim(subjects=(subject,), by=_makers(payload, signature, keys))


def _attestation(files: Files, layer: Descriptor, keys: tuple[PublicKey, ...]) -> Claim:
    data = files.blob(layer.digest, LARGEST_BUNDLE)
    try:
        envelope = read_envelope(data)
    except UntrustedError:
        return UNREAD
    by = frozenset(
        key_id
        for item in envelope.signatures
        for key_id in _makers(envelope.signed_bytes, item.signature, keys)
    )
    return _stated(envelope, by)


def _bundle(files: Files, layer: Descriptor, keys: tuple[PublicKey, ...]) -> Claim:
    data = files.blob(layer.digest, LARGEST_BUNDLE)
    try:
        bundle = read_bundle(data)
    except UntrustedError:  # upstream's own, with a certificate in place of a key
        return UNREAD
    if bundle.envelope is None:
        return UNREAD
    named = tuple(key for key in keys if key.hint == bundle.hint)
    signature = bundle.envelope.signatures[0].signature
    by = _makers(bundle.envelope.signed_bytes, signature, named)
    if named and not by:
        raise UntrustedError(
            f"bundle {layer.digest} is not signed by the key that it names ({named[0].short_id})",
            hint="it was changed after it was signed: get the layout again",
        )
    return _stated(bundle.envelope, by)


def _makers(message: bytes, signature: bytes, keys: tuple[PublicKey, ...]) -> frozenset[str]:
    from kutterlock.adapters.signing.keys import check_signature

    return frozenset(key.id for key in keys if check_signature(key, message, signature))


def _stated(envelope: Envelope, by: frozenset[str]) -> Claim:
    if envelope.payload_type != IN_TOTO:
        return UNREAD
    try:
        statement = read_image_statement(envelope.payload)
    except UntrustedError:
        return UNREAD
    return Claim(
        subjects=statement.subjects,
        by=by,
        predicate_type=statement.predicate_type,
        statement=statement,
    )


_READERS = {"sig": _simple, "att": _attestation, "bundle": _bundle}
