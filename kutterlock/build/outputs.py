"""Output directories: named by their derivation, there whole or not at all.

    <output root>/<derivation>-<board>/   manifest.json derivation.json build.json build.log files/
    <output root>/<board>                 a symlink to the newest output of a board

Everything is gathered in `.unverified-*` beside it and renamed at the end.
"""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kutterlock.adapters.disk.files import (
    UnverifiedFile,
    explained,
    hash_file,
    open_document,
    remove_tree,
    write_atomically,
)
from kutterlock.adapters.disk.staging import staging
from kutterlock.errors import BuildError, HashMismatchError, KutterError
from kutterlock.model.derivation import Derivation
from kutterlock.model.digest import Digest
from kutterlock.model.encoding.strict_json import LARGEST, read_object
from kutterlock.model.output import (
    DERIVATION_NAME,
    FILES_NAME,
    MANIFEST_NAME,
    RECORD_NAME,
    OutputFile,
    OutputManifest,
    parse_output_manifest,
)
from kutterlock.model.paths import RelativePath

COPY_CHUNK = 1 << 20


def find_output(root: Path, derivation: Derivation) -> OutputManifest | None:
    """Return the manifest of a finished output, None when there is none or it is incomplete.

    Checks that every file is there in its size; `verify output` re-hashes.
    """
    directory = root / derivation.directory_name
    try:
        manifest = read_output(directory)
        sizes = [(directory / FILES_NAME / f.path).stat().st_size for f in manifest.files]
    except (OSError, KutterError):
        return None
    return manifest if sizes == [file.size for file in manifest.files] else None


def adopt_output(directory: Path, manifest: OutputManifest, lock: Digest) -> OutputManifest:
    """Say that the output is of this lock: the same derivation under another lock is the same.

    What was signed of it under the other lock has to be signed again.
    """
    if manifest.lock == lock:
        return manifest
    adopted = replace(manifest, lock=lock)
    write_atomically(directory / MANIFEST_NAME, adopted.to_bytes())
    return adopted


def read_output(directory: Path) -> OutputManifest:
    """Read an output's manifest. Raises KutterError when it is not one."""
    path = directory / MANIFEST_NAME
    try:
        with open_document(path) as file:
            return parse_output_manifest(file.read())
    except OSError as error:
        raise KutterError(
            f"{directory} is not an output: {path.name} cannot be read ({error.strerror})",
            hint="name a directory that `kutterlock build` printed",
        ) from error


def read_record(directory: Path) -> Mapping[str, Any] | None:
    """Read an output's record of its build, None where there is none that can be read."""
    try:
        with open_document(directory / RECORD_NAME) as file:
            return read_object(file.read(LARGEST + 1), RECORD_NAME)
    except (OSError, KutterError):
        return None


def is_development_build(directory: Path) -> bool:
    """Whether an output's record does not say that it was built from a verified lock."""
    record = read_record(directory)
    return record is None or record.get("unsigned") is not False


def verify_output(directory: Path) -> OutputManifest:
    """Re-hash every file of an output. Raises HashMismatchError naming each that is wrong."""
    manifest = read_output(directory)
    faults = []
    for file in manifest.files:
        path = directory / FILES_NAME / file.path
        if not path.is_file() or path.is_symlink():
            faults.append(f"{file.path}: missing")
        elif (found := hash_file(path)) != file.digest:
            faults.append(f"{file.path}: expected {file.digest}, found {found}")
    surplus = _surplus(directory / FILES_NAME, {str(file.path) for file in manifest.files})
    faults += [f"{name}: not in the manifest" for name in surplus]
    if faults:
        raise HashMismatchError(
            f"{directory} is not what was built", details=faults, hint="build it again: --rebuild"
        )
    return manifest


def gather(images: Path, wanted: Sequence[str], target: Path) -> tuple[OutputFile, ...]:
    """Copy the wanted files (all, when none is named) out of Buildroot's images directory.

    Raises BuildError naming wanted files that the build did not make.
    """
    names = list(wanted) or sorted(_names(images))
    missing = [name for name in names if not (images / name).is_file()]
    if missing or not names:
        raise BuildError(
            "the build ended well but did not make what the manifest asks for",
            details=missing or ["images/ is empty"],
            hint="correct `outputs` of the board in kutter.toml, or its defconfig",
        )
    return tuple(_copy(images, RelativePath(name), target) for name in names)


@contextlib.contextmanager
def staged(root: Path, name: str) -> Iterator[Path]:
    """Yield an empty directory that becomes `root/name` when the block succeeds."""
    with staging(root) as directory:
        with explained(root):
            (directory / FILES_NAME).mkdir()
        yield directory
        with explained(root):
            remove_tree(root / name)
            directory.rename(root / name)


@contextlib.contextmanager
def held(root: Path, derivation: Derivation) -> Iterator[bool]:
    """Hold the derivation: one build of it at a time. Yields True when another had to be awaited.

    The kernel drops the lock when its holder dies, however it dies.
    """
    with explained(root):
        root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(root / f".{derivation.directory_name}.lock", os.O_CREAT | os.O_RDWR)
    try:
        waited = not _try_lock(descriptor)
        if waited:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield waited
    finally:
        os.close(descriptor)


def write_documents(staging: Path, derivation: Derivation, manifest: OutputManifest) -> None:
    """Write what describes the output beside its files."""
    write_atomically(staging / DERIVATION_NAME, derivation.to_bytes())
    write_atomically(staging / MANIFEST_NAME, manifest.to_bytes())


def point_at(root: Path, board: str, directory: str) -> None:
    """Make `root/board` a symlink to the newest output."""
    with staging(root) as work, explained(root):
        link = work / board
        link.symlink_to(directory)
        link.replace(root / board)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _copy(images: Path, path: RelativePath, target: Path) -> OutputFile:
    final = target / path
    final.parent.mkdir(parents=True, exist_ok=True)
    with UnverifiedFile(final) as file, (images / path).open("rb") as made:
        shutil.copyfileobj(made, file, COPY_CHUNK)
        file.commit()
    return OutputFile(path=path, size=file.size, digest=file.digest)


def _names(images: Path) -> Iterator[str]:
    for directory, _, files in os.walk(images):
        for name in files:
            path = Path(directory) / name
            if not path.is_symlink():
                yield str(path.relative_to(images))


def _surplus(files: Path, known: set[str]) -> list[str]:
    return sorted(set(_names(files)) - known)
