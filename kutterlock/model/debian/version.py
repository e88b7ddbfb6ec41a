"""Debian versions and relations between packages, as values.

Versions: Debian policy 5.6.12. Relations: policy 7.1, and the `:any` and `:ARCH` qualifiers of
dpkg's multiarch specification.
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import total_ordering
from typing import Self

LONGEST_VERSION = 512
LONGEST_RELATIONS = 1 << 18
"""Bounds on what is parsed, in characters."""

_EPOCH = re.compile(r"[0-9]{1,9}")
_UPSTREAM = re.compile(r"[A-Za-z0-9.+:~-]+")
_REVISION = re.compile(r"[A-Za-z0-9.+~]+")
_PARTS = re.compile(r"([^0-9]*)([0-9]*)")
_RELATION = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9+.-]*)(?::(?P<arch>[a-z0-9-]+))?"
    r"(?:\s*\(\s*(?P<operator><<|<=|=|>=|>>)\s*(?P<version>[^\s()]+)\s*\))?"
)

_OPERATORS: Mapping[str, Callable[["DebianVersion", "DebianVersion"], bool]] = {
    "<<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">=": operator.ge,
    ">>": operator.gt,
}

Key = tuple[tuple[tuple[int, ...], int], ...]
_END: Key = (((0,), 0),)
"""What a version goes on with for ever. A first part may equal it, so two stand at the end."""


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class DebianVersion:
    """A version as Debian spells it, ordered as dpkg orders it."""

    text: str
    key: tuple[int, Key, Key] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `[epoch:]upstream[-revision]`. Raises ValueError."""
        epoch, _, rest = text.partition(":") if ":" in text else ("0", ":", text)
        upstream, _, revision = rest.rpartition("-") if "-" in rest else (rest, "", "0")
        if (
            len(text) > LONGEST_VERSION
            or not _EPOCH.fullmatch(epoch)
            or not _UPSTREAM.fullmatch(upstream)
            or not _REVISION.fullmatch(revision)
        ):
            raise ValueError(f"{text[:80]!r} is not a Debian version")
        return cls(text, (int(epoch), _key(upstream), _key(revision)))

    def __str__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DebianVersion) and self.key == other.key

    def __lt__(self, other: "DebianVersion") -> bool:
        return self.key < other.key

    def __hash__(self) -> int:
        return hash(self.key)


def _key(text: str) -> Key:
    parts = [
        ((*(_weight(character) for character in words), 0), int(digits or 0))
        for words, digits in _PARTS.findall(text)
    ]
    while parts and parts[-1] == _END[0]:
        parts.pop()
    return (*parts, *_END, *_END)


def _weight(character: str) -> int:
    """Sort `~` before the end of the text, letters before everything else."""
    if character == "~":
        return -1
    return ord(character) + (0 if character.isalpha() else 256)


@dataclass(frozen=True, slots=True)
class Relation:
    """One alternative of a dependency: `name[:arch] [(operator version)]`."""

    name: str
    arch: str = ""
    operator: str = ""
    version: DebianVersion | None = None

    def __str__(self) -> str:
        arch = f":{self.arch}" if self.arch else ""
        return f"{self.name}{arch}" + (f" ({self.operator} {self.version})" if self.version else "")

    def admits(self, version: DebianVersion | None) -> bool:
        """Whether a version is admitted; None is a `Provides` without one."""
        if self.version is None:
            return True
        return version is not None and _OPERATORS[self.operator](version, self.version)


Clause = tuple[Relation, ...]
"""Alternatives, of which one is enough."""


def parse_relations(text: str) -> tuple[Clause, ...]:
    """Read the value of Depends, Provides, Conflicts and their kin. Raises ValueError."""
    if len(text) > LONGEST_RELATIONS:
        raise ValueError(f"a list of relations is longer than {LONGEST_RELATIONS} characters")
    clauses = [clause.strip() for clause in text.split(",")]
    return tuple(_clause(clause) for clause in clauses if clause)


def _clause(text: str) -> Clause:
    return tuple(_relation(alternative.strip()) for alternative in text.split("|"))


def _relation(text: str) -> Relation:
    match = _RELATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:80]!r} is not a relation to a package")
    version = DebianVersion.parse(match["version"]) if match["version"] else None
    return Relation(match["name"], match["arch"] or "", match["operator"] or "", version)


def show_clause(clause: Clause) -> str:
    """Word alternatives as a control file does."""
    return " | ".join(str(relation) for relation in clause)
