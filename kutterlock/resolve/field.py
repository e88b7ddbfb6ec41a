"""The candidates of one request and what they ask of each other, as `resolvelib` searches them.

Pure. Inputs are decided in the order of `PRIORITY`, each from its newest candidate down (supported
long-term series first where the catalog says so), going back where that ends in a conflict.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import resolvelib
from packaging.specifiers import SpecifierSet

from kutterlock.catalog.reader import Catalog
from kutterlock.catalog.types import CompatibilityRule, Release
from kutterlock.model.manifest import INPUTS
from kutterlock.model.version import parse_specifier
from kutterlock.resolve import rules
from kutterlock.resolve.rules import Conditions, Demand

PRIORITY = ("buildroot", "kubernetes", "containerd", "linux", "runc", "cni-plugins", "cri-tools",
            "flannel", "cri-dockerd")  # fmt: skip
"""Who decides first. Buildroot bounds the kernel; Kubernetes asks of all that serves it."""

assert set(PRIORITY) == set(INPUTS)

NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked of the solver.

    `wanted` are the manifest's specifiers by input, `keep` the versions of an existing lock, and
    `upgrade` the inputs that may move although kept: to the newest that the others allow (`*`),
    or to what a specifier such as `==1.36.2` says, whatever has to move for it.
    """

    wanted: Mapping[str, str]
    conditions: Conditions
    keep: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    upgrade: Mapping[str, str] = field(default_factory=lambda: NOTHING)

    def specifier(self, name: str) -> SpecifierSet:
        """Return what the manifest and the upgrade together allow for an input."""
        return parse_specifier(self.wanted[name]) & parse_specifier(self.upgrade.get(name, "*"))


