"""What may go into a lock: rules about one release, and rules between two.

Pure. Every judgement is None (no objection) or a sentence fit for the lock and for an error. The
facts and their sources are the catalog's; this module only knows how each kind of rule is read.
"""

import datetime
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from kutterlock.catalog.reader import Catalog
from kutterlock.catalog.types import CompatibilityRule, Release, ReleaseFile
from kutterlock.model.version import UpstreamVersion

PRE_RELEASE = "pre-release"
END_OF_LIFE = "end-of-life"
DIGEST_KNOWN = "digest-known"
FACTS_KNOWN = "facts-known"

NEEDED_FACTS = MappingProxyType({"buildroot": ("commit", "epoch", "headers")})
"""Without these a release cannot be judged: its commit time is the build's SOURCE_DATE_EPOCH."""

SHOWN = 3
"""How many names a reason lists before it says `and N more`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What a release is judged against, beside the catalog.

    `arches` are `amd64` and `arm64` as boards need them; `archive` is the form in which Buildroot
    is taken (`tag` or `release`); `built_from_source` names inputs whose binaries Buildroot makes.
    """

    as_of: datetime.date
    arches: tuple[str, ...] = ("amd64", "arm64")
    archive: str = "tag"
    allow_end_of_life: frozenset[str] = frozenset()
    built_from_source: frozenset[str] = frozenset()
    needs_images: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """A rule's name and what it says against a release."""

    rule: str
    reason: str


def matches(specifier: SpecifierSet, version: UpstreamVersion) -> bool:
    """Whether a version is among those that a specifier names, pre-releases included."""
    return specifier.contains(version.key, prereleases=True)


def object_to(
    release: Release, specifier: SpecifierSet, catalog: Catalog, conditions: Conditions
) -> Objection | None:
    """Judge one release by itself."""
    if release.version.key.is_prerelease and not _names_pre_release(specifier):
        hint = f"a specifier that names it, such as '=={release.version}', takes it"
        return Objection(rule=PRE_RELEASE, reason=f"a pre-release; {hint}")
    return (
        _end_of_life(release, catalog, conditions)
        or _unknown_facts(release)
        or _unknown_digest(release, catalog, conditions)
    )


def _names_pre_release(specifier: SpecifierSet) -> bool:
    for part in specifier:
        try:
            if Version(part.version.removesuffix(".*")).is_prerelease:
                return True
        except InvalidVersion:
            continue
    return False


def _end_of_life(release: Release, catalog: Catalog, conditions: Conditions) -> Objection | None:
    if release.name in conditions.allow_end_of_life:
        return None
    ended = ended_support(release, catalog, conditions.as_of)
    return Objection(rule=END_OF_LIFE, reason=ended) if ended else None


def ended_support(release: Release, catalog: Catalog, as_of: datetime.date) -> str:
    """Say that a release's series had ended by that day, and whose word that is; else ''."""
    support = catalog.support_of(release)
    if support is None or not support.has_ended(as_of):
        return ""
    return f"{support.called} {support.series} ended {support.text} ({support.source})"


def _unknown_facts(release: Release) -> Objection | None:
    missing = [fact for fact in NEEDED_FACTS.get(release.name, ()) if fact not in release.facts]
    if not missing:
        return None
    return Objection(rule=FACTS_KNOWN, reason=f"the catalog does not know its {_listed(missing)}")


def _unknown_digest(release: Release, catalog: Catalog, conditions: Conditions) -> Objection | None:
    unknown = [file.name for file in needed_files(release, conditions) if file.digest is None]
    if unknown:
        return Objection(rule=DIGEST_KNOWN, reason=f"no known hash of {_listed(unknown)}")
    if not conditions.needs_images:
        return None
    images = [image.reference for image in catalog.images_of(release) if image.digest is None]
    if images:
        return Objection(rule=DIGEST_KNOWN, reason=f"no known digest of {_listed(images)}")
    return None


def needed_files(release: Release, conditions: Conditions) -> tuple[ReleaseFile, ...]:
    """Return the files of a release that a lock would pin under these conditions."""
    if release.name == "buildroot":
        return tuple(file for file in release.files if file.role == conditions.archive)
    kind = _needed_kind(release, conditions)
    return tuple(
        file
        for file in release.files
        if file.kind == kind and file.arch in (None, *conditions.arches)
    )


