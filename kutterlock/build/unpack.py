"""Unpacking the .debs of a build environment into one tree, in parallel.

While packages are unpacked the tree has directories and regular files only, so no write can follow
a link; links of both kinds are laid at the end, in sorted order. The result does not depend on
which package came first: two packages may share a path only when they agree about it.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from kutterlock.adapters.archives.deb import Deb
from kutterlock.adapters.archives.tarstream import Member, TarStream
from kutterlock.adapters.disk.files import explained
from kutterlock.adapters.workers import in_threads
from kutterlock.errors import HashMismatchError, KutterError
from kutterlock.model.debian.layout import MERGED, check_link, is_left_out, member_path, merged
from kutterlock.model.digest import Digest
from kutterlock.model.lock import DebianPackagePin


class Blobs(Protocol):
    """Where .debs come from: the store."""

    def open(self, digest: Digest) -> BinaryIO:
        """Open a blob for reading."""


@dataclass(frozen=True, slots=True)
class _Laid:
    """What a package put at a path: `value` is a digest in hex, or a link's target."""

    package: str
    kind: str
    value: str


@dataclass(slots=True)
class Unpacked:
    """The tree being made: who put what where."""

    root: Path
    paths: dict[str, _Laid] = field(default_factory=dict)
    hard_links: dict[str, _Laid] = field(default_factory=dict)
    members: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The paths (not directories) of each package, sorted."""

    def links(self) -> dict[str, str]:
        """Return the target of every symlink that a package brought."""
        return {path: laid.value for path, laid in self.paths.items() if laid.kind == "link"}


def unpack_all(
    packages: tuple[DebianPackagePin, ...],
    blobs: Blobs,
    root: Path,
    done: Callable[[str], None],
) -> Unpacked:
    """Unpack every package below `root`, which must be empty; `done` is told each name.

    Raises KutterError for what no honest package does, HashMismatchError for wrong bytes.
    """
    tree = Unpacked(root)

    def unpack(package: DebianPackagePin) -> None:
        _Unpacking(tree, package).run(blobs)
        done(package.name)

    with explained(root):
        in_threads(unpack, sorted(packages, key=lambda package: package.name))
        _lay_links(tree)
    return tree


class _Unpacking:
    """One package on its way into the tree."""

    def __init__(self, tree: Unpacked, package: DebianPackagePin) -> None:
        self._tree = tree
        self._package = package
        self._made: set[str] = set()
        self._seen: set[str] = set()
        self._what = f"{package.path.name}"

    def run(self, blobs: Blobs) -> None:
        with blobs.open(self._package.digest) as file:
            deb = Deb(file, self._what, self._package.digest.algorithm)
            self._check_identity(deb.control())
            self._unpack(deb.data())
            deb.check_digest(self._package.digest)
        kept = sorted(self._seen - self._made)
        self._tree.members[self._package.name] = tuple(kept)

    def _check_identity(self, control: dict[str, str]) -> None:
        name, version = control.get("package", ""), control.get("version", "")
        if (name, version) != (self._package.name, self._package.version):
            raise HashMismatchError(
                f"{self._what} is not the package that was pinned",
                details=[
                    f"expected {self._package.name} {self._package.version}",
                    f"got      {name} {version}",
                ],
            )

    def _unpack(self, tar: TarStream) -> None:
        for member in tar.members():
            path = self._checked(member)
            if path and not is_left_out(path):
                self._lay(path, member, tar)

    def _checked(self, member: Member) -> str:
        try:
            path = member_path(member.name)
            if member.kind == "link":
                check_link(path, member.target)
        except ValueError as error:
            raise KutterError(f"{self._what}: {error}") from error
        return path

    def _lay(self, path: str, member: Member, tar: TarStream) -> None:
        if member.kind == "directory":
            self._directory(path)
            return
        if path in self._seen:
            raise KutterError(f"{self._what}: member {path!r} comes twice")
        if path in MERGED.values():
            self._check_merged(path, member)
            return
        self._seen.add(path)
        self._directory(path.rpartition("/")[0])
        if member.kind == "file":
            self._file(path, member, tar)
        elif member.kind == "link":
            self._claim(path, "link", member.target)
        else:
            self._hard_link(path, member)

    def _check_merged(self, path: str, member: Member) -> None:
        if member.kind != "link" or merged(member.target.strip("/")) != path:
            raise KutterError(f"{self._what}: {path!r} is a directory of the root")

    def _directory(self, path: str) -> None:
        if path and path not in self._made:
            self._made.add(path)
            try:
                (self._tree.root / path).mkdir(parents=True, exist_ok=True)
            except (FileExistsError, NotADirectoryError):
                raise KutterError(f"{self._what}: directory {path!r} is a file as well") from None

    def _file(self, path: str, member: Member, tar: TarStream) -> None:
        target = self._tree.root / path
        state = hashlib.sha256()
        kind = "755" if member.executable else "644"
        owned = True
        try:
            file = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
        except FileExistsError:
            file, owned = os.open(os.devnull, os.O_WRONLY), False
        try:
            for piece in tar.content():
                state.update(piece)
                _write(file, piece)
            if kind == "755" and owned:
                os.fchmod(file, 0o755)
        finally:
            os.close(file)
        self._claim(path, kind, state.hexdigest())

    def _hard_link(self, path: str, member: Member) -> None:
        try:
            target = member_path(member.target)
        except ValueError as error:
            raise KutterError(f"{self._what}: {error}") from error
        if target not in self._seen or self._tree.paths[target].kind == "link":
            raise KutterError(
                f"{self._what}: {path!r} is a hard link to {target!r}, which is no file of it"
            )
        found = self._tree.paths[target]
        self._claim(path, found.kind, found.value)
        self._tree.hard_links[path] = _Laid(self._package.name, "hardlink", target)

    def _claim(self, path: str, kind: str, value: str) -> None:
        laid = _Laid(self._package.name, kind, value)
        first = self._tree.paths.setdefault(path, laid)
        if (first.kind, first.value) != (kind, value):
            raise KutterError(f"{first.package} and {laid.package} both have a file {path!r}")


def _write(file: int, piece: memoryview) -> None:
    while piece:
        piece = piece[os.write(file, piece) :]


def _lay_links(tree: Unpacked) -> None:
    for path in tree.paths:
        (tree.root / path).parent.mkdir(parents=True, exist_ok=True)
    for path, laid in sorted({**tree.paths, **tree.hard_links}.items()):
        place = tree.root / path
        if place.is_dir():
            raise KutterError(f"{laid.package}: {path!r} is a directory of another package")
        if laid.kind == "link":
            place.symlink_to(laid.value)
        elif laid.kind == "hardlink" and not place.exists():
            os.link(tree.root / laid.value, place, follow_symlinks=False)
