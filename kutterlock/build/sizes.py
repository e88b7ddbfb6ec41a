"""Measures what a build installed, by package: `sizes.json` beside an output's files."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kutterlock.adapters.disk.files import explained
from kutterlock.errors import UsageError
from kutterlock.model.buildroot.sizes import installed_sizes
from kutterlock.model.encoding.strict_json import read_object, write_document

SIZES_NAME = "sizes.json"
FILE_LIST = "build/packages-file-list.txt"
LARGEST = 16 << 20


def measure(out: Path) -> bytes:
    """Return the document for Buildroot's output directory `out`; links count nothing."""
    path = out / FILE_LIST
    text = path.read_text("utf-8", "replace") if path.is_file() else ""
    packages = installed_sizes(text, dict(_files(out / "target")))
    return write_document({"packages": packages})


def read_sizes(directory: Path) -> dict[str, int]:
    """Return bytes by package of an output, the largest first.

    Raises UsageError where it was not measured.
    """
    path = directory / SIZES_NAME
    if not path.is_file():
        raise UsageError(
            f"{directory} was not measured: there is no {SIZES_NAME}",
            hint="name an output that this version built: `kutterlock build --board B`",
        )
    with explained(path), path.open("rb") as file:
        data: Any = read_object(file.read(LARGEST), str(path), UsageError)
    sizes = [(str(name), int(size)) for name, size in data["packages"].items()]
    return dict(sorted(sizes, key=lambda item: (-item[1], item[0])))


def _files(target: Path) -> Iterator[tuple[str, int]]:
    for folder, _, names in os.walk(target):
        for name in names:
            path = Path(folder) / name
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(target).as_posix(), path.stat().st_size
