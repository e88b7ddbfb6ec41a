"""A bundle's manifest, `bundle.json`: everything that crosses the gap, by digest.

Canonical JSON, so that the same content has the same bytes. It fixes the whole archive: which
members there are, in which order, where volumes are cut; a reader knows what comes next and takes
nothing else. What files mean (versions, origins) is in the lock, which the bundle carries.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from kutterlock.errors import HashMismatchError
from kutterlock.model.digest import Digest
from kutterlock.model.encoding.canonical_json import canonical_json
from kutterlock.model.encoding.strict_json import read_object
from kutterlock.model.encoding.table import Fault, Reader, Table
from kutterlock.model.paths import RelativePath

BUNDLE_TYPE = "kutterlock-bundle/1"
MANIFEST_NAME = "bundle.json"
SUMS_NAME = "SHA256SUMS"
LARGEST_MANIFEST = 64 << 20
MOST_BYTES = 1 << 50
MOST_VOLUMES = 9999
KINDS = ("644", "755", "link")
LOCK_PATH = "kutter.lock"
RECORD = "kutter.bundle.json"
"""The manifest of the bundle that a project came from, as an import leaves it there."""

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_ROOT = re.compile(r"kutter\.root\.json\Z|signatures/[1-9][0-9]{0,8}\.root\.json\Z")
_PAPER = re.compile(r"kutter\.(toml|lock|release\.json|root\.json)\Z|signatures/[^/]+\Z")


class BundleFile(NamedTuple):
    """A file of the project. Of a `link` (a symlink) the content is the target's text.

    `carried` False: the base has its content, this has not.
    """

    path: RelativePath
    kind: str
    size: int
    sha256: str
    carried: bool = True

    @property
    def member(self) -> str:
        """The name of the archive's member."""
        return f"project/{self.path}"

    @property
    def is_paper(self) -> bool:
        """Whether a bundle is judged by it: such a file always crosses."""
        return _PAPER.match(self.path) is not None


class BundleBlob(NamedTuple):
    """A blob: `digest` as the lock pins it; `carried` False: the base has it, this has not.

    Tools (kutterlock's own wheels) are blobs too; nobody needs them for a build.
    """

    name: str
    digest: Digest
    sha256: str
    size: int
    carried: bool = True


class Part(NamedTuple):
    """One part of a member that was cut, `size` bytes long."""

    size: int
    sha256: str


class Piece(NamedTuple):
    """A member of one volume's tar: a whole file or blob, or part `number` of one (from 1)."""

    name: str
    size: int
    sha256: str
    whole: str
    number: int = 0


class Bundle(NamedTuple):
    """One bundle. `splits` maps a member's sha256 to its parts; `volumes` counts pieces in each."""

    project: str
    version: str
    boards: tuple[str, ...]
    lock: Digest
    files: tuple[BundleFile, ...]
    tools: tuple[BundleBlob, ...]
    blobs: tuple[BundleBlob, ...]
    volumes: tuple[int, ...]
    splits: Mapping[str, tuple[Part, ...]]
    base: Digest | None = None

    @property
    def content(self) -> Digest:
        """What is there once this was imported, carried or not: blobs, tools, project files."""
        return content_digest(self.held)

    @property
    def held(self) -> tuple[BundleBlob, ...]:
        """Everything that a store has once this was imported; files and tools are blobs there."""
        files = (
            BundleBlob(name=file.member, digest=Digest("sha256", file.sha256), sha256=file.sha256,
                       size=file.size, carried=file.carried)
            for file in self.files
        )  # fmt: skip
        return (*self.blobs, *self.tools, *files)

    @property
    def roots(self) -> tuple[BundleFile, ...]:
        """The trust roots among the project's files."""
        return tuple(file for file in self.files if _ROOT.match(file.path))

    @property
    def left_out(self) -> tuple[BundleBlob, ...]:
        """What only the base has: blobs, tools, contents of project files."""
        carried = {blob.digest for blob in self.held if blob.carried}
        return tuple(b for b in self.held if not b.carried and b.digest not in carried)

    def wholes(self) -> tuple[Piece, ...]:
        """Return every carried file and blob, in the order of the archive.

        What is read rather than run (licences, bills of material) comes before the wheels, so that
        the first volume has it.
        """
        blobs = sorted((b for b in self.blobs if b.carried), key=lambda blob: blob.sha256)
        tools = [tool for tool in self.tools if tool.carried]
        tools.sort(key=lambda tool: tool.name.endswith(".whl"))
        return (
            *(_whole(f.member, f.size, f.sha256) for f in self.files if f.carried),
            *(_whole(f"tools/{tool.name}", tool.size, tool.sha256) for tool in tools),
            *(_whole(f"blobs/{blob.sha256}", blob.size, blob.sha256) for blob in blobs),
        )

    def pieces(self) -> tuple[tuple[Piece, ...], ...]:
        """Return the members of each volume, in order, its head left out."""
        line = [piece for whole in self.wholes() for piece in self._cut(whole)]
        found, at = [], 0
        for count in self.volumes:
            found.append(tuple(line[at : at + count]))
            at += count
        return tuple(found)

    def _cut(self, whole: Piece) -> Iterable[Piece]:
        parts = () if whole.name.startswith("project/") else self.splits.get(whole.sha256, ())
        if not parts:
            return (whole,)
        return tuple(
            Piece(name=part_name(whole.sha256, number), size=part.size, sha256=part.sha256,
                  whole=whole.sha256, number=number)
            for number, part in enumerate(parts, 1)
        )  # fmt: skip

    def sums(self, own: Digest) -> bytes:
        """Return SHA256SUMS, as `sha256sum -c` takes it where all volumes were unpacked.

        `own` is the digest of `to_bytes()`.
        """
        pieces = [piece for volume in self.pieces() for piece in volume]
        lines = [f"{piece.sha256}  {piece.name}\n" for piece in pieces]
        return "".join([f"{own.hex}  {MANIFEST_NAME}\n", *lines]).encode()

    def to_bytes(self) -> bytes:
        """Return the file."""
        return canonical_json(
            {
                "type": BUNDLE_TYPE,
                "project": {"name": self.project, "version": self.version},
                "boards": list(self.boards),
                "lock": self.lock,
                "content": self.content,
                "base": self.base or "",
                "files": [_file_table(file) for file in self.files],
                "tools": [blob_table(tool) for tool in self.tools],
                "blobs": [blob_table(blob) for blob in self.blobs],
                "volumes": list(self.volumes),
                "splits": {
                    whole: [{"size": part.size, "sha256": part.sha256} for part in parts]
                    for whole, parts in self.splits.items()
                },
            }
        )  # fmt: skip


