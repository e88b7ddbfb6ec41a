"""One input's data file as values: templates expanded, `unknown` turned into None.

Owns the form of `data/*.toml` (docs/catalog.md). Pure; files are read in
`kutterlock.catalog.reader`.
"""

import datetime
from collections.abc import Iterator, Mapping
from typing import Any

from kutterlock.catalog.types import (
    CatalogImage,
    CompatibilityRule,
    FactSource,
    KernelNeed,
    KernelOptions,
    Release,
    ReleaseFile,
    Support,
    last_day,
)
from kutterlock.model.digest import Digest
from kutterlock.model.lock import Trust
from kutterlock.model.version import UpstreamVersion

UNKNOWN = "unknown"


def read_release(
    name: str, version: str, entry: Mapping[str, Any], data: Mapping[str, Any]
) -> Release:
    """Read one `[releases."V"]` of an input's file. Raises ValueError, KeyError, TypeError."""
    facts = {key: str(value) for key, value in entry.get("facts", {}).items()}
    templates = data["files"]
    files = [file for role in templates for file in _files(role, templates[role], version, entry)]
    references = entry.get("images", data.get("images", {}).get("references", ()))
    return Release(
        name=name,
        version=UpstreamVersion.parse(version),
        released=entry.get("released"),
        files=tuple(files),
        images=tuple(expand(reference, version, "", facts) for reference in references),
        facts=facts,
    )


def _files(
    role: str, template: Mapping[str, Any], version: str, entry: Mapping[str, Any]
) -> Iterator[ReleaseFile]:
    given = entry.get(role, UNKNOWN)
    for arch in template.get("arches", (None,)):
        text = given.get(arch, UNKNOWN) if isinstance(given, dict) else given
        yield ReleaseFile(
            role=role,
            name=expand(template["name"], version, arch or ""),
            kind=template["kind"],
            url=expand(template["url"], version, arch or ""),
            arch=arch,
            digest=read_digest(text),
            trust=read_trust(role, entry),
            size=entry.get("sizes", {}).get(role),
        )


def expand(text: str, version: str, arch: str, facts: Mapping[str, str] | None = None) -> str:
    """Fill `{version}`, `{major}`, `{arch}` and the release's facts into a template.

    A fact that nobody knows reads `unknown`, so that no image of that name is known by digest.
    """
    if "{" not in text:
        return text
    major = version.partition(".")[0]
    known = {**(facts or {}), "version": version, "major": major, "arch": arch}
    return text.format_map(_OrUnknown(known))


class _OrUnknown(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return UNKNOWN


def read_digest(text: str) -> Digest | None:
    """Read `unknown`, bare sha256 hex, or `algorithm:hex`. Raises ValueError."""
    if text == UNKNOWN:
        return None
    return Digest.parse(text if ":" in text else f"sha256:{text}")


def read_trust(role: str, entry: Mapping[str, Any]) -> Trust:
    """Read how a hash came to be believed: `trust.ROLE = "level: by"`, else the catalog's word."""
    stated = entry.get("trust", {}).get(role)
    if stated is None:
        return Trust(level="catalog", by=", ".join(entry.get("from", ())))
    level, _, by = stated.partition(": ")
    return Trust(level=level, by=by)


def read_support(series: str, data: Mapping[str, Any]) -> Support | None:
    """Read one entry of `[series]`, None where the file has none for it or names no source."""
    entry = data.get("series", {}).get(series)
    if entry is None or "support" not in data:
        return None
    text = str(entry["end-of-life"])
    return Support(
        series=series,
        end=last_day(text),
        text=text,
        long_term=entry.get("long-term", False),
        called=data["support"]["called"],
        source=read_source(data["support"]),
    )


def read_image(reference: str, entry: Mapping[str, Any]) -> CatalogImage:
    """Read one entry of images.toml."""
    return CatalogImage(
        reference=reference,
        digest=read_digest(entry["digest"]),
        trust=read_trust("digest", entry),
        also_seen=tuple(Digest.parse(text) for text in entry.get("also-seen", ())),
    )


def read_rules(data: Mapping[str, Any]) -> tuple[CompatibilityRule, ...]:
    """Read `[rules.*]` of compatibility.toml, in document order."""
    return tuple(
        CompatibilityRule(
            name=name,
            of=entry["of"],
            on=entry["on"],
            kind=entry["kind"],
            demand=entry["demand"],
            source=read_source(entry),
            fact=entry.get("fact", ""),
            exhaustive=entry.get("exhaustive", False),
            table={key: tuple(row) for key, row in entry.get("table", {}).items()},
        )
        for name, entry in data.get("rules", {}).items()
    )


def read_kernel_options(data: Mapping[str, Any]) -> KernelOptions:
    """Read `[kernel-config]` of compatibility.toml."""
    entry = data["kernel-config"]
    return KernelOptions(
        required=tuple(entry["required"]),
        required_cgroup_v1=tuple(entry["required-cgroup-v1"]),
        required_cgroup_v2=tuple(entry["required-cgroup-v2"]),
        optional=tuple(entry["optional"]),
        source=read_source(entry),
    )


def read_kernel_needs(data: Mapping[str, Any]) -> tuple[KernelNeed, ...]:
    """Read `[needs.*]` of kernel.toml, in document order."""
    return tuple(
        KernelNeed(
            name=name,
            why=entry["why"],
            required=tuple(entry["required"]),
            optional=tuple(entry["optional"]),
            source=read_source(entry),
        )
        for name, entry in data["needs"].items()
    )


def read_source(entry: Mapping[str, Any]) -> FactSource:
    """Read where a fact stands."""
    return FactSource(
        repository=entry["repository"],
        path=entry["path"],
        section=entry.get("section", ""),
        commit=entry.get("commit", ""),
    )


def release_entry(release: Release) -> dict[str, Any]:
    """Return a release as its `[releases."V"]` table: `read_release` backwards."""
    entry: dict[str, Any] = {}
    if isinstance(release.released, datetime.date):
        entry["released"] = release.released
    for file in release.files:
        value = file.digest or UNKNOWN
        if file.arch is None:
            entry[file.role] = value
        else:
            entry.setdefault(file.role, {})[file.arch] = value
        if file.digest:
            stated = f"{file.trust.level}: {file.trust.by}"
            entry.setdefault("trust", {})[file.role] = stated
        if file.size is not None:
            entry.setdefault("sizes", {})[file.role] = file.size
    if release.facts:
        entry["facts"] = dict(sorted(release.facts.items()))
    return entry
