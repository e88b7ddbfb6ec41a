"""What a sandbox sees of a board: the tree, copies of overlays, and the generated files.

Everything is laid out below one directory of the caller's and handed over as read-only binds.
Overlays are copied first and hashed as they are copied: nobody can edit what a build reads.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kutterlock.adapters.disk.files import UnverifiedFile, contained, copy_tree, explained
from kutterlock.build import recipe
from kutterlock.build.rendered import RENDERED, rendered_texts
from kutterlock.errors import HashMismatchError, LockError, ManifestError, StaleLockError
from kutterlock.model.digest import Digest
from kutterlock.model.lock import BoardPin, Lock, OverridePin
from kutterlock.model.paths import RelativePath
from kutterlock.model.sandbox.plan import Bind

LARGEST_PATCH = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlays:
    """Copies of a board's overlays, in the order in which Buildroot reads them."""

    names: tuple[str, ...]
    places: Mapping[str, Path]
    digests: Mapping[str, Digest]

    def only(self, names: Iterable[str]) -> "Overlays":
        """Return these overlays for a board that uses `names` of them."""
        return Overlays(names=tuple(names), places=self.places, digests=self.digests)


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """The texts that kutterlock writes for one board, and the local patches of its pins."""

    makefile: str
    defconfig: str
    hashes: Mapping[str, str]
    overrides: Mapping[str, OverridePin]


def copy_overlays(project: Path, names: Iterable[str], target: Path) -> Overlays:
    """Copy `overlays/NAME` of the project below `target`, hashing what is copied.

    Raises LockError naming an overlay that is not there.
    """
    names = tuple(names)
    places: dict[str, Path] = {}
    digests: dict[str, Digest] = {}
    for name in names:
        source = contained(project, RelativePath(f"overlays/{name}"))
        if not (source / "external.desc").is_file():
            raise LockError(
                f"overlay {name!r} is missing: there is no {source / 'external.desc'}",
                hint="put the external tree there, or take the overlay out of kutter.toml",
            )
        places[name] = target / name
        with explained(places[name]):
            places[name].mkdir(parents=True)
        digests[name] = copy_tree(source, places[name])
    return Overlays(names=names, places=places, digests=digests)


def check_overlays(overlays: Overlays, locked: Mapping[str, Digest]) -> None:
    """Compare copies with the lock. Raises StaleLockError naming each that differs."""
    differing = [
        f"overlays.{name}: the lock has {locked.get(name, 'nothing')}, found {digest}"
        for name, digest in sorted(overlays.digests.items())
        if locked.get(name) != digest
    ]
    if differing:
        raise StaleLockError(
            "overlays changed since kutter.lock was written",
            details=differing,
            hint="run `kutterlock resolve`, or take back the change",
        )


def board_defconfig(tree: Callable[[], Path], overlays: Overlays, name: str) -> str:
    """Return the text of a board's defconfig; the last overlay that has it wins, then the tree.

    That order is Buildroot's own. `tree` is only asked for when no overlay has it. Raises
    ManifestError listing where it was looked for.
    """
    path = RelativePath(f"configs/{name}")
    for overlay in reversed(overlays.names):
        if (found := contained(overlays.places[overlay], path)).is_file():
            return _read_text(found)
    if (found := contained(tree(), path)).is_file():
        return _read_text(found)
    raise ManifestError(
        f"no defconfig {name!r} in {', '.join([*reversed(overlays.names), 'Buildroot'])}",
        hint="boards.NAME.defconfig names a file in the configs/ folder of an overlay",
    )


def lay_out(
    directory: Path,
    *,
    tree: Path,
    overlays: Overlays,
    generated: Generated,
    project: Path,
    downloads: Mapping[RelativePath, Path] | None = None,
) -> tuple[Bind, ...]:
    """Write everything below `directory` and return the binds for it, all read-only.

    `downloads` maps paths below Buildroot's download directory to verified files, which are hard
    linked where the file system allows.
    """
    _write(directory / "kutter.mk", generated.makefile)
    _write(directory / "defconfig", generated.defconfig)
    _write_hashes(directory / "hashes", generated.hashes)
    _copy_patches(directory / "hashes", generated.overrides, project)
    fill_downloads(directory / "dl", downloads or {})
    return (
        Bind(source=str(tree), target=recipe.TREE),
        *(
            Bind(source=str(overlays.places[name]), target=recipe.overlay_path(name))
            for name in overlays.names
        ),
        Bind(source=str(directory / "dl"), target=recipe.DOWNLOADS),
        Bind(source=str(directory / "hashes"), target=recipe.HASHES),
        Bind(source=str(directory / "kutter.mk"), target=recipe.MAKEFILE),
        Bind(source=str(directory / "defconfig"), target=recipe.DEFCONFIG),
    )


