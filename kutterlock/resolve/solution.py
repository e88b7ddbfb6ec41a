"""What solving comes to: one version for every input, and why."""

from collections.abc import Mapping
from dataclasses import dataclass

from kutterlock.catalog.types import Release
from kutterlock.model.lock import InputPin, Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The version taken for one input, and why.

    `constraint` is the manifest's specifier; `reasons` are sentences, the telling one first;
    `refused` are newer candidates, newest first, one a series and rule.
    """

    release: Release
    constraint: str
    reasons: tuple[str, ...]
    refused: tuple[Refusal, ...]

    @property
    def name(self) -> str:
        """The input."""
        return self.release.name

    @property
    def version(self) -> str:
        """The version as upstream spells it."""
        return self.release.version.text

    def pin(self) -> InputPin:
        """Return what a lock says of it: facts `why` and, where known, `commit`."""
        facts = {"why": self.reasons[0]}
        if "commit" in self.release.facts:
            facts["commit"] = self.release.facts["commit"]
        return InputPin(
            name=self.name,
            version=self.version,
            constraint=self.constraint,
            refused=self.refused,
            facts=facts,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """One version for every input asked for, in the order of `PRIORITY`; and what to know of it."""

    choices: Mapping[str, Choice]
    notes: tuple[str, ...]

    @property
    def versions(self) -> dict[str, str]:
        """The bare versions by input."""
        return {name: choice.version for name, choice in self.choices.items()}
