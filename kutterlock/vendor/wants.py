"""What a lock asks to be fetched: one want a file, with every place that may have it."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import quote

from kutterlock.model.digest import Digest
from kutterlock.model.lock import Lock, SourcePin

BUILDROOT_MIRROR = "https://sources.buildroot.net/"
"""BR2_BACKUP_SITE's default: every file that a Buildroot release downloads, by download path."""


LARGEST = 16 << 30
"""Bound of a file whose size only its server tells, in bytes."""


class Want(NamedTuple):
    """One file: its digest decides; `urls` are hints, tried in order.

    `name` is its path in Buildroot's download directory, or in its Debian archive, or says which
    part of an image it is. `size` is in bytes, where a catalog, a descriptor or an earlier answer
    told it; where nobody did, `limit` bounds it.
    """

    digest: Digest
    name: str
    urls: tuple[str, ...] = ()
    size: int | None = None
    limit: int = LARGEST


def wants_of(lock: Lock, boards: Iterable[str] | None = None) -> tuple[Want, ...]:
    """Return the sources and packages of `boards` (default: all), each file once, by name."""
    names = sorted(lock.boards) if boards is None else list(boards)
    pins = [pin for name in names for pin in lock.sources_of(lock.board(name))]
    environment = lock.environment
    packages = (
        Want(digest=package.digest, name=package.path, urls=(environment.url(package),))
        for package in environment.packages
    )
    wants = distinct([*map(_source_want, pins), *packages])
    return tuple(sorted(wants, key=lambda want: (want.name, want.digest)))


def distinct(wants: Iterable[Want]) -> tuple[Want, ...]:
    """Make one want of all for the same bytes: the first one's name, and every URL."""
    found: dict[Digest, Want] = {}
    for want in wants:
        first = found.setdefault(want.digest, want)
        if first is not want:
            urls = tuple(dict.fromkeys((*first.urls, *want.urls)))
            size = want.size if first.size is None else first.size
            found[want.digest] = first._replace(urls=urls, size=size)
    return tuple(found.values())


def by_name(want: Want) -> tuple[str, str]:
    """Return the key by which lists are sorted."""
    return want.name, want.digest


def sized(wants: Iterable[Want], sizes: Mapping[str, int]) -> list[Want]:
    """Fill in sizes that are known by digest; what a want says itself counts more."""
    return [
        want._replace(size=sizes.get(want.digest)) if want.size is None else want for want in wants
    ]


def _source_want(pin: SourcePin) -> Want:
    backup = BUILDROOT_MIRROR + quote(pin.path, safe="/+~")
    urls = pin.urls if backup in pin.urls else (*pin.urls, backup)
    return Want(digest=pin.digest, name=pin.path, urls=urls)
