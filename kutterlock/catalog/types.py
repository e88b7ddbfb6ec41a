"""What the catalog knows, as values: releases, their files, images, support, rules.

Pure. An unknown hash is `digest=None`; the data files spell it `unknown`. How these are read and
merged is in `kutterlock.catalog.reader`.
"""

import calendar
import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from kutterlock.model.digest import Digest
from kutterlock.model.lock import Trust
from kutterlock.model.version import UpstreamVersion

NO_FACTS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseFile:
    """One file of a release. `role` names its template, such as `binary`, `tag` or `kubeadm`.

    `kind` is `binary`, `source` or `manifest`; `arch` is `amd64`, `arm64` or None for all; `size`
    is in bytes; `digest` is None where no source gave the hash.
    """

    role: str
    name: str
    kind: str
    url: str
    arch: str | None = None
    digest: Digest | None = None
    trust: Trust = field(default_factory=lambda: Trust(level="catalog"))
    size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One version of an input. `images` are references; `facts` are small texts about it."""

    name: str
    version: UpstreamVersion
    released: datetime.date | None = None
    files: tuple[ReleaseFile, ...] = ()
    images: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=lambda: NO_FACTS)

    def file(self, role: str, arch: str | None = None) -> ReleaseFile | None:
        """Return the file of a role (and architecture), or None."""
        for file in self.files:
            if file.role == role and file.arch in (arch, None):
                return file
        return None

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogImage:
    """One image reference and the digest of its index, None where unknown.

    `also_seen` are other digests under which upstream published the same tag.
    """

    reference: str
    digest: Digest | None
    trust: Trust = field(default_factory=lambda: Trust(level="catalog"))
    also_seen: tuple[Digest, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FactSource:
    """Where a fact stands: repository, path, section and commit, each as far as recorded."""

    repository: str
    path: str
    section: str = ""
    commit: str = ""

    def __str__(self) -> str:
        owner, _, name = self.repository.rpartition("/")
        if name in ("release", "website"):  # says nothing without its owner
            name = f"{owner.rpartition('/')[2]}/{name}"
        section = f' "{self.section}"' if self.section else ""
        return f"{name} {self.path}{section}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """How long a series is supported: `end` is its last day, `text` is `end` as published."""

    series: str
    end: datetime.date | None
    text: str
    long_term: bool
    called: str
    source: FactSource

    def has_ended(self, as_of: datetime.date) -> bool:
        """Whether support was over on that day; an unknown end has not come."""
        return self.end is not None and as_of > self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class CompatibilityRule:
    """What input `of` asks of input `on`. docs/catalog.md lists the kinds.

    `table` maps a series of `of` (or `*`) to texts whose meaning is the kind's; `fact` names the
    fact of a release that the kind reads; an `exhaustive` table refuses what it has no row for.
    """

    name: str
    of: str
    on: str
    kind: str
    demand: str
    source: FactSource
    fact: str = ""
    table: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    exhaustive: bool = False

    def row(self, version: UpstreamVersion) -> tuple[str, ...]:
        """Return the table's row for a version of `of`, empty where it has none."""
        return self.table.get(version.series, self.table.get("*", ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelOptions:
    """Options that kubeadm's check looks for, without `CONFIG_`; `A|B` is either."""

    required: tuple[str, ...]
    required_cgroup_v1: tuple[str, ...]
    required_cgroup_v2: tuple[str, ...]
    optional: tuple[str, ...]
    source: FactSource


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelNeed:
    """What one program asks of the kernel; options as in `KernelOptions`, `why` in a line."""

    name: str
    why: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    source: FactSource


def last_day(text: str) -> datetime.date | None:
    """Read `2028-04-30`, `2028-04` (its last day) or `unknown`. Raises ValueError."""
    if text == "unknown":
        return None
    if len(text) == len("2028-04"):
        year, month = int(text[:4]), int(text[5:])
        return datetime.date(year, month, calendar.monthrange(year, month)[1])
    return datetime.date.fromisoformat(text)
