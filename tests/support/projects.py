"""A project with nothing but a lock: what fetching and verifying work on."""

from collections.abc import Mapping
from pathlib import Path

from kutterlock.adapters.tomlfile import write_lock
from kutterlock.model.lock import EnvironmentPin, Lock
from kutterlock.model.paths import RelativePath
from tests.support import samples


def lock_of(files: Mapping[str, bytes], base: str) -> Lock:
    """Pin `files`, by path in the download directory; each is at `base` + `/` + path."""
    lock = samples.lock()
    sources = {}
    for path, data in files.items():
        pin = samples.source(path, data=data)
        sources[path] = pin._replace(path=RelativePath(path), urls=(f"{base}/{path}",))
    names = tuple(sorted(sources))
    board = lock.boards["pc"]._replace(sources=names, images=())
    return lock._replace(
        sources=sources,
        buildroot=names[0],
        boards={"pc": board},
        images={},
        environment=EnvironmentPin(kind="host", architecture="amd64"),
    )


def write_project(directory: Path, files: Mapping[str, bytes], base: str) -> Path:
    """Write `kutter.lock` for `files` into `directory`, and return it."""
    directory.mkdir(parents=True, exist_ok=True)
    write_lock(directory / "kutter.lock", lock_of(files, base))
    return directory
