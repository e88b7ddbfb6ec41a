"""Why a pin stands in the lock, from the lock alone: `kutterlock why NAME`.

Pure, and quick: no catalog is read. What is not in the lock (a reason given in the manifest) is
handed in.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kutterlock.errors import UsageError
from kutterlock.model.lock import ImagePin, InputPin, Lock, OverridePin, Refusal, SourcePin, Trust
from kutterlock.model.manifest import PackagePin

SHORTEST_HEX = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One pin: what it is, labelled facts about it, newer candidates, the boards that need it."""

    kind: str
    name: str
    version: str
    facts: tuple[tuple[str, str], ...]
    refused: tuple[Refusal, ...] = ()
    boards: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return plain values for programs."""
        return {
            "kind": self.kind,
            "name": self.name,
            "version": self.version,
            "facts": [list(fact) for fact in self.facts],
            "refused": [
                {"version": item.version, "rule": item.rule, "reason": item.reason}
                for item in self.refused
            ],
            "boards": list(self.boards),
        }


def explain(lock: Lock, name: str, overrides: Mapping[str, PackagePin]) -> tuple[Explanation, ...]:
    """Explain every pin of that name, file name, reference or digest.

    `overrides` are the manifest's `[packages.*]`. Raises UsageError when nothing is so called.
    """
    found = tuple(_matches(lock, name, overrides))
    if not found:
        near = difflib.get_close_matches(name, sorted(set(_names(lock))), n=3)
        raise UsageError(
            f"kutter.lock pins nothing called {name!r}",
            hint=f"did you mean {', '.join(near)}?" if near else "`kutterlock tree` lists all pins",
        )
    return found


def _matches(lock: Lock, name: str, overrides: Mapping[str, PackagePin]) -> Iterator[Explanation]:
    if name in lock.inputs:
        yield _input(lock, lock.inputs[name])
    if any(name in board.packages for board in lock.boards.values()) or name in lock.overrides:
        yield _package(lock, name, overrides.get(name))
    for source in lock.sources.values():
        names = (source.key, source.path, source.path.name)
        if name in names or _is_digest(name, source.digest):
            yield _source(lock, source)
    for image in lock.images.values():
        if name in _image_names(image.reference) or _is_digest(name, image.digest):
            yield _image(lock, image)
    yield from _environment_packages(lock, name)


def _environment_packages(lock: Lock, name: str) -> Iterator[Explanation]:
    for package in lock.environment.packages:
        names = (package.name, package.path.name)
        if name not in names and not _is_digest(name, package.digest):
            continue
        yield Explanation(
            kind="build environment package",
            name=package.name,
            version=package.version,
            facts=(
                ("digest", package.digest),
                ("trust", f"the signed index of {package.archive}, {lock.environment.snapshot}"),
                ("url", lock.environment.url(package)),
            ),
            boards=tuple(sorted(lock.boards)),
        )


def _is_digest(name: str, digest: str) -> bool:
    hexadecimal = name.partition(":")[2] or name
    return len(hexadecimal) >= SHORTEST_HEX and digest.partition(":")[2].startswith(hexadecimal)


def _image_names(reference: str) -> tuple[str, ...]:
    repository = reference.rpartition(":")[0]
    return (reference, repository, repository.rpartition("/")[2])


def _names(lock: Lock) -> Iterator[str]:
    yield from lock.inputs
    yield from lock.overrides
    for board in lock.boards.values():
        yield from board.packages
    for source in lock.sources.values():
        yield from (source.key, source.path.name)
    for image in lock.images:
        yield from _image_names(image)
    for package in lock.environment.packages:
        yield package.name


def _input(lock: Lock, pin: InputPin) -> Explanation:
    sources = [
        source
        for source in lock.sources.values()
        if pin.name in source.packages or (pin.name == "buildroot" and source.key == lock.buildroot)
    ]
    images = [image for image in lock.images.values() if pin.version in image.needed_by.split()]
    facts = dict(pin.facts)
    because = facts.pop("why", "")
    return Explanation(
        kind="input",
        name=pin.name,
        version=pin.version,
        facts=(
            ("constraint", f"{pin.constraint} in kutter.toml"),
            *((("chosen", because),) if because else ()),
            *sorted(facts.items()),
            *(("file", _file_line(source)) for source in sources),
            *(("image", f"{image.reference} {image.digest}") for image in images),
        ),
        refused=pin.refused,
        boards=_boards_of(lock, pin.name, sources, images),
    )


def _boards_of(
    lock: Lock, package: str, sources: Iterable[SourcePin], images: Iterable[ImagePin]
) -> tuple[str, ...]:
    keys = {source.key for source in sources}
    references = {image.reference for image in images}
    return tuple(
        sorted(
            board.name
            for board in lock.boards.values()
            if package in board.packages
            or lock.buildroot in keys
            or keys.intersection(board.sources)
            or references.intersection(board.images)
        )
    )


def _package(lock: Lock, name: str, request: PackagePin | None) -> Explanation:
    versions = sorted(
        {board.packages[name] for board in lock.boards.values() if name in board.packages}
    )
    sources = [source for source in lock.sources.values() if name in source.packages]
    return Explanation(
        kind="package",
        name=name,
        version=", ".join(versions) or "(used by no board)",
        facts=(
            *_override_facts(lock.overrides.get(name), request),
            *(("file", _file_line(source)) for source in sources),
        ),
        boards=_boards_of(lock, name, sources, ()),
    )


def _override_facts(
    pin: OverridePin | None, request: PackagePin | None
) -> Iterator[tuple[str, str]]:
    if pin is None:
        yield "chosen", "what Buildroot and the overlays build"
        return
    yield "chosen", "kutter.toml overrides it under [packages]"
    if request is not None and request.reason:
        yield "reason", request.reason
    if request is not None and request.review_by:
        yield "review by", request.review_by.isoformat()
    for path, digest in pin.patches:
        yield "patch", f"{path} {digest}"


def _source(lock: Lock, pin: SourcePin) -> Explanation:
    return Explanation(
        kind="source",
        name=pin.key,
        version="",
        facts=(
            ("digest", pin.digest),
            ("trust", _trust_line(pin.trust)),
            ("packages", ", ".join(pin.packages) or "Buildroot itself"),
            *(("url", url) for url in pin.urls),
        ),
        boards=_boards_of(lock, "", (pin,), ()),
    )


def _image(lock: Lock, pin: ImagePin) -> Explanation:
    return Explanation(
        kind="image",
        name=pin.reference,
        version="",
        facts=(
            ("digest", pin.digest),
            ("trust", _trust_line(pin.trust)),
            ("needed by", pin.needed_by),
            ("platforms", ", ".join(pin.platforms)),
        ),
        boards=_boards_of(lock, "", (), (pin,)),
    )


def _file_line(pin: SourcePin) -> str:
    return f"{pin.path} {pin.digest} (trust: {_trust_line(pin.trust)})"


def _trust_line(trust: Trust) -> str:
    return f"{trust.level}, by {trust.by}" if trust.by else trust.level
