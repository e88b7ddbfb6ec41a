"""What trust needs of the disk: pinned roots, releases seen, and the papers of a project.

<config>/trust/<project>.root.json    the pinned root; it moves on by signed rotation only
<state>/trust/<project>.seen.json     the highest release that was verified here
<project>/kutter.root.json            a candidate, with its forerunners in
<project>/signatures/N.root.json
<project>/kutter.release.json         the release statement
<project>/signatures/                 signatures of it and of kutter.lock
"""

import contextlib
import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from kutterlock.adapters.disk.files import explained, open_document, write_atomically
from kutterlock.errors import KutterError, LockError, UntrustedError, UsageError
from kutterlock.model.attest.statement import STATEMENT_NAME, Seen, read_seen
from kutterlock.model.digest import Digest
from kutterlock.model.signing.signature_file import DIRECTORY
from kutterlock.model.signing.trustroot import (
    LARGEST,
    ROOT_NAME,
    SignedRoot,
    advance,
    check_root,
    read_root,
)
from kutterlock.trust.signatures import find_signatures
from kutterlock.trust.verified import Papers

_ROOT_ENDING = ".root.json"
LOCK_NAME = "kutter.lock"
_OLDER = re.compile(r"[1-9][0-9]{0,8}\.root\.json\Z")
MOST_ROOTS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Cabinet:
    """The user's side: pinned roots in `config`, releases seen in `state`."""

    config: Path
    state: Path

    def pinned(self, project: str) -> SignedRoot | None:
        """Return the pinned root of a project, None where there is none."""
        path = self._root_path(project)
        return read_root(read_bounded(path)) if path.exists() else None

    def projects(self) -> tuple[str, ...]:
        """Name the projects for which roots are pinned."""
        directory = self.config / "trust"
        if not directory.is_dir():
            return ()
        with explained(directory):
            paths = sorted(directory.glob(f"*{_ROOT_ENDING}"))
        return tuple(path.name.removesuffix(_ROOT_ENDING) for path in paths)

    def pin(self, root: SignedRoot, digest: Digest) -> None:
        """Pin a root whose digest came another way. Raises UntrustedError where it is another.

        The root must bear enough signatures of its own keys. An older one does not replace a
        newer one.
        """
        from kutterlock.adapters.signing.keys import check_signature

        if root.digest != digest:
            raise UntrustedError(
                "the trust root is not the one that the digest names",
                details=[f"expected {digest}", f"found    {root.digest}"],
                hint="ask its keepers, on a way that does not lead through the project",
            )
        check_root(root, root.root, check_signature)
        before = self.pinned(root.root.project)
        if before and before.root.version > root.root.version:
            raise UntrustedError(
                f"version {before.root.version} is pinned, which is newer than {root.root.version}",
                hint=f"remove {self._root_path(root.root.project)} first if that was wrong",
            )
        self.keep(root)

    def keep(self, root: SignedRoot) -> None:
        """Write a root that was accepted."""
        path = self._root_path(root.root.project)
        data = root.to_bytes()
        if not path.exists() or read_bounded(path) != data:
            _remember(path, data)

    def seen(self, project: str) -> Seen:
        """Return the highest release seen of a project."""
        path = self._seen_path(project)
        return read_seen(read_bounded(path)) if path.exists() else Seen()

    def saw(self, project: str, seen: Seen) -> None:
        """Keep the highest release seen, whoever else is writing one down meanwhile."""
        if seen == self.seen(project):
            return
        path = self._seen_path(project)
        with held(path.with_name(f"{path.name}.lock")):
            _remember(path, self.seen(project).and_also(seen).to_bytes())

    def _root_path(self, project: str) -> Path:
        return self.config / "trust" / f"{file_name(project)}{_ROOT_ENDING}"

    def _seen_path(self, project: str) -> Path:
        return self.state / "trust" / f"{file_name(project)}.seen.json"


def file_name(project: str) -> str:
    """Turn a project's name into a file's."""
    quoted = quote(project, safe="")
    return quoted if len(quoted) < 128 else hashlib.sha256(project.encode()).hexdigest()


def candidates(project: Path) -> list[SignedRoot]:
    """Read the roots that come with a project. Raises UntrustedError."""
    paths = [path for path in (project / ROOT_NAME,) if path.exists()]
    directory = project / DIRECTORY
    if directory.is_dir():
        with explained(directory):
            paths += sorted(path for path in directory.iterdir() if _OLDER.match(path.name))
    if len(paths) > MOST_ROOTS:
        raise UntrustedError(f"{directory} has more than {MOST_ROOTS} trust roots")
    return [read_root(read_bounded(path)) for path in paths]


def current_root(cabinet: Cabinet, name: str, project: Path) -> SignedRoot | None:
    """Follow the pinned root of project `name` to the newest that comes with it, and keep that.

    None where none is pinned: what lies in the project alone is no ground to trust anything.
    Raises UntrustedError.
    """
    pinned = cabinet.pinned(name)
    if pinned is None:
        return None
    from kutterlock.adapters.signing.keys import check_signature

    newest = advance(pinned, candidates(project), check_signature)
    if newest is not pinned:
        cabinet.keep(newest)
    return newest


def read_papers(project: Path) -> Papers:
    """Read a project's lock as bytes, and what lies beside it."""
    lock = project / LOCK_NAME
    if not lock.exists():
        raise LockError(f"there is no {lock}", hint="run `kutterlock resolve` to write it")
    statement = project / STATEMENT_NAME
    there = statement.exists()
    return Papers(
        lock=read_bounded(lock, 16 << 20),
        lock_signatures=find_signatures(lock),
        statement=read_bounded(statement) if there else None,
        statement_signatures=find_signatures(statement) if there else (),
    )


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold a lock file; the kernel drops it when its holder dies."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise _forgetful(path, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _remember(path: Path, data: bytes) -> None:
    try:
        write_atomically(path, data)
    except KutterError as error:
        raise _forgetful(path, error) from error


def _forgetful(path: Path, error: Exception) -> KutterError:
    return KutterError(
        f"what was verified cannot be remembered in {path.parent}: {error}",
        hint="name writable places with KUTTER_STATE (releases seen) and KUTTER_CONFIG (trust "
        "roots): without them an older release would pass for the newest",
    )


def read_bounded(path: Path, largest: int = LARGEST) -> bytes:
    """Read a file that may come from anywhere. Raises UsageError, UntrustedError."""
    try:
        with open_document(path) as file:
            data = file.read(largest + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > largest:
        raise UntrustedError(f"{path} is larger than {largest} bytes")
    return data
