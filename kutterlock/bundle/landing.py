"""The project of a bundle, written where it is wanted.

What an earlier import wrote and nobody changed is replaced; what somebody changed is not touched
unless that was asked for. `kutter.bundle.json`, the manifest, remembers what came from where.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from kutterlock.adapters.disk.files import CHUNK, UnverifiedFile, contained, explained, hash_file
from kutterlock.errors import KutterError, UntrustedError, UsageError
from kutterlock.model.bundle.manifest import LOCK_PATH, RECORD, Bundle, BundleFile, read_bundle
from kutterlock.model.digest import Digest
from kutterlock.model.encoding.text import counted


class Landing(NamedTuple):
    """Where the project goes. `replace`: over what somebody changed, too.

    `said` False: nobody named the directory, and where an import goes on, it is the one that it
    began with.
    """

    directory: Path
    replace: bool = False
    said: bool = True

    def require_place(self) -> None:
        """Raise UsageError or KutterError where no project can go, before anything is read."""
        way = (self.directory, *self.directory.parents)
        place = next(path for path in way if path.exists())
        if not place.is_dir():
            raise UsageError(f"{place} is no directory", hint="name one with --into DIR")
        if not os.access(place, os.W_OK | os.X_OK):
            raise KutterError(
                f"{place}: the project cannot be written there",
                hint="name a writable directory with --into DIR",
            )

    def check(self, bundle: Bundle, place: Callable[[str], Path]) -> None:
        """Raise UsageError where files of somebody's own, or links that lead out, are in the way.

        `place` finds files by sha256. Raises UntrustedError for a link that leads out.
        """
        for file in bundle.files:
            contained(self.directory, file.path)
            if file.kind == "link":
                _check_link(file, os.fsdecode(place(file.sha256).read_bytes()))
        if self.replace:
            return
        before = self._before()
        changed = [
            str(file.path)
            for file in bundle.files
            if (found := self._found(file)) is not None
            and found not in (_mark(file), before.get(str(file.path)))
        ]
        if changed:
            raise UsageError(
                f"{self.directory} has {counted(len(changed), 'file')} that the bundle would "
                "replace",
                details=changed,
                hint="name a new directory with --into DIR, or say --replace",
            )

    def land(self, bundle: Bundle, manifest: bytes, place: Callable[[str], Path]) -> None:
        """Write the files, the lock last; remove what the bundle before had and this has not."""
        for path in self._gone(bundle):
            with explained(path):
                path.unlink(missing_ok=True)
        ordered = sorted(bundle.files, key=lambda file: (file.path == LOCK_PATH, file.path))
        for file in ordered:
            if self._found(file) != _mark(file):
                self._write(file, place(file.sha256))
        with UnverifiedFile(self.directory / RECORD) as record:
            record.write(manifest)
            record.commit()

    def _before(self) -> dict[str, tuple[str, str]]:
        path = self.directory / RECORD
        if not path.is_file():
            return {}
        try:
            bundle = read_bundle(path.read_bytes())
        except KutterError:
            return {}
        return {str(file.path): _mark(file) for file in bundle.files}

    def _gone(self, bundle: Bundle) -> Iterator[Path]:
        kept = {str(file.path) for file in bundle.files}
        for name, mark in self._before().items():
            path = self.directory / name
            if name not in kept and (self.replace or _mark_at(path) == mark):
                yield path

    def _found(self, file: BundleFile) -> tuple[str, str] | None:
        return _mark_at(self.directory / file.path)

    def _write(self, file: BundleFile, staged: Path) -> None:
        target = self.directory / file.path
        contained(self.directory, file.path)
        with explained(target):
            target.parent.mkdir(parents=True, exist_ok=True)
        if file.kind == "link":
            _write_link(target, os.fsdecode(staged.read_bytes()))
            return
        with UnverifiedFile(target) as copy, staged.open("rb") as original:
            while chunk := original.read(CHUNK):
                copy.write(chunk)
            copy.commit(Digest("sha256", file.sha256), 0o755 if file.kind == "755" else 0o644)


def _check_link(file: BundleFile, target: str) -> None:
    inside = os.path.normpath(os.path.join("/x", os.path.dirname(file.path), target))  # noqa: PTH118, PTH120
    if target.startswith("/") or not inside.startswith("/x/"):
        raise UntrustedError(f"{file.path} is a symlink that leaves the project (to {target})")


def _write_link(target: Path, text: str) -> None:
    temporary = target.with_name(f".unverified-{target.name}")
    with explained(target):
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(text)
        temporary.replace(target)


def _mark(file: BundleFile) -> tuple[str, str]:
    return file.kind, file.sha256


def _mark_at(path: Path) -> tuple[str, str] | None:
    if path.is_symlink():
        return "link", Digest.of(os.fsencode(path.readlink())).hex
    if not path.is_file():
        return None
    with explained(path):
        kind = "755" if path.stat().st_mode & 0o111 else "644"
        return kind, hash_file(path).hex
