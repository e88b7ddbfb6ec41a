"""Newer candidates that the catalog knows: `kutterlock outdated`. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from kutterlock.catalog.reader import Catalog
from kutterlock.catalog.types import Release
from kutterlock.model.version import UpstreamVersion
from kutterlock.resolve.field import Request
from kutterlock.resolve.rules import Conditions
from kutterlock.resolve.solve import solve


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One input: pinned, the newest that manifest and rules allow, the newest known, and why not.

    `holding` is what keeps the newest from being taken; empty when nothing does.
    """

    name: str
    pinned: str
    allowed: str
    newest: str
    holding: str

    @property
    def is_outdated(self) -> bool:
        """Whether `kutterlock resolve --upgrade` would move it."""
        return self.pinned != self.allowed


def standings(
    pinned: Mapping[str, str], wanted: Mapping[str, str], conditions: Conditions, catalog: Catalog
) -> tuple[Standing, ...]:
    """Compare pins with the catalog. Raises NoSolutionError when nothing is allowed any more."""
    solution = solve(Request(wanted=wanted, conditions=conditions), catalog)
    found = []
    for name, choice in solution.choices.items():
        newest = _newest(catalog, name)
        found.append(
            Standing(
                name=name,
                pinned=pinned.get(name, "-"),
                allowed=choice.version,
                newest=newest.text,
                holding=_holding(choice.release, newest, wanted[name], {
                    item.version: f"{item.rule}: {item.reason}" for item in choice.refused
                }),
            )
        )  # fmt: skip
    return tuple(found)


def _newest(catalog: Catalog, name: str) -> UpstreamVersion:
    versions = [release.version for release in catalog.releases(name)]
    stable = [version for version in versions if not version.key.is_prerelease]
    return max(stable or versions)


def _holding(
    allowed: Release, newest: UpstreamVersion, wanted: str, refused: Mapping[str, str]
) -> str:
    if newest <= allowed.version:
        return ""
    return refused.get(newest.text) or f"manifest: {allowed.name} is to be {wanted}"
