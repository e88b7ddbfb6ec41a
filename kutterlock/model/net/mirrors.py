"""Mirrors: which places stand in for a URL, in the order in which they are tried.

A mirror never changes a lock: it is asked first, and digests decide. Rewriting is by URL prefix,
the longest first; the empty prefix stands for every URL and keeps `HOST/PATH` as the rest. A `*`
in a prefix stands for one path segment: snapshots have their time in the middle of the URL.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from kutterlock.model.net.urls import file_name, redacted
from kutterlock.model.paths import RelativePath


@dataclass(frozen=True, slots=True)
class Place:
    """One place to look: a URL, or a file. `named` says that the user named it as a mirror."""

    where: str | Path
    named: bool = False

    def __str__(self) -> str:
        return str(self.where) if isinstance(self.where, Path) else redacted(self.where)


def parse_mirror(text: str) -> tuple[str, str]:
    """Read `PREFIX=REPLACEMENT`, or a plain directory or URL that stands for every URL."""
    prefix, equals, replacement = text.partition("=")
    if not equals or not prefix.startswith(("http://", "https://")):
        prefix, replacement = "", text
    if not replacement.startswith(("http://", "https://", "file:///", "/")):
        raise ValueError(f"mirror {text!r} is neither an http(s) or file URL nor an absolute path")
    return prefix, replacement


def places(url: str, mirrors: Mapping[str, tuple[str, ...]], *, by_name: bool) -> tuple[Place, ...]:
    """Return the mirrors of `url`, then `url` itself.

    With `by_name` (right only where a digest decides) a directory that stands for every URL may
    also hold the file under its bare name.
    """
    found = list(_mirrors_of(url, mirrors, by_name=by_name))
    return tuple(dict.fromkeys([*found, Place(url)]))


def _mirrors_of(
    url: str, mirrors: Mapping[str, tuple[str, ...]], *, by_name: bool
) -> Iterator[Place]:
    for prefix in sorted(mirrors, key=len, reverse=True):
        rest = _rest(url, prefix)
        if rest is None:
            continue
        for replacement in mirrors[prefix]:
            if replacement.startswith(("http://", "https://")):
                yield Place(joined(replacement, rest, cut=prefix), named=True)
            else:
                yield from _files(replacement, rest)
                if by_name and not prefix:
                    yield from _files(replacement, file_name(url))


def _rest(url: str, prefix: str) -> str | None:
    """Return what follows a prefix, None when the URL does not have it."""
    if not prefix:
        return url.partition("://")[2]
    match = re.match("[^/]+".join(map(re.escape, prefix.split("*"))), url)
    return url[match.end() :] if match else None


def joined(replacement: str, rest: str, *, cut: str) -> str:
    """Put `rest` after a replacement, minding the slash that a prefix without one leaves."""
    if cut.endswith("/") or not cut:
        return replacement.rstrip("/") + "/" + rest
    return replacement + rest


def _files(replacement: str, rest: str) -> Iterator[Place]:
    root = directory(replacement)
    try:
        yield Place(root / RelativePath(unquote(rest.partition("?")[0]).lstrip("/")), named=True)
    except ValueError:
        return


def directory(text: str) -> Path:
    """Return the directory that a `file://` URL or a path means."""
    return Path(unquote(urlsplit(text).path)) if text.startswith("file://") else Path(text)
