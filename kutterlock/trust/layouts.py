"""Judging an image layout from outside: its blobs, whether the lock pins it, and who signed it.

A signature of an index covers its manifests and their layers too, by their digests: the trust
root's demand is met by signatures of what `index.json` lists. It counts for one image under one
name: the signed name must be that under which the layout lists the image.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from kutterlock.errors import HashMismatchError, MissingInputError, UntrustedError
from kutterlock.model.cosign import (
    LAYOUT_KINDS,
    SIGNATURE_ANNOTATION,
    SIMPLE_SIGNING_TYPE,
    read_simple_signing,
)
from kutterlock.model.digest import Digest
from kutterlock.model.keys import PublicKey, decode
from kutterlock.model.lock import Lock
from kutterlock.model.oci import (
    LARGEST_MANIFEST,
    OCI_INDEX,
    Descriptor,
    Index,
    Manifest,
    parse_document,
)
from kutterlock.model.reference import Reference
from kutterlock.model.trustroot import require_signatures, require_unexpired
from kutterlock.trust.docker_names import MANIFEST_NAME, require_same_images
from kutterlock.trust.verified import Finding, Judge

REF_NAME = "org.opencontainers.image.ref.name"
IMAGE_NAME = "io.containerd.image.name"
KIND = "kind"
LARGEST_PAYLOAD = 64 << 10
MOST_CLAIMS = 2000
MOST_DOCUMENTS = 2000
SIGN_HINT = "have the images exported with `kutterlock images export --key`"


class Files(Protocol):
    """What judging needs of `kutterlock.adapters.image_layout.ImageLayout`."""

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
class ImageStandard:
    """By what a layout is judged: the lock if any, and the named keys, else the judge's root."""

    judge: Judge
    lock: Lock | None = None
    keys: Mapping[str, PublicKey] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedLayout:
    """What judging a layout came to."""

    findings: tuple[Finding, ...]
    signers: tuple[str, ...]
    uncovered: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    name: str
    digest: Digest
    payload: bytes
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Image:
    """What `index.json` lists: the names of one root, and the digests of its manifests here."""

    digest: Digest
    names: tuple[Reference, ...]
    manifests: tuple[Digest, ...]
    absent: int

    def __str__(self) -> str:
        tagged = [str(name) for name in self.names if name.tag]
        return (tagged or [str(name) for name in self.names] or [str(self.digest)])[0]


def judge_layout(files: Files, standard: ImageStandard) -> JudgedLayout:
    """Judge a layout. Raises UntrustedError, HashMismatchError, MissingInputError."""
    size = files.check()
    findings = [Finding(check="blobs", result=f"{len(files.blobs)}, {size} bytes: all hashed")]
    index = _read(files, None, OCI_INDEX)
    if not isinstance(index, Index):
        raise UntrustedError("index.json is no index")
    images = _images(files, index)
    findings += [*_docker_findings(files, images), *_hold_against_lock(images, standard.lock)]
    claims = list(_claims(files, index))
    keys = _keys(standard)
    everyone: set[str] = set()
    for image in images:
        by = _signers(claims, image, image.digest, keys.values())
        _require(image, by, standard)
        findings += _signature_findings(claims, image, keys, by)
        everyone |= by
    return JudgedLayout(
        findings=tuple(findings),
        signers=tuple(name for name, key in keys.items() if key.id in everyone),
        uncovered=tuple(_uncovered(files, images, standard, signed=bool(everyone))),
    )


def _images(files: Files, index: Index) -> list[_Image]:
    roots: dict[tuple[Digest, str], list[Descriptor]] = {}
    for entry in index.manifests:
        if entry.annotations.get(KIND) not in LAYOUT_KINDS.values():
            name = _name(entry)
            roots.setdefault((entry.digest, name.name if name else ""), []).append(entry)
    if not roots:
        raise UntrustedError("the layout lists no image")
    images: list[_Image] = []
    for (digest, _), entries in roots.items():
        room = MOST_DOCUMENTS - sum(len(image.manifests) + image.absent + 1 for image in images)
        images.append(_image(files, digest, entries, room))
    return images


