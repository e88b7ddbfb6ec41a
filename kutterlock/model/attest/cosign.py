"""Signatures of container images in the forms that cosign and skopeo look for, as values.

Three forms, all made of plain OCI artifacts:

- `sha256-<hex>.sig`: "simple signing" payloads, one layer a signer; cosign, and skopeo's policy;
- `sha256-<hex>.att`: in-toto statements in DSSE envelopes, one layer a signer; cosign 2;
- referrers with a Sigstore bundle each, listed under `sha256-<hex>` for registries that have no
  referrers API; cosign 3's own form.

Sources: cosign's specs/SIGNATURE_SPEC.md, the OCI distribution specification 1.1, what the tools
accept.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kutterlock.errors import UntrustedError
from kutterlock.model.attest.intoto import STATEMENT_TYPE
from kutterlock.model.digest import Digest
from kutterlock.model.encoding.strict_json import read_object
from kutterlock.model.oci.image import canonical_json, parse_document
from kutterlock.model.signing.sigstore import MEDIA_TYPE as BUNDLE_TYPE

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
SIMPLE_SIGNING_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json"
ENVELOPE_TYPE = "application/vnd.dsse.envelope.v1+json"
SIMPLE_SIGNING = "cosign container image signature"
SIGN_PREDICATE = "https://sigstore.dev/cosign/sign/v1"
SIGNATURE_ANNOTATION = "dev.cosignproject.cosign/signature"
LAYOUT_KINDS = {"sig": "dev.cosignproject.cosign/sigs", "att": "dev.cosignproject.cosign/atts"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One blob of an artifact and its annotations."""

    media_type: str
    data: bytes
    annotations: tuple[tuple[str, str], ...] = ()

    def descriptor(self) -> dict[str, Any]:
        """Return how a manifest names it."""
        found = _descriptor(self.media_type, self.data)
        return {**found, "annotations": dict(self.annotations)} if self.annotations else found


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A manifest to be put under `tag` (empty: by digest only), after its `blobs`."""

    tag: str
    media_type: str
    manifest: bytes
    blobs: tuple[bytes, ...] = ()

    @property
    def digest(self) -> Digest:
        """The digest of the manifest."""
        return Digest.of(self.manifest)

    def descriptor(self) -> dict[str, Any]:
        """Return how an index names it."""
        return _descriptor(self.media_type, self.manifest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What stands about an image already, so that more can be put beside it.

    `layers` are the descriptors in its `sig` and `att` artifacts, `listed` those in the list of
    its referrers; all as they were found. `read` gets the bytes of a blob or (kind `manifests`) of
    a referrer; it raises KutterError.
    """

    layers: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    listed: tuple[Mapping[str, Any], ...] = ()
    read: Callable[[str, Digest], bytes] | None = None


NOTHING = Standing()


def read_entries(data: bytes, key: str, what: str) -> tuple[Mapping[str, Any], ...]:
    """Return the `layers` of a manifest, or the `manifests` of an index, as they stand in it.

    Raises UntrustedError; `what` names the document.
    """
    try:
        parse_document(data)
        entries = json.loads(data).get(key)
    except ValueError as error:
        entries, reason = None, str(error)
    else:
        reason = f"has no {key}"
    if entries is None:
        raise UntrustedError(
            f"{what} cannot be added to: it {reason}",
            hint="what stands there is no list of signatures: have it looked at, and removed",
        )
    return tuple(entries)


def simple_signing(reference: str, digest: Digest) -> bytes:
    """Return the payload that says: this digest is the image of that name (without its tag)."""
    return canonical_json(
        {
            "critical": {
                "identity": {"docker-reference": reference},
                "image": {"docker-manifest-digest": digest},
                "type": SIMPLE_SIGNING,
            },
            "optional": None,
        }
    )


