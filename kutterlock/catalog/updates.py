"""What was learnt from live upstreams, as data files of the catalog's own form.

Pure but for reading what an earlier update left. Nothing is returned unless all of it agrees with
what the catalog knows: a contradiction raises before a byte is written.
"""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import tomli_w

from kutterlock.catalog.entries import UNKNOWN, release_entry
from kutterlock.catalog.merge import merge_images, merge_input
from kutterlock.catalog.reader import Catalog, read_data
from kutterlock.catalog.types import CatalogImage, Release

HEADER = (
    "# Written by `kutterlock catalog update`. Remove the directory to forget what it learnt.\n\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportNews:
    """The end of a series as published now: a date, `YYYY-MM`, or `unknown`."""

    name: str
    series: str
    end: str
    long_term: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What upstreams said on one day."""

    date: datetime.date
    releases: tuple[Release, ...] = ()
    images: tuple[CatalogImage, ...] = ()
    support: tuple[SupportNews, ...] = ()


def updated_files(catalog: Catalog, findings: Findings) -> dict[str, bytes]:
    """Return the overlay's files by name, earlier updates included, in the order to be written.

    The date is the last: it vouches for what the others say.
    Raises HashMismatchError when a finding contradicts the shipped facts or an earlier update.
    """
    tables: dict[str, dict[str, Any]] = {}
    names = {release.name for release in findings.releases}
    for name in sorted(names | {item.name for item in findings.support}):
        news = _input_news(catalog, name, findings)
        merge_input(name, read_data(catalog.directory / f"{name}.toml"), news)
        tables[name] = merge_input(name, _earlier(catalog, name), news)
    if findings.images:
        news = {"images": {image.reference: _image_entry(image) for image in findings.images}}
        merge_images(read_data(catalog.directory / "images.toml"), news)
        tables["images"] = merge_images(_earlier(catalog, "images"), news)
    tables["catalog"] = {"date": findings.date}
    return {f"{name}.toml": _bytes(table) for name, table in tables.items()}


def _earlier(catalog: Catalog, name: str) -> Mapping[str, Any]:
    path = None if catalog.updates is None else catalog.updates / f"{name}.toml"
    return read_data(path) if path is not None and path.exists() else {}


def _input_news(catalog: Catalog, name: str, findings: Findings) -> dict[str, Any]:
    releases = sorted(
        (release for release in findings.releases if release.name == name),
        key=lambda release: release.version,
        reverse=True,
    )
    return {
        "releases": {release.version.text: _entry(catalog, release) for release in releases},
        "series": dict(_series(item for item in findings.support if item.name == name)),
    }


def _entry(catalog: Catalog, release: Release) -> dict[str, Any]:
    entry = release_entry(release)
    if release.images != catalog.blank(release.name, release.version.text, release.facts).images:
        entry["images"] = list(release.images)
    return entry


def _series(news: Iterable[SupportNews]) -> Iterable[tuple[str, dict[str, Any]]]:
    for item in news:
        long_term = {"long-term": True} if item.long_term else {}
        yield item.series, {**long_term, "end-of-life": item.end}


def _image_entry(image: CatalogImage) -> dict[str, Any]:
    if image.digest is None:
        return {"digest": UNKNOWN}
    stated = f"{image.trust.level}: {image.trust.by}"
    return {"digest": image.digest, "trust": {"digest": stated}}


def _bytes(table: Mapping[str, Any]) -> bytes:
    return (HEADER + tomli_w.dumps(table)).encode()
