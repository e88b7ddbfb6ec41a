"""Sending images to a registry: nothing before everything was verified, tags last of all.

Digests stay what they are. An index may name platforms that were never vendored; a registry that
refuses such an index is found out before anything is written to it.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import BinaryIO, Protocol, TypeVar

from kutterlock.adapters.disk.store import Store
from kutterlock.adapters.http.answer import Response
from kutterlock.adapters.workers import in_threads
from kutterlock.errors import HashMismatchError, NetworkError, UsageError
from kutterlock.model.digest import Digest
from kutterlock.model.net.urls import redacted
from kutterlock.model.oci.image import Index, Platform
from kutterlock.model.oci.reference import Reference
from kutterlock.model.progress import Progress
from kutterlock.vendor.images import ImageTree, Part, WantedImage, read_tree
from kutterlock.vendor.layout import blob_chunks
from kutterlock.vendor.verify import verify_blobs

T = TypeVar("T")

JOBS = 4
LARGEST_WORD = 300


class Target(Protocol):
    """What pushing needs of `kutterlock.adapters.oci.registry.Registries`."""

    def exists(self, name: str, kind: str, digest: str) -> bool:
        """Whether a repository has a blob or manifest."""

    def tag_digest(self, reference: Reference) -> Digest | None:
        """Return what a tag stands for, None where there is none."""

    def upload(
        self,
        name: str,
        digest: Digest,
        size: int,
        content: Callable[[], BinaryIO],
        *,
        source: str = "",
    ) -> bool:
        """Send a blob, or have it mounted from the repository `source`; whether it was sent."""

    def put_manifest(self, name: str, data: bytes, media_type: str, wanted: str) -> Response:
        """Send a manifest under a digest or tag."""

    def close(self) -> None:
        """Close all connections, those that are in use, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One image on its way: where it goes, and the tree whose root gets the tag."""

    tree: ImageTree
    target: Reference
    platform: str = ""

    @property
    def pinned(self) -> Digest:
        """What the lock says."""
        return self.tree.wanted.pin.digest

    @property
    def root(self) -> Part:
        """What the tag will name: the pinned index, or one platform's manifest."""
        return self.tree.root


@dataclass(frozen=True, slots=True, kw_only=True)
class PushReport:
    """What pushing did: the parcels, and how much was sent rather than found there."""

    parcels: tuple[Parcel, ...]
    blobs: int
    size: int
    manifests: int
    tags: int

    def record(self) -> list[dict[str, str]]:
        """Return under which digest each image now lives."""
        return [
            {
                "image": parcel.tree.wanted.pin.reference,
                "pinned": str(parcel.pinned),
                "pushed-as": str(parcel.target),
                "digest": parcel.root.digest,
                "platform": parcel.platform,
            }
            for parcel in self.parcels
        ]


def parcels_of(
    store: Store, images: Iterable[WantedImage], registry: str, platform: Platform | None = None
) -> tuple[Parcel, ...]:
    """Decide what goes where: `registry` may have a path. Raises UsageError for a collision.

    All that is here of an image goes: every platform when `vendor --all-platforms` brought them.
    With `platform` that platform's own manifest is sent in place of the index.
    """
    found = tuple(_parcel(store, wanted, registry, platform) for wanted in images)
    names: dict[str, Parcel] = {}
    for parcel in found:
        other = names.setdefault(parcel.target.tagged, parcel)
        if other.root.digest != parcel.root.digest:
            raise UsageError(
                f"two images would become {parcel.target.tagged}",
                details=[item.tree.wanted.pin.reference for item in (other, parcel)],
                hint="push them one by one with --image, to registries or paths of their own",
            )
    return found


def push(store: Store, parcels: Sequence[Parcel], target: Target, progress: Progress) -> PushReport:
    """Verify everything, then send blobs, manifests and tags, in this order.

    Raises HashMismatchError or MissingInputError before the first write; UsageError when the
    registry refuses an index whose other platforms are absent, also before it; NetworkError.
    """
    _verify(store, parcels, progress)
    run = _Push(store, parcels, target, progress)
    run.probe()
    run.send_blobs()
    run.send_manifests()
    run.send_tags()
    return run.report()


