"""Which packages a build environment needs: the closure of Pre-Depends and Depends.

Each package has one candidate, its newest version, so the only choice is between alternatives and
between providers. The first one that can be installed wins, what is already in the set before
everything else; a package one of whose dependencies nobody meets is struck out, and the search
begins anew without it. Recommends are not looked at. The result depends on nothing but the index
and the request.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from kutterlock.errors import NoSolutionError
from kutterlock.model.debian.index import Package, PackageIndex
from kutterlock.model.debian.version import Clause, Relation, show_clause


def solve_closure(index: PackageIndex, requested: Iterable[str]) -> tuple[Package, ...]:
    """Return the essential packages, the requested ones and all they depend on, by name.

    A requested name may be virtual. Raises NoSolutionError saying which package asks for what.
    """
    search = _Search(index, tuple(dict.fromkeys(requested)))
    chosen = search.run()
    _check_conflicts(chosen)
    return tuple(chosen[name] for name in sorted(chosen))


@dataclass(slots=True)
class _Search:
    index: PackageIndex
    requested: tuple[str, ...]
    struck: dict[str, str] = field(default_factory=dict)
    """Packages that cannot be installed, and why."""

    def run(self) -> dict[str, Package]:
        while True:
            before = len(self.struck)
            chosen = self._attempt()
            if chosen is not None:
                return chosen
            assert len(self.struck) > before, "each attempt that fails strikes a package out"

    def _attempt(self) -> dict[str, Package] | None:
        """Close the roots under dependencies; None after striking a package out."""
        chosen: dict[str, Package] = {}
        for name in (*self.requested, *self.index.essential):
            package = self._root(name)
            chosen[package.name] = package
        queue = deque(chosen.values())
        while queue:
            package = queue.popleft()
            for clause in package.depends:
                if self._is_met(clause, chosen):
                    continue
                found = self._choose(clause, chosen)
                if found is None:
                    self.struck[package.name] = self._why(package, clause)
                    return None
                chosen[found.name] = found
                queue.append(found)
        return chosen

    def _root(self, name: str) -> Package:
        relation = Relation(name)
        found = next(self._candidates(relation), None)
        if found:
            return found
        raise NoSolutionError(
            f"the build environment cannot have package {name!r}",
            details=self._explanation(name),
            hint="correct `packages` or `suite` of [build-environment] in kutter.toml",
        )

    def _explanation(self, name: str) -> list[str]:
        names = [name, *(package.name for package in self.index.providers(name))]
        lines = [self.struck[found] for found in names if found in self.struck]
        return lines or [f"no package {name!r} is in the suite, and none provides it"]

    def _is_met(self, clause: Clause, chosen: dict[str, Package]) -> bool:
        for relation in clause:
            named = chosen.get(relation.name)
            if named is not None and self._satisfies(named, relation):
                return True
            if any(p.name in chosen and self._satisfies(p, relation)
                   for p in self.index.providers(relation.name)):  # fmt: skip
                return True
        return False

    def _choose(self, clause: Clause, chosen: dict[str, Package]) -> Package | None:
        candidates = [found for relation in clause for found in self._candidates(relation)]
        peaceful = [found for found in candidates if not _conflicts_with_any(found, chosen)]
        return next(iter([*peaceful, *candidates]), None)

    def _candidates(self, relation: Relation) -> Iterator[Package]:
        named = self.index.get(relation.name)
        for package in (*([named] if named else []), *self.index.providers(relation.name)):
            if package.name not in self.struck and self._satisfies(package, relation):
                yield package

    def _satisfies(self, package: Package, relation: Relation) -> bool:
        if not self._right_architecture(package, relation.arch):
            return False
        if package.name == relation.name and relation.admits(package.version):
            return True
        return any(
            provided.name == relation.name and relation.admits(provided.version)
            for provided in package.provides
        )

    def _right_architecture(self, package: Package, arch: str) -> bool:
        if arch in ("", "any", self.index.architecture):
            return True
        return arch == "all" and package.architecture == "all"

    def _why(self, package: Package, clause: Clause) -> str:
        reasons = [
            self.struck[found]
            for relation in clause
            for found in (relation.name, *(p.name for p in self.index.providers(relation.name)))
            if found in self.struck
        ]
        asked = f"{package.name} {package.version} depends on {show_clause(clause)}"
        if reasons:
            return f"{asked}; {reasons[0]}"
        offered = self.index.get(clause[0].name)
        have = f", the suite has {offered.version}" if offered else ", which is not in the suite"
        return asked + have


def _check_conflicts(chosen: dict[str, Package]) -> None:
    fights = [
        f"{package.name} {package.version} conflicts with {relation}: {other.name} {other.version}"
        for package in chosen.values()
        for relation in package.conflicts
        for other in _hit(package, relation, chosen)
    ]
    if fights:
        raise NoSolutionError(
            "packages of the build environment exclude each other",
            details=sorted(fights),
            hint="take one of them out of `packages` of [build-environment] in kutter.toml",
        )


def _conflicts_with_any(package: Package, chosen: dict[str, Package]) -> bool:
    together = {**chosen, package.name: package}
    if any(_hit(package, relation, together) for relation in package.conflicts):
        return True
    return any(
        package in _hit(other, relation, {package.name: package})
        for other in chosen.values()
        for relation in other.conflicts
    )


def _hit(package: Package, relation: Relation, chosen: dict[str, Package]) -> list[Package]:
    """Return those that a conflict of `package` excludes; nobody conflicts with itself."""
    named = chosen.get(relation.name)
    found = [named] if named and named != package and relation.admits(named.version) else []
    return found + [
        other
        for other in chosen.values()
        if other != package
        and any(p.name == relation.name and relation.admits(p.version) for p in other.provides)
    ]
