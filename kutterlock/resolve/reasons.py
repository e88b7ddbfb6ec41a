"""Why a set of versions was chosen, and why there is none: in the field's words.

Pure, and independent of the way the solver went: newer candidates are judged against the set
that was found, a conflict is shown on the smallest group of inputs that cannot be had together.
"""

from collections.abc import Iterator, Mapping
from itertools import combinations

from kutterlock.catalog.types import Release
from kutterlock.errors import NoSolutionError
from kutterlock.model.lock import Refusal
from kutterlock.resolve import rules
from kutterlock.resolve.field import PRIORITY, Field
from kutterlock.resolve.rules import DIGEST_KNOWN, Demand, Objection
from kutterlock.resolve.solution import Choice, Solution

LONG_TERM_FIRST = "long-term-first"
KEPT = "kept"


def describe(field_: Field, releases: Mapping[str, Release]) -> Solution:
    """Say of each release why it was chosen."""
    choices = {name: _choice(field_, releases, name) for name in releases}
    return Solution(choices=choices, notes=tuple(_notes(field_, releases)))


def _choice(field_: Field, releases: Mapping[str, Release], name: str) -> Choice:
    refused = tuple(_refusals(field_, releases, name))
    return Choice(
        release=releases[name],
        constraint=field_.request.wanted[name],
        reasons=tuple(_reasons(field_, releases, name, refused)),
        refused=refused,
    )


def _refusals(field_: Field, releases: Mapping[str, Release], name: str) -> Iterator[Refusal]:
    """Yield newer candidates that the manifest allows; of one series and rule the newest only."""
    chosen = releases[name]
    specifier = field_.request.specifier(name)
    seen: set[tuple[str, str]] = set()
    for release in field_.catalog.releases(name):
        if release.version <= chosen.version or not rules.matches(specifier, release.version):
            continue
        objection = judge(field_, {**releases, name: release}, release, chosen)
        key = (release.version.series, objection.rule)
        same_series = release.version.series == chosen.version.series
        if key not in seen or (same_series and objection.rule != KEPT):
            seen.add(key)
            yield Refusal(
                version=release.version.text, rule=objection.rule, reason=objection.reason
            )


def judge(
    field_: Field, releases: Mapping[str, Release], release: Release, chosen: Release
) -> Objection:
    """Say what stands against taking `release` instead of `chosen`, all else as in `releases`."""
    return (
        field_.objection(release)
        or _long_term(field_, release, chosen)
        or _broken_demand(field_, releases, release)
        or _preference(field_, releases, release)
        or _kept(chosen)
    )


def _long_term(field_: Field, release: Release, chosen: Release) -> Objection | None:
    if field_.is_long_term(release) or not field_.is_long_term(chosen):
        return None
    support = field_.catalog.support_of(chosen)
    assert support is not None
    return Objection(
        rule=LONG_TERM_FIRST,
        reason=f"{chosen.version.series} has long-term support until {support.text}, "
        f"{release.version.series} has none ({support.source})",
    )


def _broken_demand(
    field_: Field, releases: Mapping[str, Release], release: Release
) -> Objection | None:
    for demand in _broken(field_, releases, release):
        instead = f"; {releases[demand.rule.on]} stays" if release is demand.asking else ""
        return Objection(rule=demand.rule.name, reason=f"{demand}{instead}")
    return None


def _broken(field_: Field, releases: Mapping[str, Release], release: Release) -> Iterator[Demand]:
    """Yield demands that `release` makes of the others, or they of it, and that are not met."""
    for asking in releases.values():
        for demand in field_.demands(asking):
            other = releases.get(demand.rule.on)
            if other is None or (release is not asking and release is not other):
                continue
            if not demand.allows(other):
                yield demand


def _preference(
    field_: Field, releases: Mapping[str, Release], release: Release
) -> Objection | None:
    for asking in releases.values():
        for rule in field_.preferences(asking):
            if rule.on == release.name and not rules.prefers(asking, release):
                reason = f"{asking} goes best with {rule.on} of its own minor ({rule.source})"
                return Objection(rule=rule.name, reason=reason)
    return None


def _kept(chosen: Release) -> Objection:
    reason = f"kutter.lock pins {chosen.version}; `kutterlock resolve -P {chosen.name}` moves it"
    return Objection(rule=KEPT, reason=reason)


def _reasons(
    field_: Field, releases: Mapping[str, Release], name: str, refused: tuple[Refusal, ...]
) -> Iterator[str]:
    chosen = releases[name]
    unknown = [item.version for item in refused if item.rule == DIGEST_KNOWN]
    if unknown:
        yield f"newest of which every hash is known ({', '.join(unknown)} refused)"
    bounding = {item.rule for item in refused}
    demands = [
        demand
        for asking in releases.values()
        for demand in field_.demands(asking)
        if demand.rule.on == name
    ]
    for demand in sorted(demands, key=lambda demand: demand.rule.name not in bounding):
        yield str(demand)
    support = field_.catalog.support_of(chosen)
    if support is not None and support.end is not None:
        kind = "long-term support" if support.long_term else "supported"
        ended = support.has_ended(field_.request.conditions.as_of)
        yield f"support ended {support.text}" if ended else f"{kind} until {support.text}"
    if any(item.rule == KEPT for item in refused):
        yield "kept as the lock had it"
        return
    yield "newest that the manifest allows" if not refused else "newest that the rules allow"


def _notes(field_: Field, releases: Mapping[str, Release]) -> Iterator[str]:
    for release in releases.values():
        ended = rules.ended_support(release, field_.catalog, field_.request.conditions.as_of)
        if ended:
            yield f"{release}: {ended}; taken because policy.allow-end-of-life names {release.name}"
    yield from _sandbox_note(field_, releases)