def _parcel(store: Store, wanted: WantedImage, registry: str, platform: Platform | None) -> Parcel:
    reference = wanted.reference
    root = _one_platform(store, wanted, platform) if platform else None
    if root is None:
        complete = read_tree(store, replace(wanted, platforms=()))
        absent = [part for part in complete.parts if not store.has(part.digest)]
        tree = read_tree(store, wanted) if absent else complete
    else:
        pin = wanted.pin._replace(digest=root)
        tree = read_tree(store, replace(wanted, pin=pin, platforms=(platform,)))  # type: ignore[arg-type]
        tree = replace(tree, wanted=replace(wanted, platforms=tree.wanted.platforms))
    return Parcel(
        tree=tree,
        target=replace(_target(registry, reference), tag=reference.tag),
        platform=str(platform) if root else "",
    )


def _target(registry: str, reference: Reference) -> Reference:
    try:
        return Reference.parse(f"{registry}/{reference.repository}")
    except ValueError as error:
        raise UsageError(
            f"{redacted(registry)} is no registry to push to",
            hint="write HOST[:PORT], or HOST[:PORT]/PATH; no https:// before it",
        ) from error


def _one_platform(store: Store, wanted: WantedImage, platform: Platform) -> Digest | None:
    """Return the manifest of a platform; None where the pinned image is a lone manifest."""
    tree = read_tree(store, replace(wanted, platforms=(platform,)))
    document = tree.documents.get(tree.root.digest)
    if not isinstance(document, Index):
        return None
    manifests = [part for part in tree.parts if part.role == "manifest"]
    return manifests[0].digest if manifests else None


def _verify(store: Store, parcels: Sequence[Parcel], progress: Progress) -> None:
    names = {part.digest: p.tree.name(part) for p in parcels for part in p.tree.parts}
    report = verify_blobs(store, names, progress)
    if error := report.error("the images are not whole", f"nothing was sent; {report.remedy}"):
        raise error