def part_name(sha256: str, number: int) -> str:
    """Return the name of a part of what was cut; `cat` joins them in the order of `ls`."""
    return f"parts/{sha256}.{number:04}"


def content_digest(blobs: Iterable[BundleBlob]) -> Digest:
    """Return the sha256 of the sorted `DIGEST SIZE` lines of blobs."""
    lines = sorted({f"{blob.digest} {blob.size}\n" for blob in blobs})
    return Digest.of("".join(lines).encode())


def read_bundle(data: bytes, name: str = MANIFEST_NAME) -> Bundle:
    """Read a manifest, called `name` in errors.

    Raises HashMismatchError with every fault: nobody wrote it so.
    """
    reader = Reader()
    root = reader.root(read_object(data, name, HashMismatchError, LARGEST_MANIFEST))
    bundle, content = _read(root)
    if not reader.faults:
        _check(bundle, root)
    if not reader.faults and content != bundle.content:
        root.fault("content", "is not that of the blobs")
    if not reader.faults and bundle.to_bytes() != data:
        root.fault(None, "is not in canonical form")
    reader.finish(lambda faults: damaged(name, faults))
    return bundle


def _read(root: Table) -> tuple[Bundle, Digest | None]:
    if root.text("type") != BUNDLE_TYPE:
        root.fault("type", f"this kutterlock reads {BUNDLE_TYPE}")
    project = root.table("project", required=True)
    content = root.parsed("content", Digest.parse)
    base = root.text("base")
    bundle = Bundle(
        project=project.text("name"),
        version=project.text("version"),
        boards=root.texts("boards", None),
        lock=root.parsed("lock", Digest.parse) or Digest.of(b""),
        base=root.parsed("base", Digest.parse) if base else None,
        files=tuple(_file(item) for item in root.table_list("files")),
        tools=tuple(read_blob(item) for item in root.table_list("tools")),
        blobs=tuple(read_blob(item) for item in root.table_list("blobs")),
        volumes=_counts(root),
        splits=_splits(root.table("splits", required=True)),
    )
    project.close()
    root.close()
    return bundle, content


def _file(table: Table) -> BundleFile:
    file = BundleFile(
        path=table.parsed("path", RelativePath) or RelativePath("x"),
        kind=table.text("kind"),
        size=table.integer("size", between=(0, MOST_BYTES)),
        sha256=table.parsed("sha256", _sha256) or "",
        carried=not table.flag("left-out", default=False),
    )
    if file.kind not in KINDS:
        table.fault("kind", f"is not one of {', '.join(KINDS)}")
    table.close()
    return file


