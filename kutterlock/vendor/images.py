"""Container images as blobs of the store: what an image consists of, as far as it is here.

An index names manifests, a manifest names its blobs: everything follows from the one digest that
the lock has. Only the manifests of the platforms that boards want are followed.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from kutterlock.adapters.disk.store import Store
from kutterlock.errors import (
    FETCH,
    MEND,
    HashMismatchError,
    KutterError,
    MissingInputError,
    NoSolutionError,
)
from kutterlock.model.arch import RELEASE_ARCH
from kutterlock.model.digest import Digest
from kutterlock.model.encoding.text import counted
from kutterlock.model.lock import ImagePin, Lock
from kutterlock.model.oci.image import (
    DEEPEST_INDEX,
    LARGEST_CONFIG,
    LARGEST_MANIFEST,
    Descriptor,
    Index,
    Manifest,
    Platform,
    config_platform,
    parse_document,
)
from kutterlock.model.oci.reference import Reference, image_url
from kutterlock.vendor.wants import Want

MOST_DOCUMENTS = 1000
"""Bound of the indexes and manifests of one image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedImage:
    """An image to have: the pin, and the platforms wanted of it (none: all that it has)."""

    pin: ImagePin
    platforms: tuple[Platform, ...] = ()

    @property
    def reference(self) -> Reference:
        """The pin's reference, read."""
        return Reference.parse(self.pin.reference)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One blob of an image. `role` is index, manifest, config or layer; `size` None: untold."""

    digest: Digest
    role: str
    media_type: str
    size: int | None
    platform: str = ""

    @property
    def is_document(self) -> bool:
        """Whether a registry has it as a manifest, not as a blob."""
        return self.role in ("index", "manifest")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageTree:
    """An image as far as it is here.

    `parts` are parents first, each once; `documents` are those that were read, by digest. `unread`
    are parts that must be here before the rest can be known; empty: `parts` is all of it.
    """

    wanted: WantedImage
    parts: tuple[Part, ...]
    documents: dict[Digest, Index | Manifest]
    unread: tuple[Part, ...]
    others: tuple[Descriptor, ...]
    """Children that an index names and nobody wanted: with any of them it is sparse."""

    @property
    def root(self) -> Part:
        """The index or manifest that the lock pins."""
        return self.parts[0]

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms that were followed."""
        found = (part.platform for part in self.parts if part.role == "manifest" and part.platform)
        return tuple(dict.fromkeys(found))

    def want(self, part: Part) -> Want:
        """Return where to get a part."""
        kind = "manifests" if part.is_document else "blobs"
        return Want(
            digest=part.digest,
            name=self.name(part),
            urls=(image_url(self.wanted.reference.name, kind, part.digest),),
            size=part.size,
            limit=LARGEST_CONFIG if part.role == "config" else LARGEST_MANIFEST,
        )

    def name(self, part: Part) -> str:
        """Name a part for people."""
        words = [self.wanted.pin.reference, part.platform, part.role]
        return " ".join(word for word in words if word)


def wanted_images(
    lock: Lock, boards: Iterable[str] | None = None, *, all_platforms: bool = False
) -> tuple[WantedImage, ...]:
    """Return the images of `boards` (default: all) with the platforms that these need."""
    platforms: dict[str, set[Platform]] = {}
    for name in sorted(lock.boards) if boards is None else boards:
        board = lock.board(name)
        for key in board.images:
            platforms.setdefault(key, set()).add(board_platform(board.arch))
    return tuple(
        WantedImage(
            pin=lock.images[key], platforms=() if all_platforms else tuple(sorted(platforms[key]))
        )
        for key in sorted(platforms)
    )


def board_platform(arch: str) -> Platform:
    """Return the platform that a board's images run on."""
    return Platform(os="linux", architecture=RELEASE_ARCH[arch])


Read = dict[tuple[Digest, str], tuple[Index | Manifest, int]]
"""Documents that were read and found right, by digest and by the media type they were announced
under, with their sizes in bytes."""