def read_simple_signing(data: bytes) -> tuple[str, Digest]:
    """Return the name and the digest that a payload vouches for. Raises UntrustedError."""
    critical = _table(read_object(data, "a signature's payload", UntrustedError), "critical")
    name = _table(critical, "identity").get("docker-reference")
    digest = _table(critical, "image").get("docker-manifest-digest")
    if not isinstance(name, str) or not isinstance(digest, str):
        raise UntrustedError("a signature's payload names no image")
    if critical.get("type") != SIMPLE_SIGNING:
        raise UntrustedError(f"a signature's payload is of type {critical.get('type')!r}")
    try:
        return name, Digest.parse(digest)
    except ValueError as error:
        raise UntrustedError(f"a signature's payload: {error}") from error


def _table(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = value.get(key)
    if not isinstance(found, dict):
        raise UntrustedError(f"a signature's payload has no {key}")
    return found


def sign_statement(digest: Digest) -> bytes:
    """Return the in-toto statement by which cosign 3 signs an image."""
    subject = {"digest": {digest.algorithm: digest.hex}}
    return canonical_json(
        {
            "_type": STATEMENT_TYPE,
            "subject": [subject],
            "predicateType": SIGN_PREDICATE,
            "predicate": {},
        }
    )


def tag_of(digest: Digest, ending: str = "") -> str:
    """Return the tag under which things about an image stand."""
    return f"{digest.algorithm}-{digest.hex}" + (f".{ending}" if ending else "")


def layered(
    digest: Digest,
    ending: str,
    layers: Sequence[Layer],
    before: Sequence[Mapping[str, Any]] = (),
) -> Artifact:
    """Return the artifact of all `sig` or `att` layers about an image; `before` come first."""
    descriptors = [*before, *(layer.descriptor() for layer in layers)]
    config = canonical_json(
        {
            "architecture": "",
            "config": {},
            "created": "0001-01-01T00:00:00Z",
            "history": [{"created": "0001-01-01T00:00:00Z"} for _ in descriptors],
            "os": "",
            "rootfs": {
                "type": "layers",
                "diff_ids": [descriptor["digest"] for descriptor in descriptors],
            },
        }
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": _descriptor(CONFIG_TYPE, config),
        "layers": descriptors,
    }
    blobs = (config, *(layer.data for layer in layers))
    tag = tag_of(digest, ending)
    return Artifact(
        tag=tag, media_type=MANIFEST_TYPE, manifest=canonical_json(manifest), blobs=blobs
    )


def referrers(
    subject: dict[str, Any],
    digest: Digest,
    bundles: Sequence[tuple[bytes, str]],
    before: Sequence[Mapping[str, Any]] = (),
) -> tuple[Artifact, ...]:
    """Return a referrer for each bundle (with its predicate type), and the index that lists them.

    `subject` is the descriptor of the image's manifest or index; `before` were listed already.
    """
    found = [_referrer(subject, data, predicate) for data, predicate in bundles]
    entries = [
        {
            **artifact.descriptor(),
            "artifactType": BUNDLE_TYPE,
            "annotations": _bundle_annotations(predicate),
        }
        for artifact, (_, predicate) in zip(found, bundles, strict=True)
    ]
    known = {entry["digest"] for entry in before}
    new = [entry for entry in entries if entry["digest"] not in known]
    index = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [*before, *new]}
    listing = Artifact(tag=tag_of(digest), media_type=INDEX_TYPE, manifest=canonical_json(index))
    return (*found, listing)


def _referrer(subject: dict[str, Any], data: bytes, predicate: str) -> Artifact:
    empty = b"{}"
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "artifactType": BUNDLE_TYPE,
        "config": _descriptor(EMPTY_TYPE, empty),
        "layers": [_descriptor(BUNDLE_TYPE, data)],
        "subject": subject,
        "annotations": _bundle_annotations(predicate),
    }
    return Artifact(
        tag="", media_type=MANIFEST_TYPE, manifest=canonical_json(manifest), blobs=(empty, data)
    )


def _bundle_annotations(predicate: str) -> dict[str, str]:
    return {
        "dev.sigstore.bundle.content": "dsse-envelope",
        "dev.sigstore.bundle.predicateType": predicate,
    }


def _descriptor(media_type: str, data: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": str(Digest.of(data)), "size": len(data)}
