"""A project whose lock names given files: what the benchmarks of the store work on."""

import datetime
from collections.abc import Sequence
from pathlib import Path

from kutterlock.adapters.files import hash_file
from kutterlock.adapters.tomlfile import write_lock
from kutterlock.model.digest import Digest
from kutterlock.model.lock import BoardPin, EnvironmentPin, Lock, SourcePin, Trust
from kutterlock.model.paths import RelativePath


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
