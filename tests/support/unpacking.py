"""Unpacking what a test has made or pinned, on every Python that the project runs on."""

import tarfile
from pathlib import Path


def unpack(path: Path, directory: Path) -> None:
    """Unpack a tar; members that could leave the directory are refused where Python can do that."""
    with tarfile.open(path) as archive:
        # Not the parameter `filter`: 3.11 has it from 3.11.4 on.
        archive.extraction_filter = getattr(tarfile, "tar_filter", None)
        archive.extractall(directory)
