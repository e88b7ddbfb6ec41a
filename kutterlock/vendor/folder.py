"""A plain folder as a mirror: where in it a wanted file may lie.

Names only propose; the digest decides. A folder may be laid out like a download directory, like
a copy of a web site (with or without the host's name), flat, as a store, or as an OCI layout.
"""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from kutterlock.adapters.disk.store import blob_path
from kutterlock.model.paths import RelativePath
from kutterlock.vendor.wants import Want


def candidates(folder: Path, want: Want) -> Iterator[Path]:
    """Yield the regular files of `folder` that may be the wanted one, the likeliest first."""
    digest = want.digest
    layout = folder / "blobs" / digest.algorithm / digest.hex
    yield from filter(Path.is_file, (blob_path(folder, digest), layout))
    for name in dict.fromkeys(_names(want)):
        path = folder / name
        if path.is_file():
            yield path


def _names(want: Want) -> Iterator[RelativePath]:
    for text in (want.name, *map(_url_path, want.urls)):
        parts = text.split("/")
        for start in range(len(parts)):
            try:
                yield RelativePath("/".join(parts[start:]))
            except ValueError:
                continue


def _url_path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname or ''}{unquote(parts.path)}"
