"""Upstream versions: compared as PEP 440, shown as upstream spells them.

`2025.02.16`, `v1.36.2` and `v1.9.1-flannel1` are not PEP 440 as they stand, and their spelling
is part of download URLs, so both forms are kept.
"""

import re
from dataclasses import dataclass, field
from functools import total_ordering
from typing import Self

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

_SUFFIX = re.compile(r"^(?P<base>\d+(?:\.\d+)*)-(?P<label>[a-z]+)(?P<number>\d+)$")
_PRE_RELEASE_LABELS = {"a", "alpha", "b", "beta", "rc", "c", "pre"}


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class UpstreamVersion:
    """`text` as upstream spells it (without a leading `v`), `key` as PEP 440 orders it."""

    text: str
    key: Version = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a version or tag. Raises ValueError for what cannot be ordered."""
        bare = text.removeprefix("v")
        try:
            return cls(bare, Version(_pep440(bare)))
        except InvalidVersion as error:
            raise ValueError(f"version {text!r} cannot be ordered") from error

    def __str__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UpstreamVersion) and self.key == other.key

    def __lt__(self, other: "UpstreamVersion") -> bool:
        return self.key < other.key

    def __hash__(self) -> int:
        return hash(self.key)

    @property
    def series(self) -> str:
        """The first two numbers as upstream spells them, such as `1.36` or `2025.02`."""
        return ".".join(self.text.partition("-")[0].split(".")[:2])


def _pep440(bare: str) -> str:
    match = _SUFFIX.match(bare)
    if match and match["label"] not in _PRE_RELEASE_LABELS:
        return f"{match['base']}+{match['label']}.{match['number']}"
    return bare


def parse_specifier(text: str) -> SpecifierSet:
    """Read a PEP 440 specifier; `*` is any version. Raises ValueError."""
    try:
        return SpecifierSet("" if text.strip() == "*" else text)
    except InvalidSpecifier as error:
        raise ValueError(f"{text!r} is not a PEP 440 specifier such as '==1.36.*'") from error