def _needed_kind(release: Release, conditions: Conditions) -> str:
    """Binaries where there are any; flannel comes as a manifest and images; else the source."""
    if release.name not in conditions.built_from_source:
        for kind in ("binary", "manifest"):
            if any(file.kind == kind for file in release.files):
                return kind
    return "source"


def rule_applies(rule: CompatibilityRule, conditions: Conditions) -> bool:
    """Whether a rule can refuse anything under these conditions."""
    if rule.kind not in _KINDS:
        return False
    return not rule.kind.endswith("-when-built") or rule.of in conditions.built_from_source


def demand_of(rule: CompatibilityRule, asking: Release) -> "Demand | None":
    """Return what `asking` (a release of `rule.of`) asks of `rule.on`, None where nothing."""
    return _KINDS[rule.kind](rule, asking)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What one release asks of another input: in words, and as a test."""

    rule: CompatibilityRule
    asking: Release
    words: str
    allows: Callable[[Release], bool] = field(repr=False)

    def __str__(self) -> str:
        return f"{self.asking} asks for {self.rule.on} {self.words} ({self.rule.source})"


def prefers(asking: Release, candidate: Release) -> bool:
    """Whether a soft rule (there is one kind: of the same minor) prefers this candidate."""
    return asking.version.series == candidate.version.series


def is_preference(rule: CompatibilityRule) -> bool:
    """Whether a rule only orders candidates."""
    return rule.kind == "same-minor-preferred"


def _minimums(rule: CompatibilityRule, asking: Release) -> Demand | None:
    row = rule.row(asking.version)
    if not row and not rule.exhaustive:
        return None
    words = " or ".join(f"{text}+" for text in row)
    words = words or f"of which it names none for {asking.version.series}"
    minimums = [UpstreamVersion.parse(text) for text in row]
    return Demand(
        rule=rule, asking=asking, words=words, allows=lambda r: _reaches(r.version, minimums)
    )


def _reaches(version: UpstreamVersion, minimums: list[UpstreamVersion]) -> bool:
    """Whether a version is at or above the first minimum, or above another within its minor."""
    for index, minimum in enumerate(minimums):
        if version >= minimum and (index == 0 or version.series == minimum.series):
            return True
    return False


def _patterns(rule: CompatibilityRule, asking: Release) -> Demand | None:
    row = [re.compile(pattern) for pattern in rule.row(asking.version)]
    return Demand(
        rule=rule,
        asking=asking,
        words=rule.demand.removeprefix("a kernel "),
        allows=lambda r: any(pattern.match(_three_numbers(r.version)) for pattern in row),
    )


def _three_numbers(version: UpstreamVersion) -> str:
    return version.text if version.text.count(".") > 1 else f"{version.text}.0"


def _newest_series(rule: CompatibilityRule, asking: Release) -> Demand | None:
    series = asking.facts.get(rule.fact)
    if series is None:
        return None
    newest = Version(series).release[:2]
    return Demand(
        rule=rule,
        asking=asking,
        words=f"of series {series} or older, its newest kernel {rule.fact} series",
        allows=lambda r: r.version.key.release[:2] <= newest,
    )


def _fact_minimum(rule: CompatibilityRule, asking: Release) -> Demand | None:
    text = asking.facts.get(rule.fact)
    if text is None:
        return None
    minimum = UpstreamVersion.parse(text)
    words = f"{text}+, the one that it is built and tested with"
    return Demand(rule=rule, asking=asking, words=words, allows=lambda r: r.version >= minimum)


def _built_with(rule: CompatibilityRule, asking: Release) -> Demand | None:
    row = rule.row(asking.version) or ((asking.facts.get(rule.fact),) if rule.fact else ())
    text = row[0] if row else None
    if text is None:
        return None
    return Demand(
        rule=rule,
        asking=asking,
        words=f"with {rule.fact} {text}+ to be built from source",
        allows=lambda r: Version(r.facts.get(rule.fact, "0")) >= Version(text),
    )


_KINDS: Mapping[str, Callable[[CompatibilityRule, Release], Demand | None]] = MappingProxyType(
    {
        "minimums": _minimums,
        "patterns": _patterns,
        "newest-series": _newest_series,
        "fact-minimum": _fact_minimum,
        "fact-minimum-when-built": _built_with,
        "minimums-when-built": _built_with,
    }
)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