def read_tree(
    store: Store, wanted: WantedImage, *, lenient: bool = False, known: Read | None = None
) -> ImageTree:
    """Follow an image through the store; what is in `known` is not read again, and what is added.

    Raises NoSolutionError for a platform that it lacks, HashMismatchError for a document with the
    wrong bytes (`lenient`: it counts as unread, for somebody who hashes every part next), and
    KutterError for one that is not what it says to be.
    """
    return _Walk(store, wanted, lenient, {} if known is None else known).run()


def image_trees(
    store: Store, lock: Lock, boards: Iterable[str] | None = None, *, all_platforms: bool = False
) -> list[ImageTree]:
    """Follow all images of `boards`. Raises MissingInputError when some part is not here."""
    return complete_trees(store, wanted_images(lock, boards, all_platforms=all_platforms))


def complete_trees(store: Store, images: Iterable[WantedImage]) -> list[ImageTree]:
    """Follow images. Raises MissingInputError when some part is not here."""
    trees = [read_tree(store, wanted) for wanted in images]
    missing = [
        f"{tree.name(part)} ({part.digest})"
        for tree in trees
        for part in tree.parts
        if not store.has(part.digest)
    ]
    if missing:
        raise MissingInputError(
            f"not in the store: {counted(len(missing), 'part')} of the images",
            details=missing,
            hint=FETCH,
        )
    return trees


def part_names(
    store: Store, lock: Lock, boards: Iterable[str] | None = None, *, all_platforms: bool = False
) -> dict[Digest, str]:
    """Name every part of the boards' images, for verifying: parts of what is not here lack."""
    found: dict[Digest, str] = {}
    for wanted in wanted_images(lock, boards, all_platforms=all_platforms):
        tree = read_tree(store, wanted, lenient=True)
        for part in tree.parts:
            found.setdefault(part.digest, tree.name(part))
    return found