def read_blob(table: Table) -> BundleBlob:
    """Read one blob of a manifest or an inventory."""
    sha256 = table.parsed("sha256", _sha256) or "0" * 64
    digest = table.optional("digest", lambda key: table.parsed(key, Digest.parse))
    blob = BundleBlob(
        name=table.text("name"),
        digest=digest or Digest("sha256", sha256),
        sha256=sha256,
        size=table.integer("size", between=(0, MOST_BYTES)),
        carried=not table.flag("left-out", default=False),
    )
    table.close()
    return blob


def _file_table(file: BundleFile) -> dict[str, Any]:
    table: dict[str, Any] = {"path": file.path, "kind": file.kind, "size": file.size}
    return {**table, "sha256": file.sha256, **({} if file.carried else {"left-out": True})}


def blob_table(blob: BundleBlob) -> dict[str, Any]:
    """Return one blob as it stands in a manifest or an inventory."""
    return {
        "name": blob.name,
        "sha256": blob.sha256,
        "size": blob.size,
        **({} if blob.digest.algorithm == "sha256" else {"digest": blob.digest}),
        **({} if blob.carried else {"left-out": True}),
    }


def _counts(root: Table) -> tuple[int, ...]:
    value = root.value().get("volumes")
    root.optional("volumes", lambda _: None)
    if not isinstance(value, list) or any(type(count) is not int or count < 1 for count in value):
        root.fault("volumes", "is not a list of numbers of members")
        return ()
    return tuple(value)


def _splits(table: Table) -> dict[str, tuple[Part, ...]]:
    found = {}
    for key in table.value():
        parts = []
        for item in table.table_list(key):
            size = item.integer("size", between=(1, MOST_BYTES))
            parts.append(Part(size=size, sha256=item.parsed("sha256", _sha256) or ""))
            item.close()
        found[key] = tuple(parts)
    return found


def _check(bundle: Bundle, root: Table) -> None:
    for key, names in (
        ("files", [file.path for file in bundle.files]),
        ("tools", [tool.name for tool in bundle.tools]),
        ("blobs", [blob.sha256 for blob in bundle.blobs]),
    ):
        if list(names) != sorted(set(names)):
            root.fault(key, "are not in order, or stand in it twice")
    if not any(f.path == LOCK_PATH and f.sha256 == bundle.lock.hex for f in bundle.files):
        root.fault("files", f"lack {LOCK_PATH}")
    _check_tree(bundle, root)
    for tool in bundle.tools:
        if "/" in tool.name or tool.digest.algorithm != "sha256":
            root.fault("tools", f"{tool.name!r} is not the name of a file")
        _check_path(f"tools/{tool.name}", root)
    if len({blob.digest for blob in bundle.blobs}) != len(bundle.blobs):
        root.fault("blobs", "have one digest twice")
    if bundle.base is None and bundle.left_out:
        root.fault("base", "is missing, and there are blobs that only it can have")
    _check_cuts(bundle, root)


def _check_tree(bundle: Bundle, root: Table) -> None:
    if any(file.is_paper and not file.carried for file in bundle.files):
        root.fault("files", "leave out one that the bundle is judged by")
    paths = {str(file.path) for file in bundle.files}
    for path in sorted(paths):
        parts = path.split("/")
        if any("/".join(parts[:count]) in paths for count in range(1, len(parts))):
            root.fault("files", f"{path!r} lies below a file")
        if ".git" in parts:
            root.fault("files", f"{path!r} is no file of a project")


def _check_path(path: str, root: Table) -> None:
    try:
        RelativePath(path)
    except ValueError as error:
        root.fault("tools", str(error))


def _check_cuts(bundle: Bundle, root: Table) -> None:
    wholes = bundle.wholes()
    sizes = {piece.sha256: piece.size for piece in wholes if piece.name[:8] != "project/"}
    for whole, parts in bundle.splits.items():
        if len(parts) < 2 or sizes.get(whole) != sum(part.size for part in parts):
            root.fault("splits", f"{whole[:12]}: the parts are not the whole")
    line = [piece for whole in wholes for piece in bundle._cut(whole)]  # noqa: SLF001
    if sum(bundle.volumes) != len(line) or not 1 <= len(bundle.volumes) <= MOST_VOLUMES:
        root.fault("volumes", f"do not come to {len(line)} members")
    if len({piece.name for piece in line}) != len(line):
        root.fault("files", "two members have one name")


def _whole(name: str, size: int, sha256: str) -> Piece:
    return Piece(name=name, size=size, sha256=sha256, whole=sha256)


def _sha256(text: str) -> str:
    if not _SHA256.match(text):
        raise ValueError("is not 64 lower-case hex digits")
    return text


def damaged(what: str, faults: tuple[Fault, ...]) -> HashMismatchError:
    """Return the error for a document with these faults."""
    return HashMismatchError(
        f"{what} cannot be used as it stands",
        details=[str(fault) for fault in faults],
        hint="take the bundle once more from where it was made",
    )