class Field:
    """The candidates of one request, judged by themselves, in the order of preference."""

    def __init__(self, request: Request, catalog: Catalog) -> None:
        """Judge nothing yet: an input is judged when it is first asked for."""
        self.request = request
        self.catalog = catalog
        self.rules = tuple(
            rule
            for rule in catalog.rules
            if (rules.is_preference(rule) or rules.rule_applies(rule, request.conditions))
            and {rule.of, rule.on} <= request.wanted.keys()
        )
        self._allowed: dict[str, tuple[Release, ...]] = {}
        self._demands: dict[tuple[str, str], tuple[Demand, ...]] = {}

    def allowed(self, name: str) -> tuple[Release, ...]:
        """Return the releases that no rule objects to, the preferred one first."""
        if name not in self._allowed:
            specifier = self.request.specifier(name)
            found = [
                release
                for release in self.catalog.releases(name)
                if rules.matches(specifier, release.version) and not self.objection(release)
            ]
            self._allowed[name] = tuple(sorted(found, key=self.is_long_term, reverse=True))
        return self._allowed[name]

    def objection(self, release: Release) -> rules.Objection | None:
        """Judge a release by itself."""
        specifier = self.request.specifier(release.name)
        return rules.object_to(release, specifier, self.catalog, self.request.conditions)

    def is_long_term(self, release: Release) -> bool:
        """Whether a release goes before newer ones, being of a supported long-term series."""
        if not self.catalog.prefers_long_term(release.name):
            return False
        support = self.catalog.support_of(release)
        as_of = self.request.conditions.as_of
        return support is not None and support.long_term and not support.has_ended(as_of)

    def demands(self, asking: Release) -> tuple[Demand, ...]:
        """Return what a release asks of the other inputs of the request."""
        key = (asking.name, asking.version.text)
        if key not in self._demands:
            found = (
                rules.demand_of(rule, asking)
                for rule in self.rules
                if rule.of == asking.name and not rules.is_preference(rule)
            )
            self._demands[key] = tuple(demand for demand in found if demand is not None)
        return self._demands[key]

    def preferences(self, asking: Release) -> Iterator[CompatibilityRule]:
        """Yield the soft rules by which a release orders others' candidates."""
        for rule in self.rules:
            if rule.of == asking.name and rules.is_preference(rule):
                yield rule

    def search(
        self, names: Iterable[str], pinned: Mapping[str, str] = NOTHING
    ) -> dict[str, Release] | None:
        """Solve for some of the inputs, with pins that must hold; None where nothing does."""
        candidates = self._consistent(names, pinned)
        if not all(candidates.values()):
            return None
        resolver: Any = resolvelib.Resolver(_Provider(self, candidates), resolvelib.BaseReporter())
        try:
            result = resolver.resolve([_Wish(name=name) for name in candidates], max_rounds=10_000)
        except resolvelib.ResolutionImpossible:
            return None
        return {name: result.mapping[name].release for name in candidates}

    def _consistent(
        self, names: Iterable[str], pinned: Mapping[str, str]
    ) -> dict[str, list[Release]]:
        """Drop candidates that no candidate of another input goes with, until none is left over.

        Without this, a conflict between two inputs is met again under each version of a third.
        """
        wanted = set(names)
        found = {
            name: [
                release
                for release in self.allowed(name)
                if pinned.get(name, release.version.text) == release.version.text
            ]
            for name in PRIORITY
            if name in wanted
        }
        pairs = [(rule.of, rule.on) for rule in self.rules if {rule.of, rule.on} <= wanted]
        while self._prune(found, pairs):
            pass
        return found

    def _prune(self, found: dict[str, list[Release]], pairs: list[tuple[str, str]]) -> bool:
        before = sum(map(len, found.values()))
        for of, on in dict.fromkeys(pairs):
            found[of] = [
                one for one in found[of] if any(self.go_together(one, r) for r in found[on])
            ]
            found[on] = [
                one for one in found[on] if any(self.go_together(r, one) for r in found[of])
            ]
        return sum(map(len, found.values())) < before

    def go_together(self, asking: Release, asked: Release) -> bool:
        """Whether `asked` meets all that `asking` demands of it."""
        return all(
            demand.allows(asked) for demand in self.demands(asking) if demand.rule.on == asked.name
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """A requirement: by the manifest, by a release's demand, or by its mere preference."""

    name: str
    demand: Demand | None = None
    preference: CompatibilityRule | None = None
    asking: Release | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    """A release as resolvelib sees it: one object for each, compared by identity."""

    release: Release


class _Provider(resolvelib.AbstractProvider[_Wish, _Candidate, str]):
    """The rules as resolvelib asks for them."""

    def __init__(self, field_: Field, candidates: Mapping[str, list[Release]]) -> None:
        self._field = field_
        self._candidates = {
            name: [_Candidate(release) for release in releases]
            for name, releases in candidates.items()
        }

    def identify(self, requirement_or_candidate: _Wish | _Candidate) -> str:
        if isinstance(requirement_or_candidate, _Wish):
            return requirement_or_candidate.name
        return requirement_or_candidate.release.name

    def get_preference(self, identifier: str, *_: object, **__: object) -> int:
        return PRIORITY.index(identifier)

    def find_matches(
        self,
        identifier: str,
        requirements: Mapping[str, Iterator[_Wish]],
        incompatibilities: Mapping[str, Iterator[_Candidate]],
    ) -> list[_Candidate]:
        wishes = list(requirements[identifier])
        excluded = set(incompatibilities[identifier])
        found = [
            candidate
            for candidate in self._candidates[identifier]
            if candidate not in excluded and all(self._meets(wish, candidate) for wish in wishes)
        ]
        return sorted(found, key=lambda candidate: self._is_preferred(wishes, candidate.release),
                      reverse=True)  # fmt: skip

    def is_satisfied_by(self, requirement: _Wish, candidate: _Candidate) -> bool:
        return self._meets(requirement, candidate)

    def get_dependencies(self, candidate: _Candidate) -> list[_Wish]:
        release = candidate.release
        hard = [
            _Wish(name=demand.rule.on, demand=demand)
            for demand in self._field.demands(release)
            if demand.rule.on in self._candidates
        ]
        soft = [
            _Wish(name=rule.on, preference=rule, asking=release)
            for rule in self._field.preferences(release)
            if rule.on in self._candidates
        ]
        return hard + soft

    @staticmethod
    def _meets(wish: _Wish, candidate: _Candidate) -> bool:
        return wish.demand is None or wish.demand.allows(candidate.release)

    @staticmethod
    def _is_preferred(wishes: list[_Wish], release: Release) -> bool:
        return all(
            rules.prefers(wish.asking, release)
            for wish in wishes
            if wish.preference and wish.asking
        )