@dataclass(slots=True)
class _Walk:
    store: Store
    wanted: WantedImage
    lenient: bool
    known: Read
    parts: dict[Digest, Part] = field(default_factory=dict)
    documents: dict[Digest, Index | Manifest] = field(default_factory=dict)
    unread: list[Part] = field(default_factory=list)
    others: dict[Digest, Descriptor] = field(default_factory=dict)
    served: set[Platform] = field(default_factory=set)
    offered: tuple[str, ...] = ()

    def run(self) -> ImageTree:
        digest = self.wanted.pin.digest
        root = Part(digest=digest, role="index", media_type="", size=None)
        document = self._visit(root, "")
        if isinstance(document, Manifest):
            self._check_single(document)
        elif document:
            self._follow(document, depth=1)
            if self._lacks() and not self.unread:
                raise self._lacking(self._lacks()[0], self.offered)
        return ImageTree(
            wanted=self.wanted,
            parts=tuple(self.parts.values()),
            documents=self.documents,
            unread=tuple(self.unread),
            others=tuple(d for d in self.others.values() if d.digest not in self.parts),
        )

    def _follow(self, index: Index, depth: int) -> None:
        chosen = self._chosen(index)
        for child in index.manifests:
            if child not in chosen:
                self.others.setdefault(child.digest, child)
        for child in chosen:
            if child.digest not in self.documents:
                self._visit_child(child, depth)

    def _visit_child(self, child: Descriptor, depth: int) -> None:
        platform = str(child.platform) if child.platform and not child.is_attestation else ""
        part = Part(
            digest=child.digest,
            role="index" if child.is_index else "manifest",
            media_type=child.media_type,
            size=child.size,
            platform=platform,
        )
        document = self._visit(part, child.media_type)
        if isinstance(document, Index):
            if depth >= DEEPEST_INDEX:
                raise self._fault(part, f"is an index below {depth} indexes")
            self._follow(document, depth + 1)

    def _chosen(self, index: Index) -> Sequence[Descriptor]:
        """Return the children to follow; indexes below only while a platform is still lacking."""
        if not self.wanted.platforms:
            return index.manifests
        found = {wanted: index.for_platform(wanted) for wanted in self.wanted.platforms}
        self.served |= {wanted for wanted, child in found.items() if child}
        self.offered += index.platforms
        below = index.nested if self._lacks() else ()
        return [*(child for child in found.values() if child), *below]

    def _lacks(self) -> list[Platform]:
        return [wanted for wanted in self.wanted.platforms if wanted not in self.served]

    def _check_single(self, manifest: Manifest) -> None:
        """Look into the configuration: a lone manifest does not say what it runs on."""
        part = self.parts[manifest.config.digest]
        if not self.store.has(part.digest):
            self.unread.append(part)
            return
        try:
            platform = config_platform(self._read(part, LARGEST_CONFIG))
        except ValueError as error:
            raise self._fault(part, str(error)) from error
        for wanted in self.wanted.platforms:
            if not platform.serves(wanted):
                raise self._lacking(wanted, (str(platform),))
        for digest, known in self.parts.items():
            self.parts[digest] = dataclasses.replace(known, platform=str(platform))

    def _visit(self, part: Part, media_type: str) -> Index | Manifest | None:
        """Note a document and what it names; None while it is not here."""
        if len(self.documents) >= MOST_DOCUMENTS:
            raise self._fault(part, f"is beyond the {MOST_DOCUMENTS} manifests allowed")
        self.parts[part.digest] = part
        if not self.store.has(part.digest):
            self.unread.append(part)
            return None
        try:
            document, size = self._document(part, media_type)
        except HashMismatchError:
            if not self.lenient:
                raise
            self.unread.append(part)
            return None
        role = "index" if isinstance(document, Index) else "manifest"
        self.parts[part.digest] = dataclasses.replace(
            part, role=role, media_type=document.media_type, size=size
        )
        self.documents[part.digest] = document
        if isinstance(document, Manifest):
            for blob in _blobs(document, part.platform):
                self._note(blob)
        return document

    def _document(self, part: Part, media_type: str) -> tuple[Index | Manifest, int]:
        key = part.digest, media_type
        if key not in self.known:
            data = self._read(part, LARGEST_MANIFEST)
            try:
                self.known[key] = parse_document(data, media_type), len(data)
            except ValueError as error:
                raise self._fault(part, str(error)) from error
        return self.known[key]

    def _note(self, part: Part) -> None:
        known = self.parts.setdefault(part.digest, part)
        if known.size not in (None, part.size):
            raise self._fault(part, f"has two sizes, {known.size} and {part.size} bytes")
        if self.lenient or not self.store.has(part.digest):
            return
        if self.store.size(part.digest) != part.size:
            found = self.store.size(part.digest)
            raise self._mismatch(part, f"{part.size} bytes", f"{found} bytes")

    def _read(self, part: Part, limit: int) -> bytes:
        with self.store.open(part.digest) as file:
            data = file.read(limit + 1)
        found = Digest.of(data, part.digest.algorithm)
        if found != part.digest and len(data) <= limit:
            raise self._mismatch(part, part.digest, str(found))
        return data

    def _mismatch(self, part: Part, expected: str, found: str) -> HashMismatchError:
        return HashMismatchError(
            f"{self.store.locate(part.digest)} is not the {part.role} that image "
            f"{self.wanted.pin.reference} names",
            details=[f"expected {expected}", f"got      {found}"],
            hint=MEND,
        )

    def _fault(self, part: Part, reason: str) -> KutterError:
        return KutterError(
            f"image {self.wanted.pin.reference}: {part.role} {part.digest} {reason}",
            hint="pin another image: its publisher, or the registry, made this one",
        )

    def _lacking(self, platform: Platform, there: Sequence[str]) -> NoSolutionError:
        return NoSolutionError(
            f"image {self.wanted.pin.reference} has nothing for {platform}",
            details=[f"it is for {', '.join(there) or 'no platform at all'}"],
            hint="pin a tag that has it, or set images = false for the boards that need it",
        )


def _blobs(manifest: Manifest, platform: str) -> Iterator[Part]:
    yield _part(manifest.config, "config", platform)
    for layer in manifest.layers:
        # Foreign layers lie elsewhere and may not be passed on (image specification, layer.md).
        if "foreign" not in layer.media_type and "nondistributable" not in layer.media_type:
            yield _part(layer, "layer", platform)


def _part(descriptor: Descriptor, role: str, platform: str) -> Part:
    return Part(
        digest=descriptor.digest,
        role=role,
        media_type=descriptor.media_type,
        size=descriptor.size,
        platform=platform,
    )
