"""A project whose lock names given files: what the benchmarks of the store work on."""

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path

from kutterlock.adapters.disk.files import hash_file
from kutterlock.adapters.disk.store import Store
from kutterlock.adapters.tomlfile import read_manifest, write_lock
from kutterlock.model.digest import Digest
from kutterlock.model.lock import BoardPin, EnvironmentPin, ImagePin, Lock, SourcePin, Trust
from kutterlock.model.paths import RelativePath

NOTHING = b"the one source of a lock about images"


def write_images_project(directory: Path, digests: Mapping[str, str]) -> Lock:
    """Write `kutter.lock` for images by reference, with one source that is `NOTHING`."""
    directory.mkdir(parents=True)
    file = directory / "nothing-1.tar"
    file.write_bytes(NOTHING)
    plain = write_project(directory, [file], "https://upstream.example/")
    images = {
        reference: ImagePin(
            reference=reference,
            digest=Digest.parse(digest),
            platforms=("linux/amd64",),
            needed_by="bench",
            trust=Trust(level="catalog"),
        )
        for reference, digest in sorted(digests.items())
    }
    boards = {name: board._replace(images=tuple(images)) for name, board in plain.boards.items()}
    lock = plain._replace(images=images, boards=boards)
    write_lock(directory / "kutter.lock", lock)
    return lock


def write_current_project(
    directory: Path, files: Sequence[Path], url: str = "https://upstream.invalid/"
) -> Lock:
    """Write a manifest, too, and a lock that is what it asks for."""
    lock = write_project(directory, files, url)
    manifest = directory / "kutter.toml"
    manifest.write_text('[project]\nname = "bench"\n[inputs]\nbuildroot = "*"\n')
    current = lock._replace(meaning=read_manifest(manifest).meaning())
    write_lock(directory / "kutter.lock", current)
    return current


def fill_store(root: Path, lock: Lock, files: Sequence[Path]) -> None:
    """Take the files that a lock names into a store."""
    store = Store(root)
    by_name = {pin.path.name: pin.digest for pin in lock.sources.values()}
    for path in files:
        store.add_file(path, by_name[path.name])


def write_project(directory: Path, files: Sequence[Path], url: str) -> Lock:
    """Write `kutter.lock` for `files`, each at `url` + its name."""
    directory.mkdir(parents=True, exist_ok=True)
    sources = {}
    for path in files:
        key = RelativePath(f"{path.name.rpartition('-')[0]}/{path.name}")
        sources[str(key)] = SourcePin(
            key=key,
            path=key,
            digest=hash_file(path),
            urls=(url + path.name,),
            trust=Trust(level="checksum", by="bench"),
            packages=(path.name.rpartition("-")[0],),
        )
    board = BoardPin(
        name="pc",
        arch="x86_64",
        defconfig="pc_defconfig",
        overlays=(),
        config=Digest.of(b"config"),
        packages={},
        sources=tuple(sorted(sources)),
        images=(),
        outputs=("disk.img",),
    )
    lock = Lock(
        project="bench",
        project_version="1",
        as_of=datetime.date(2026, 8, 22),
        source_date_epoch=1784143200,
        meaning={},
        inputs={},
        overlays={},
        buildroot=min(sources),
        overrides={},
        sources=sources,
        images={},
        boards={"pc": board},
        environment=EnvironmentPin(kind="host", architecture="amd64"),
    )
    write_lock(directory / "kutter.lock", lock)
    return lock