def fill_downloads(directory: Path, downloads: Mapping[RelativePath, Path]) -> None:
    """Make the view that Buildroot takes for its download directory.

    Each folder in it has the `.lock` that Buildroot wants to flock: it cannot make one itself in a
    read-only place.
    """
    with explained(directory):
        directory.mkdir(parents=True, exist_ok=True)
        for path, blob in sorted(downloads.items()):
            place = directory / path
            place.parent.mkdir(parents=True, exist_ok=True)
            (place.parent / ".lock").touch()
            _link_or_copy(blob, place)


def inputs_from_lock(
    lock: Lock,
    board: BoardPin,
    directory: Path,
    *,
    tree: Path,
    project: Path,
    blob: Callable[[Digest], Path],
) -> tuple[Bind, ...]:
    """Lay out everything that `lock` says `board` needs, below the new folder `directory`.

    `tree` is Buildroot's unpacked and checked tree, `blob` finds verified files in the store.
    """
    overlays = copy_overlays(project, board.overlays, directory / "overlays")
    check_overlays(overlays, lock.overlays)
    sources = [lock.sources[key] for key in board.sources]
    generated = Generated(
        makefile=recipe.makefile_text(versions_of(lock, board), board.overlays),
        defconfig=recipe.defconfig_text(
            board_defconfig(lambda: tree, overlays, board.defconfig),
            linux=lock.inputs["linux"].version if "linux" in lock.inputs else None,
            kind=lock.environment.kind,
        ),
        hashes=recipe.hash_texts(sources),
        overrides=lock.overrides,
    )
    binds = lay_out(
        directory, tree=tree, overlays=overlays, generated=generated, project=project,
        downloads={source.path: blob(source.digest) for source in sources},
    )  # fmt: skip
    texts = rendered_texts(lock, board, lambda pin: _read_text(blob(pin.digest)))
    return (*binds, *_rendered(directory / "rendered", texts))


def _rendered(directory: Path, texts: Mapping[str, str]) -> tuple[Bind, ...]:
    for name, text in texts.items():
        _write(directory / name, text)
    return (Bind(source=str(directory), target=RENDERED),) if texts else ()


def versions_of(lock: Lock, board: BoardPin) -> recipe.Versions:
    """Return what the generated makefile of `board` says."""
    return recipe.Versions(
        arch=board.arch,
        inputs={name: pin.version for name, pin in lock.inputs.items()},
        overrides=lock.overrides,
    )


def _read_text(path: Path) -> str:
    with explained(path):
        return path.read_text(encoding="utf-8", errors="surrogateescape")


def _write(path: Path, text: str) -> None:
    """Write a file of our own in a directory that nobody else sees yet; nothing to sync."""
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        path.chmod(0o644)


def _write_hashes(directory: Path, hashes: Mapping[str, str]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in hashes.items():
        _write(directory / name / f"{name}.hash", text)


def _copy_patches(directory: Path, overrides: Mapping[str, OverridePin], project: Path) -> None:
    """Copy and number the patches: Buildroot applies a folder's in the order of their names."""
    for name, pin in overrides.items():
        for number, (path, digest) in enumerate(pin.patches, 1):
            place = directory / name / f"{number:04d}-{path.name.removesuffix('.patch')}.patch"
            place.parent.mkdir(parents=True, exist_ok=True)
            _copy_patch(contained(project, path), place, digest, f"packages.{name}.patches")


def _copy_patch(source: Path, place: Path, digest: Digest, key: str) -> None:
    with explained(source), source.open("rb") as file:
        data = file.read(LARGEST_PATCH + 1)
    if Digest.of(data, digest.algorithm) != digest:
        raise HashMismatchError(
            f"{key}: {source} is not the patch that was pinned",
            details=[f"expected {digest}", f"got      {Digest.of(data, digest.algorithm)}"],
            hint="run `kutterlock resolve`, or take back the change",
        )
    with UnverifiedFile(place) as copy:
        copy.write(data)
        copy.commit(digest)


def part_from_store(directory: Path) -> None:
    """Make the download view of `directory` copies: where no sandbox keeps a build from writing."""
    for path in (directory / "dl").rglob("*"):
        if path.is_file() and path.stat().st_nlink > 1:
            data = path.with_name(f".copy-{path.name}")
            shutil.copyfile(path, data)
            data.replace(path)


def _link_or_copy(blob: Path, place: Path) -> None:
    try:
        os.link(blob, place)
    except OSError:
        shutil.copyfile(blob, place)
        place.chmod(0o444)