@dataclass(slots=True)
class _Push:
    store: Store
    parcels: Sequence[Parcel]
    target: Target
    progress: Progress
    sent: dict[Digest, int] = field(default_factory=dict)
    manifests: list[tuple[str, Digest]] = field(default_factory=list)
    tags: list[Reference] = field(default_factory=list)
    news: set[str] = field(default_factory=set)
    """Repositories that lacked a blob: what names it is not there either, and not asked for."""

    def probe(self) -> None:
        """Offer each sparse index by its digest: a registry that refuses it takes nothing."""
        for parcel in self.parcels:
            name, root = parcel.target.name, parcel.root
            if self._is_whole_there(parcel):
                continue
            answer = self.target.put_manifest(name, self._bytes(root), root.media_type, root.digest)
            if answer.status in (400, 404, 422):
                raise _refused(parcel, answer)
            _require_created(answer, name, root.digest)

    def send_blobs(self) -> None:
        places: dict[Digest, list[str]] = {}
        sizes: dict[Digest, int] = {}
        for parcel in self.parcels:
            for part in parcel.tree.parts:
                if not part.is_document:
                    names = places.setdefault(part.digest, [])
                    names.extend({parcel.target.name} - set(names))
                    sizes[part.digest] = part.size or 0
        self.progress.start("pushing", total=sum(sizes.values()), unit="bytes")
        items = sorted(places, key=lambda digest: (-sizes[digest], digest))
        try:
            self._in_threads(lambda d: self._place(d, sizes[d], places[d]), items)
        finally:
            self.progress.done("")

    def send_manifests(self) -> None:
        self._in_threads(self._send_documents, self.parcels)

    def send_tags(self) -> None:
        self._in_threads(self._send_tag, self.parcels)

    def report(self) -> PushReport:
        return PushReport(
            parcels=tuple(self.parcels),
            blobs=len(self.sent),
            size=sum(self.sent.values()),
            manifests=len(self.manifests),
            tags=len(self.tags),
        )

    def _in_threads(self, work: Callable[[T], None], items: Sequence[T]) -> None:
        in_threads(work, items, JOBS, on_interrupt=self.target.close)

    def _is_whole_there(self, parcel: Parcel) -> bool:
        """Whether no child is absent: because it is here, or because the registry has it."""
        name, absent = parcel.target.name, parcel.tree.others
        if not absent or self.target.exists(name, "manifests", parcel.root.digest):
            return True
        return all(self.target.exists(name, "manifests", child.digest) for child in absent)

    def _place(self, digest: Digest, size: int, names: Sequence[str]) -> None:
        there = [name for name in names if self.target.exists(name, "blobs", digest)]
        for name in names:
            if name not in there:
                source = there[0].partition("/")[2] if there else ""
                # As it lies: it was verified, and the registry checks what arrives.
                content = partial(self.store.open, digest)
                if self.target.upload(name, digest, size, content, source=source):
                    self.sent[digest] = self.sent.get(digest, 0) + size
                self.news.add(name)
                there.append(name)
        self.progress.advance(size, digest.short)

    def _send_documents(self, parcel: Parcel) -> None:
        """Send children before parents: registries look whether what a parent names is there."""
        for part in reversed([part for part in parcel.tree.parts if part.is_document]):
            name, digest = parcel.target.name, part.digest
            if name in self.news or not self.target.exists(name, "manifests", digest):
                self._put(name, part, digest)
                self.manifests.append((name, digest))

    def _send_tag(self, parcel: Parcel) -> None:
        if not parcel.target.tag:
            return  # an image that is pinned by digest alone is pulled by digest alone
        root = parcel.root.digest
        is_new = (parcel.target.name, root) in self.manifests
        if is_new or self.target.tag_digest(parcel.target) != root:
            self._put(parcel.target.name, parcel.root, parcel.target.tag)
            self.tags.append(parcel.target)

    def _put(self, name: str, part: Part, wanted: str) -> None:
        answer = self.target.put_manifest(name, self._bytes(part), part.media_type, wanted)
        _require_created(answer, name, part.digest)

    def _bytes(self, part: Part) -> bytes:
        return b"".join(blob_chunks(self.store, part.digest, part.size))


def _require_created(answer: Response, name: str, digest: Digest) -> None:
    if answer.status != 201:
        raise NetworkError(
            f"{name} did not take {digest}: the registry answered {answer.status}",
            details=_words(answer),
        )
    stated = answer.headers.get("docker-content-digest", digest)
    if stated != digest:
        raise HashMismatchError(
            f"{name} keeps {digest} under another digest",
            details=[f"expected {digest}", f"got      {stated}"],
            hint="this registry changes manifests: do not use it for pinned images",
        )


def _refused(parcel: Parcel, answer: Response) -> UsageError:
    lacking = sorted({str(c.platform) for c in parcel.tree.others if c.platform})
    return UsageError(
        f"the registry refuses the index of {parcel.tree.wanted.pin.reference}, of which only "
        f"{', '.join(parcel.tree.platforms)} is in the store; nothing was written",
        details=[f"absent: {', '.join(lacking)}", *_words(answer)],
        hint="run `kutterlock vendor --all-platforms` first, which keeps the digest (across an air "
        "gap: and have the bundle made with `bundle create --all-platforms`), or add "
        "`--platform linux/ARCH` to push that platform's own manifest under its own digest",
    )


def _words(answer: Response) -> list[str]:
    """Return what a registry says of an error (distribution specification, error codes)."""
    try:
        errors = json.loads(answer.body)["errors"]
        return [f"{error['code']}: {error.get('message', '')}"[:LARGEST_WORD] for error in errors]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return []


def push_record(report: PushReport, registry: str) -> Mapping[str, object]:
    """Return the record of a push, as it is written and printed."""
    return {"registry": registry, "images": report.record()}