def _sandbox_note(field_: Field, releases: Mapping[str, Release]) -> Iterator[str]:
    containerd, kubernetes = releases.get("containerd"), releases.get("kubernetes")
    if containerd is None or kubernetes is None:
        return
    own, asked = containerd.facts.get("sandbox"), kubernetes.facts.get("pause")
    for rule in field_.catalog.rules:
        if rule.kind != "equal-facts-noted" or not own or not asked or own == asked:
            continue
        yield (
            f"{containerd} starts pods with pause:{own} ({rule.source}), {kubernetes} brings "
            f"pause:{asked}: containerd's configuration must name the latter as sandbox image"
        )


def explain_conflict(field_: Field) -> NoSolutionError:
    """Find the smallest group of inputs that cannot be had together, and say why."""
    names = [name for name in PRIORITY if name in field_.request.wanted]
    for count in range(1, len(names) + 1):
        for group in combinations(names, count):
            if field_.search(group) is None:
                return _alone(field_, group[0]) if count == 1 else _together(field_, group)
    raise AssertionError("every group can be had, the whole too")


def _alone(field_: Field, name: str) -> NoSolutionError:
    specifier = field_.request.specifier(name)
    known = field_.catalog.releases(name)
    matching = [release for release in known if rules.matches(specifier, release.version)]
    if not matching:
        oldest, newest = known[-1].version, known[0].version
        return NoSolutionError(
            f"the catalog knows no {name} {_spelled(field_, name)}",
            details=[
                f"the catalog of {field_.catalog.date} has {name} from {oldest} to {newest}",
            ],
            hint="correct inputs in kutter.toml, or run `kutterlock catalog update`",
        )
    return NoSolutionError(
        f"no release of {name} {_spelled(field_, name)} can be taken",
        details=list(_objections(field_, matching)),
        hint=_hint(field_, matching),
    )


def _objections(field_: Field, releases: list[Release]) -> Iterator[str]:
    """Yield what stands against each; of one series and rule the newest only."""
    seen: set[tuple[str, str]] = set()
    for release in releases:
        objection = field_.objection(release)
        assert objection is not None
        key = (release.version.series, objection.rule)
        if key not in seen:
            seen.add(key)
            yield f"{release}: {objection.rule}: {objection.reason}"


def _hint(field_: Field, releases: list[Release]) -> str:
    found = {objection.rule for release in releases if (objection := field_.objection(release))}
    if found == {rules.END_OF_LIFE}:
        name = releases[0].name
        return (
            f"ask for a supported {name} in kutter.toml, or accept what has ended: "
            f'allow-end-of-life = ["{name}"] under [policy]'
        )
    if DIGEST_KNOWN in found:
        return "ask for another version, or run `kutterlock catalog update` to learn the hashes"
    return "correct inputs in kutter.toml"


def _together(field_: Field, group: tuple[str, ...]) -> NoSolutionError:
    said = [f"{name} {_spelled(field_, name)}" for name in group]
    best = {name: field_.allowed(name)[0] for name in group}
    return NoSolutionError(
        f"no set of versions has {' and '.join([', '.join(said[:-1]), said[-1]])}",
        details=[
            *(str(demand) for demand in _demands_within(field_, best)),
            *(
                f"{said_by} {name} {text}"
                for name in group
                for said_by, text in _said(field_, name)
            ),
            *(_refused_outright(field_, group) if len(group) == 2 else ()),
        ],
        hint="loosen one of them in kutter.toml",
    )


def _said(field_: Field, name: str) -> Iterator[tuple[str, str]]:
    yield "your manifest says", field_.request.wanted[name]
    if field_.request.upgrade.get(name, "*") != "*":
        yield "-P asks for", field_.request.upgrade[name]


def _demands_within(field_: Field, best: Mapping[str, Release]) -> Iterator[Demand]:
    """Yield what releases of a group ask of each other and do not get, one a rule and series.

    Each input's newest of every series is held against the preferred releases of the others.
    """
    seen: set[tuple[str, str]] = set()
    for name in best:
        for release in _newest_of_series(field_.allowed(name)):
            for demand in _broken(field_, {**best, name: release}, release):
                key = (demand.rule.name, demand.asking.version.series)
                if key not in seen:
                    seen.add(key)
                    yield demand


def _newest_of_series(releases: tuple[Release, ...]) -> list[Release]:
    found: dict[str, Release] = {}
    for release in releases:
        found.setdefault(release.version.series, release)
    return list(found.values())


def _refused_outright(field_: Field, group: tuple[str, ...]) -> Iterator[str]:
    """Yield what else could have answered, had a rule not refused it by itself."""
    for name in group:
        specifier = field_.request.specifier(name)
        newer = [
            release
            for release in field_.catalog.releases(name)
            if rules.matches(specifier, release.version)
            and (objection := field_.objection(release)) is not None
            and objection.rule != rules.FACTS_KNOWN
            and _would_answer(field_, group, release)
        ]
        yield from _objections(field_, newer)


def _would_answer(field_: Field, group: tuple[str, ...], release: Release) -> bool:
    """Whether each other input of the group has a release that goes with this one."""
    return all(
        any(
            field_.go_together(release, other) and field_.go_together(other, release)
            for other in field_.allowed(name)
        )
        for name in group
        if name != release.name
    )


def _spelled(field_: Field, name: str) -> str:
    wanted, upgrade = field_.request.wanted[name], field_.request.upgrade.get(name, "*")
    return wanted if upgrade == "*" else f"{wanted} and {upgrade} (-P)"