def _image(files: Files, digest: Digest, entries: list[Descriptor], room: int) -> _Image:
    manifests: list[Digest] = []
    absent = 0
    left = [entries[0]]
    seen = {digest}  # else indexes of indexes of indexes would multiply
    while left:
        entry = left.pop()
        if entry.digest not in files.blobs and entry.digest != digest:
            absent += 1
            continue
        document = _read(files, entry.digest, entry.media_type)
        if isinstance(document, Index):
            below = {c.digest: c for c in document.manifests if c.digest not in seen}
            left += below.values()
            seen |= below.keys()
        else:
            _require_whole(files, document, entry.digest)
            manifests.append(entry.digest)
        if len(seen) > room:
            raise UntrustedError(f"the layout has more than {MOST_DOCUMENTS} manifests")
    if not manifests:
        raise MissingInputError(f"the layout has nothing of image {digest} but its index")
    names = {name for entry in entries if (name := _name(entry))}
    return _Image(
        digest=digest, names=tuple(sorted(names, key=str)), manifests=tuple(manifests),
        absent=absent,
    )  # fmt: skip


def _read(files: Files, digest: Digest | None, media_type: str) -> Index | Manifest:
    if digest and digest not in files.blobs:
        raise MissingInputError(f"the layout lists {digest}, and does not have it")
    if digest:
        data = files.blob(digest, LARGEST_MANIFEST)
    else:
        data = files.text("index.json", LARGEST_MANIFEST)
    try:
        return parse_document(data, media_type)
    except ValueError as error:
        raise UntrustedError(f"{digest or 'index.json'} {error}") from error


def _require_whole(files: Files, manifest: Manifest, digest: Digest) -> None:
    for blob in manifest.blobs:
        if "foreign" in blob.media_type or "nondistributable" in blob.media_type:
            continue
        if files.blobs.get(blob.digest) != blob.size:
            raise MissingInputError(
                f"manifest {digest} wants {blob.digest} of {blob.size} bytes",
                details=[f"the layout has {files.blobs.get(blob.digest, 'none')}"],
                hint="export the images again",
            )


def _name(entry: Descriptor) -> Reference | None:
    """Return the name that readers see; two names that differ are refused."""
    short = entry.annotations.get(REF_NAME, "")
    text = entry.annotations.get(IMAGE_NAME, short if "/" in short else "")
    if not text:
        return None
    try:
        name = Reference.parse(text)
    except ValueError as error:
        raise UntrustedError(f"index.json: {error}") from error
    if name.digest not in (None, entry.digest):
        raise UntrustedError(f"the layout lists {entry.digest} as {name}")
    if short and short not in (text, name.tag, str(name), name.tagged):
        raise UntrustedError(f"the layout lists {entry.digest} as {name} and as {short!r}")
    return name


def _docker_findings(files: Files, images: Iterable[_Image]) -> Iterator[Finding]:
    if MANIFEST_NAME not in files.texts:
        return
    manifests: dict[str, list[Manifest]] = {}
    for image in images:
        read = [_read(files, digest, "") for digest in image.manifests]
        for name in ("", *(name.tagged for name in image.names if name.tag)):
            manifests.setdefault(name, []).extend(d for d in read if isinstance(d, Manifest))
    count = require_same_images(files.text(MANIFEST_NAME, LARGEST_MANIFEST), manifests)
    yield Finding(check=MANIFEST_NAME, result=f"{count} images for docker: those of the index")


def _hold_against_lock(images: Iterable[_Image], lock: Lock | None) -> Iterator[Finding]:
    if lock is None:
        return
    pins = {Reference.parse(text): pin.digest for text, pin in lock.images.items()}
    tagged = {name.tagged: digest for name, digest in pins.items() if name.tag}
    bare = {(name.name, digest) for name, digest in pins.items()}
    for image in images:
        for name in image.names:
            expected = tagged.get(name.tagged, image.digest)
            if expected != image.digest:
                raise HashMismatchError(
                    f"{name} is not the image that the lock pins",
                    details=[f"expected {expected}", f"got      {image.digest}"],
                    hint="the layout is of another lock: export it again",
                )
            if (name.name, image.digest) not in bare or (name.tag and name.tagged not in tagged):
                raise UntrustedError(f"the lock does not pin {name} as {image.digest}")
        if image.digest not in pins.values():
            raise UntrustedError(f"the lock does not pin {image.digest}")
        yield Finding(check=f"{image}: lock", result=f"pins {image.digest}")


