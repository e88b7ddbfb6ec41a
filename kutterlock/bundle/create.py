"""Making a bundle: what it holds, where it is cut, who signs it, and its volumes."""

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kutterlock.adapters.disk.buffer import ThreadBuffer
from kutterlock.adapters.disk.files import explained
from kutterlock.adapters.disk.store import Store
from kutterlock.bundle.contents import Held, closure_blobs, project_files, without
from kutterlock.bundle.layout import SIGNATURE_ROOM, Cut, lay_out
from kutterlock.bundle.write import Sources, head_size, stretch, write_volumes
from kutterlock.errors import UsageError
from kutterlock.model.bundle.manifest import (
    LOCK_PATH,
    MANIFEST_NAME,
    SUMS_NAME,
    Bundle,
    BundleBlob,
    BundleFile,
    Piece,
    read_bundle,
)
from kutterlock.model.digest import Digest
from kutterlock.model.encoding import ustar
from kutterlock.model.lock import Lock
from kutterlock.model.progress import Progress
from kutterlock.model.signing.keys import Signer
from kutterlock.model.signing.signature_file import DIRECTORY
from kutterlock.trust.papers import file_name
from kutterlock.trust.signatures import DEFAULT_FORMS, make_signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One file of kutterlock itself: a wheel, or the bootstrap."""

    blob: BundleBlob
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRequest:
    """What to make: `boards` None means all, `limit` is a volume's size in bytes.

    `all_platforms`: of images, those that no board has, too.
    """

    project: Path
    lock: Lock
    boards: tuple[str, ...] | None = None
    all_platforms: bool = False
    base: Held | None = None
    limit: int | None = None
    tools: tuple[Tool, ...] = ()
    signers: tuple[Signer, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """What was made."""

    bundle: Bundle
    paths: tuple[Path, ...]


def create(request: CreateRequest, store: Store, target: Path, progress: Progress) -> Created:
    """Write the bundle's volumes. Raises MissingInputError, UsageError, NoSpaceError."""
    draft = describe(request, store)
    places = _Places(request, draft, store)
    roots = places.roots()
    bundle = lay_out(draft, request.limit, lambda tried: head_size(tried, roots), places.digest_of)
    read_bundle(bundle.to_bytes())
    head = {**roots, **_signatures(bundle, request.signers)}
    sources = Sources(open_whole=places.open_whole, head=head)
    paths = write_volumes(bundle, target, sources, progress, request.limit)
    return Created(bundle=bundle, paths=tuple(paths))


def describe(request: CreateRequest, store: Store) -> Bundle:
    """Return the bundle before it is cut."""
    lock, base = request.lock, request.base
    known = base.blobs if base else {}
    files = project_files(request.project, lock, base)
    blobs = closure_blobs(store, lock, request.boards, known, all_platforms=request.all_platforms)
    tools = without((tool.blob for tool in request.tools), base)
    return Bundle(
        project=lock.project,
        version=lock.project_version,
        boards=tuple(sorted(request.boards or lock.boards)),
        lock=next(Digest("sha256", file.sha256) for file in files if file.path == LOCK_PATH),
        files=files,
        tools=tuple(sorted(tools, key=lambda tool: tool.name)),
        blobs=without(blobs, base),
        volumes=(),
        splits={},
        base=base.content if base else None,
    )


def sign_bundle(
    bundle: Bundle, signers: Iterable[Signer], forms: Iterable[str] = DEFAULT_FORMS
) -> dict[str, bytes]:
    """Sign manifest and SHA256SUMS; the latter for people who have no kutterlock."""
    manifest = bundle.to_bytes()
    documents = {MANIFEST_NAME: manifest, SUMS_NAME: bundle.sums(Digest.of(manifest))}
    comment = f"project:{file_name(bundle.project)}\tfile:"
    return {
        f"{DIRECTORY}/{name}.{signer.public.short_id}.{form}": make_signature(
            data, signer, comment + name, form
        )
        for signer in signers
        for name, data in documents.items()
        for form in forms
        if form != "minisig" or signer.public.kind == "ed25519"
    }


def _signatures(bundle: Bundle, signers: Sequence[Signer]) -> dict[str, bytes]:
    made = sign_bundle(bundle, signers) if signers else {}
    require_room(made)
    return made


def require_room(signatures: Mapping[str, bytes]) -> None:
    """Raise UsageError for signatures that do not fit into the room that each volume keeps."""
    if sum(ustar.room(len(data)) for data in signatures.values()) > SIGNATURE_ROOM:
        raise UsageError("too many signers for one bundle")


class _Places:
    """Finds the bytes of each member."""

    def __init__(self, request: CreateRequest, bundle: Bundle, store: Store) -> None:
        self._project = request.project
        self._store = store
        self._files: Mapping[str, BundleFile] = {f"project/{f.path}": f for f in bundle.files}
        self._tools = {tool.blob.sha256: tool.path for tool in request.tools}
        self._blobs = {blob.sha256: blob.digest for blob in bundle.blobs}
        self._roots = bundle.roots
        self._buffer = ThreadBuffer()

    def roots(self) -> dict[str, bytes]:
        """Read the trust roots for the head."""
        found = {}
        for file in self._roots:
            with explained(self._project / file.path):
                found[f"roots/{file.path.name}"] = (self._project / file.path).read_bytes()
        return found

    def open_whole(self, piece: Piece) -> int:
        """Open a member's file."""
        file = self._files.get(piece.name)
        if file is not None and file.kind == "link":
            return _in_memory(os.fsencode((self._project / file.path).readlink()))
        path = self._path(piece, file)
        with explained(path):
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def digest_of(self, cut: Cut) -> str:
        """Hash a stretch of a member."""
        state, file = hashlib.sha256(), self.open_whole(cut.piece)
        for chunk in stretch(file, cut.offset, cut.length, self._buffer.view):
            state.update(chunk)
        return state.hexdigest()

    def _path(self, piece: Piece, file: BundleFile | None) -> Path:
        if file is not None:
            return self._project / file.path
        tool = self._tools.get(piece.whole)
        return tool or self._store.path(self._blobs[piece.whole])


def _in_memory(data: bytes) -> int:
    descriptor = os.memfd_create("kutter", os.MFD_CLOEXEC)
    os.write(descriptor, data)
    return descriptor
