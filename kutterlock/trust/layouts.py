"""Judging an image layout from outside: its blobs, whether the lock pins it, and who signed it.

A signature of an index covers its manifests and their layers too, by their digests: the trust
root's demand is met by signatures of what `index.json` lists. It counts for one image under one
name: the signed name must be that under which the layout lists the image. A Sigstore bundle names
no image: it counts where a lock that counts says what the name stands for, or where there is none.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from kutterlock.errors import HashMismatchError, MissingInputError, UntrustedError
from kutterlock.model.attest.image import BILL_TYPE, ImageStatement
from kutterlock.model.attest.intoto import PREDICATE_TYPE
from kutterlock.model.digest import Digest
from kutterlock.model.encoding.text import counted
from kutterlock.model.lock import ImagePin, Lock
from kutterlock.model.oci.image import LARGEST_MANIFEST, Descriptor, Index, Manifest
from kutterlock.model.oci.layout import CONTAINERD_NAME, DOCKER_NAME, REF_NAME
from kutterlock.model.oci.reference import Reference
from kutterlock.model.signing.keys import PublicKey
from kutterlock.model.signing.trustroot import require_signatures, require_unexpired
from kutterlock.trust.docker_names import require_same_images
from kutterlock.trust.imageclaims import Claim, Files, Listed, listed, read_claims, read_document
from kutterlock.trust.verified import Finding, Judge

MOST_DOCUMENTS = 2000
CONTENT = "what is in the layers: digests say that they are those signed, not that they are good"
SIGN_HINT = "have it signed with `kutterlock images sign --key`"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageStandard:
    """By what a layout is judged: the lock if any, and the named keys, else the judge's root.

    `lock_digest` is that of the lock's file; `lock_counts` says that the lock is somebody's whose
    word counts, so that what it says of names does.
    """

    judge: Judge
    lock: Lock | None = None
    lock_digest: Digest | None = None
    lock_counts: bool = False
    keys: Mapping[str, PublicKey] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedLayout:
    """What judging a layout came to."""

    findings: tuple[Finding, ...]
    signers: tuple[str, ...]
    uncovered: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutImage:
    """What `index.json` lists: the names of one root, and its indexes and manifests here.

    `documents` has the root first; `absent` counts manifests that it names and that are not here.
    """

    root: Descriptor
    names: tuple[Reference, ...]
    documents: Mapping[Digest, tuple[Descriptor, Index | Manifest]]
    absent: int

    @property
    def digest(self) -> Digest:
        """The digest of the root."""
        return self.root.digest

    @property
    def manifests(self) -> tuple[Digest, ...]:
        """The digests of its manifests that are here."""
        found = self.documents.items()
        return tuple(digest for digest, (_, it) in found if isinstance(it, Manifest))

    def __str__(self) -> str:
        tagged = [str(name) for name in self.names if name.tag]
        return (tagged or [str(name) for name in self.names] or [self.digest])[0]


def judge_layout(files: Files, standard: ImageStandard) -> JudgedLayout:
    """Judge a layout. Raises UntrustedError, HashMismatchError, MissingInputError."""
    size = files.check()
    findings = [Finding(check="blobs", result=f"{len(files.blobs)}, {size} bytes: all hashed")]
    there = listed(files)
    images = images_of(files, there)
    pins = pins_of(images, standard.lock)
    findings += docker_findings(files, images)
    findings += [
        Finding(check=f"{image}: lock", result=f"pins {image.digest}")
        for image in (images if pins else ())
    ]
    keys = _keys(standard)
    claims = read_claims(files, there.claims, keys.values())
    judged = _Judgement(claims=_by_digest(claims), keys=keys, standard=standard)
    for image in images:
        judged.require(image)
        findings += judged.findings(image)
    signers = {key_id for image in images for key_id in judged.signers(image, image.digest)}
    return JudgedLayout(
        findings=tuple(findings),
        signers=tuple(name for name, key in keys.items() if key.id in signers),
        uncovered=(
            *_uncovered(files, images, judged, signed=bool(signers)),
            *_unread(claims),
            CONTENT,
        ),
    )


def images_of(files: Files, there: Listed) -> list[LayoutImage]:
    """Read every image that is listed. Raises UntrustedError, MissingInputError."""
    roots: dict[tuple[Digest, str], list[Descriptor]] = {}
    for entry in there.images:
        name = _name(entry)
        roots.setdefault((entry.digest, name.name if name else ""), []).append(entry)
    if not roots:
        raise UntrustedError("the layout lists no image")
    images: list[LayoutImage] = []
    for entries in roots.values():
        room = MOST_DOCUMENTS - sum(len(image.documents) + image.absent for image in images)
        images.append(_image(files, entries, room))
    return [image for image in images if image.names or not _is_below(image, images)]


def pins_of(images: Iterable[LayoutImage], lock: Lock | None) -> list[ImagePin]:
    """Return the pin of each image, in their order. Raises UntrustedError, HashMismatchError."""
    return [_pin(image, lock) for image in images] if lock else []


def _is_below(image: LayoutImage, images: Iterable[LayoutImage]) -> bool:
    """Whether it is part of another image: tools that copy list manifests beside their index."""
    return any(image.digest in other.documents for other in images if other is not image)


def _image(files: Files, entries: list[Descriptor], room: int) -> LayoutImage:
    documents: dict[Digest, tuple[Descriptor, Index | Manifest]] = {}
    absent = 0
    left = [entries[0]]
    seen = {entries[0].digest}  # else indexes of indexes of indexes would multiply
    while left:
        entry = left.pop()
        if entry.digest not in files.blobs and entry is not entries[0]:
            absent += 1
            continue
        document = read_document(files, entry.digest, entry.media_type)
        if isinstance(document, Index):
            below = {c.digest: c for c in document.manifests if c.digest not in seen}
            left += reversed(below.values())
            seen |= below.keys()
        else:
            _require_whole(files, document, entry.digest)
        documents[entry.digest] = (entry, document)
        if len(seen) > room:
            raise UntrustedError(f"the layout has more than {MOST_DOCUMENTS} manifests")
    names = {name for entry in entries if (name := _name(entry))}
    image = LayoutImage(
        root=entries[0], names=tuple(sorted(names, key=str)), documents=documents, absent=absent
    )
    if not image.manifests:
        raise MissingInputError(f"the layout has nothing of image {image.digest} but its index")
    return image


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
    text = entry.annotations.get(CONTAINERD_NAME, short if "/" in short else "")
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


def docker_findings(files: Files, images: Iterable[LayoutImage]) -> Iterator[Finding]:
    """Hold what docker reads of an archive against the index. Raises UntrustedError."""
    if DOCKER_NAME not in files.texts:
        return
    manifests: dict[str, list[Manifest]] = {}
    for image in images:
        here = [found for _, found in image.documents.values() if isinstance(found, Manifest)]
        for name in ("", *(name.tagged for name in image.names if name.tag)):
            manifests.setdefault(name, []).extend(here)
    count = require_same_images(files.text(DOCKER_NAME, LARGEST_MANIFEST), manifests)
    yield Finding(
        check=DOCKER_NAME, result=f"{counted(count, 'image')} for docker: those of the index"
    )


def _pin(image: LayoutImage, lock: Lock) -> ImagePin:
    pins = {Reference.parse(text): pin for text, pin in sorted(lock.images.items())}
    tagged = {name.tagged: pin.digest for name, pin in pins.items() if name.tag}
    for name in image.names:
        expected = tagged.get(name.tagged, image.digest)
        if expected != image.digest:
            raise HashMismatchError(
                f"{name} is not the image that the lock pins",
                details=[f"expected {expected}", f"got      {image.digest}"],
                hint="the layout is of another lock: export it again",
            )
        bare = {(known.name, pin.digest) for known, pin in pins.items()}
        if (name.name, image.digest) not in bare or (name.tag and name.tagged not in tagged):
            raise UntrustedError(f"the lock does not pin {name} as {image.digest}")
    own = {name.name for name in image.names}
    found = [pin for known, pin in pins.items()
             if pin.digest == image.digest and (not own or known.name in own)]  # fmt: skip
    if not found:
        raise UntrustedError(f"the lock does not pin {image.digest}")
    return found[0]


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


def _by_digest(claims: Iterable[Claim]) -> dict[Digest, list[Claim]]:
    found: dict[Digest, list[Claim]] = {}
    for claim in claims:
        for digest in {subject for _, subject in claim.subjects}:
            found.setdefault(digest, []).append(claim)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judgement:
    """Claims by what they are about, and the keys by which they are judged."""

    claims: Mapping[Digest, list[Claim]]
    keys: Mapping[str, PublicKey]
    standard: ImageStandard

    def about(self, image: LayoutImage, digest: Digest) -> list[Claim]:
        """Return the claims about a digest that hold for an image under its name."""
        own = {name.name for name in image.names}  # one at most
        return [
            claim for claim in self.claims.get(digest, ()) if self._holds(claim.names(digest), own)
        ]

    def _holds(self, names: set[str], own: set[str]) -> bool:
        return not own or bool(names & own) or ("" in names and self.standard.lock_counts)

    def signers(self, image: LayoutImage, digest: Digest) -> set[str]:
        """Return the ids of the keys that signed a digest."""
        return {
            key_id
            for claim in self.about(image, digest)
            if claim.is_signature
            for key_id in claim.by
        }

    def require(self, image: LayoutImage) -> None:
        """Refuse an image that too few of the keys signed. Raises UntrustedError."""
        by = self.signers(image, image.digest)
        if self.standard.keys:
            if not by:
                raise UntrustedError(
                    f"{image} is signed by none of: {', '.join(self.keys)}", hint=SIGN_HINT
                )
            return
        root = self.standard.judge.root
        if root and self.standard.judge.demands("image"):
            require_signatures(str(image), root.root, "image", by, SIGN_HINT)

    def findings(self, image: LayoutImage) -> Iterator[Finding]:
        """Yield who signed an image and what is attested of it."""
        by = self.signers(image, image.digest)
        below = [digest for digest in image.manifests if digest != image.digest]
        for name, key in self.keys.items():
            if key.id in by:
                also = sum(key.id in self.signers(image, digest) for digest in below)
                each = f", and {also} of {len(below)} manifests on their own" if below else ""
                yield Finding(check=f"{image}: signature", result=f"{name} {key.short_id}{each}")
        for name, key in self.keys.items():
            for statement in self.attested(image, key):
                yield Finding(
                    check=f"{image}: {_KINDS.get(statement.predicate_type, 'attestation')}",
                    result=f"{name} {key.short_id}: {self._said(statement)}",
                )
        counted = sum(bool(claim.by) for claim in self.about(image, image.digest))
        others = len(self.claims.get(image.digest, ())) - counted
        if others:
            yield Finding(
                check=f"{image}: signature",
                result=f"{others} that count for nothing: other key or name",
            )

    def attested(self, image: LayoutImage, key: PublicKey) -> list[ImageStatement]:
        """Return what a key attests of an image, each once."""
        found = [
            claim.statement
            for claim in self.about(image, image.digest)
            if claim.statement and not claim.is_signature and key.id in claim.by
        ]
        return list(dict.fromkeys(found))

    def _said(self, statement: ImageStatement) -> str:
        if statement.lock:
            same = statement.lock == str(self.standard.lock_digest)
            which = "this lock" if same else f"lock {statement.lock}"
            return f"copied unchanged from {statement.origin}, which {which} pins"
        if statement.predicate_type == BILL_TYPE:
            return f"CycloneDX of {statement.components} components"
        return statement.predicate_type


_KINDS = {PREDICATE_TYPE: "provenance", BILL_TYPE: "SBOM"}


def _uncovered(
    files: Files, images: list[LayoutImage], judged: _Judgement, *, signed: bool
) -> Iterator[str]:
    if judged.standard.lock is None:
        yield "tags, and whether a project wants these images: there is no lock here"
    if not signed:
        yield "who vouches for the images: no key that counts signed them"
    if absent := sum(image.absent for image in images):
        yield f"{counted(absent, 'manifest')} that the indexes name and the layout does not have"
    if files.surplus:
        what = counted(len(files.surplus), "file that belongs", "files that belong")
        yield f"{what} to no layout: {files.surplus[0]}"
    keys = judged.keys.values()
    if bare := sum(not any(judged.attested(image, key) for key in keys) for image in images):
        yield f"where {bare} of {len(images)} images come from: no key that counts attests it"


def _unread(claims: list[Claim]) -> Iterator[str]:
    if count := sum(not claim.subjects for claim in claims):
        what = counted(count, "signature or statement", "signatures or statements")
        yield f"{what} in forms that are not read here"