def _claims(files: Files, index: Index) -> Iterator[_Claim]:
    count = 0
    for entry in index.manifests:
        if entry.annotations.get(KIND) != LAYOUT_KINDS["sig"]:
            continue
        document = _read(files, entry.digest, entry.media_type)
        if not isinstance(document, Manifest):
            raise UntrustedError(f"{entry.digest} is listed as signatures, and is an index")
        for layer in document.layers:
            count += 1
            if count > MOST_CLAIMS:
                raise UntrustedError(f"the layout has more than {MOST_CLAIMS} signatures")
            if layer.media_type == SIMPLE_SIGNING_TYPE:
                yield _claim(files, layer)


def _claim(files: Files, layer: Descriptor) -> _Claim:
    if layer.digest not in files.blobs:
        raise MissingInputError(f"the layout lists {layer.digest}, and does not have it")
    payload = files.blob(layer.digest, LARGEST_PAYLOAD)
    name, digest = read_simple_signing(payload)
    try:
        signature = decode(layer.annotations.get(SIGNATURE_ANNOTATION, ""))
    except ValueError as error:
        raise UntrustedError(f"a signature of {digest} is {error}") from error
    return _Claim(name=name, digest=digest, payload=payload, signature=signature)


def _signers(
    claims: Iterable[_Claim], image: _Image, digest: Digest, keys: Iterable[PublicKey]
) -> set[str]:
    from kutterlock.adapters.keys import check_signature

    names = {name.name for name in image.names}  # one at most
    meant = [c for c in claims if c.digest == digest and (not names or c.name in names)]
    return {
        key.id
        for key in keys
        for claim in meant
        if check_signature(key, claim.payload, claim.signature)
    }


def _keys(standard: ImageStandard) -> dict[str, PublicKey]:
    if standard.keys:
        return dict(standard.keys)
    judge = standard.judge
    if judge.root is None:
        if judge.require or judge.pinned:
            raise UntrustedError(
                "no trust root is pinned for the project of these images, though one is demanded",
                hint="pin it: `kutterlock trust pin --digest sha256:...`, or name --public-key",
            )
        return {}
    require_unexpired(judge.root.root, judge.at)
    return {item.name: item.key for item in judge.root.root.keys_of("image")}


def _require(image: _Image, by: set[str], standard: ImageStandard) -> None:
    if standard.keys:
        if not by:
            raise UntrustedError(
                f"{image} is signed by none of: {', '.join(standard.keys)}", hint=SIGN_HINT
            )
        return
    root = standard.judge.root
    if root and standard.judge.demands("image"):
        require_signatures(str(image), root.root, "image", by, SIGN_HINT)


def _signature_findings(
    claims: list[_Claim], image: _Image, keys: Mapping[str, PublicKey], by: set[str]
) -> Iterator[Finding]:
    below = [digest for digest in image.manifests if digest != image.digest]
    for name, key in keys.items():
        if key.id in by:
            also = sum(key.id in _signers(claims, image, digest, [key]) for digest in below)
            each = f", and {also} of {len(below)} manifests on their own" if below else ""
            yield Finding(check=f"{image}: signature", result=f"{name} {key.short_id}{each}")
    others = sum(claim.digest == image.digest for claim in claims) - len(by)
    if others > 0:
        yield Finding(
            check=f"{image}: signature",
            result=f"{others} that count for nothing: other key or name",
        )


def _uncovered(
    files: Files, images: list[_Image], standard: ImageStandard, *, signed: bool
) -> Iterator[str]:
    if standard.lock is None:
        yield "tags, and whether a project wants these images: there is no lock here"
    if not signed:
        yield "who vouches for the images: no key that counts signed them"
    if absent := sum(image.absent for image in images):
        yield f"{absent} manifests that the indexes name and the layout does not have"
    if files.surplus:
        yield f"{len(files.surplus)} files that belong to no layout: {files.surplus[0]}"
    yield "attestations, and signatures in other forms than cosign's simple signing"
