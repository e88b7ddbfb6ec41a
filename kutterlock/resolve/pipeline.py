"""From a manifest to a lock: the steps of `resolve`, in order.

Versions first, then the build environment, then Buildroot itself is asked, inside that
environment, for each board's closure. An existing lock's pins stay unless the manifest no longer
allows them or the user upgrades them by name.
"""

import datetime
import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kutterlock.adapters.disk.files import contained, explained, hash_file
from kutterlock.adapters.oci.registry import Answered
from kutterlock.build.workshop import Workshop
from kutterlock.catalog.reader import Catalog
from kutterlock.catalog.types import Release
from kutterlock.errors import ManifestError, NoSolutionError, PolicyError, UsageError
from kutterlock.model.arch import RELEASE_ARCH
from kutterlock.model.digest import Digest
from kutterlock.model.lock import EnvironmentPin, InputPin, Lock, OverridePin, SourcePin
from kutterlock.model.manifest import INPUTS, EnvironmentRequest, Manifest, PackagePin
from kutterlock.model.net.hosts import require_hosts
from kutterlock.model.oci.reference import Reference
from kutterlock.model.paths import RelativePath
from kutterlock.resolve.assemble import Parts, assemble
from kutterlock.resolve.boards import BoardsRequest, evaluate_all
from kutterlock.resolve.field import Request
from kutterlock.resolve.flannel_manifest import FlannelManifests
from kutterlock.resolve.image_checks import require_agreement
from kutterlock.resolve.images import ImagesRequest, extra_names, pin_images
from kutterlock.resolve.rules import Conditions
from kutterlock.resolve.solution import Choice, Solution
from kutterlock.resolve.solve import solve
from kutterlock.resolve.staleness import stale_fields
from kutterlock.vendor.wants import Want

ENVIRONMENT = "build-environment"
"""The name under which `-P` upgrades the build environment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """What may move although a lock pins it: `names` to a specifier (`*`: the newest)."""

    everything: bool = False
    names: Mapping[str, str] = field(default_factory=dict)

    def moves(self, name: str) -> bool:
        """Whether a pin of that name is to be chosen anew."""
        return self.everything or name in self.names


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveRequest:
    """What to resolve: the manifest, the lock that there is, and the day to judge support at."""

    manifest: Manifest
    previous: Lock | None
    as_of: datetime.date
    upgrade: Upgrade = field(default_factory=Upgrade)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """What resolving needs of the outside.

    `fetch` brings files into the store or raises; `environment` pins a build environment.
    `ask_registry` fetches an image's index by tag; None: no network.
    """

    catalog: Catalog
    workshop: Workshop
    fetch: Callable[[Sequence[Want]], None]
    environment: Callable[[EnvironmentRequest], EnvironmentPin]
    ask_registry: Callable[[Reference], Answered] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """The lock, the versions with their reasons, and what else to know."""

    lock: Lock
    solution: Solution


def resolve(request: ResolveRequest, doors: Doors) -> Resolved:
    """Carry out every step. Raises what its steps raise; writes nothing but store and cache."""
    manifest = request.manifest
    check_upgrades(request)
    solution = choose_versions(request, doors.catalog)
    releases = {name: choice.release for name, choice in solution.choices.items()}
    environment = _environment(request, doors)
    buildroot = buildroot_pin(releases["buildroot"], manifest.buildroot_archive)
    doors.fetch(_first_wants(buildroot, environment))
    overrides = pin_overrides(manifest.packages, doors.workshop.project)
    images = pin_images(
        ImagesRequest(
            manifest=manifest,
            releases=releases,
            catalog=doors.catalog,
            previous=request.previous.images if request.previous else {},
            moves=request.upgrade.moves,
            ask=doors.ask_registry,
        )
    )
    evaluated = evaluate_all(
        BoardsRequest(
            manifest=manifest,
            releases=releases,
            buildroot=buildroot,
            overrides=overrides,
            environment=environment,
            source_date_epoch=_epoch(manifest, releases["buildroot"]),
            images=tuple(images),
        ),
        doors.workshop,
    )
    lock = assemble(
        Parts(
            manifest=manifest,
            as_of=request.as_of,
            source_date_epoch=_epoch(manifest, releases["buildroot"]),
            inputs={
                name: _input_pin(choice, request.previous)
                for name, choice in solution.choices.items()
            },
            buildroot=buildroot,
            overlays=evaluated.overlays,
            overrides=overrides,
            boards=evaluated.boards,
            images=images,
            environment=environment,
        )
    )
    require_hosts(lock, manifest.policy.allowed_hosts, "kutter.toml")
    _require_used(manifest, lock)
    flannel = FlannelManifests(store=doors.workshop.store, catalog=doors.catalog, fetch=doors.fetch)
    require_agreement(lock, doors.workshop.project, flannel.images)
    _require_trust(manifest, lock, doors.workshop.project)
    return Resolved(lock=lock, solution=solution)


def check_upgrades(request: ResolveRequest) -> None:
    """Refuse `-P` for a name that is no pin, with the near one suggested. Raises UsageError."""
    manifest = request.manifest
    known = [*manifest.inputs, *manifest.packages, *extra_names(manifest), ENVIRONMENT]
    for name, specifier in request.upgrade.names.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
            if name not in INPUTS:
                hint += f"; to pin a Buildroot package, add [packages.{name}] to kutter.toml"
            raise UsageError(f"there is no pin {name!r} to upgrade", hint=hint)
        pinned = request.manifest.packages.get(name)
        if pinned and specifier not in ("*", f"=={pinned.version}"):
            raise UsageError(
                f"[packages.{name}] in kutter.toml says {pinned.version}, not {specifier}",
                hint="change version, url and sha256 there, then upgrade it by name alone",
            )


def choose_versions(request: ResolveRequest, catalog: Catalog) -> Solution:
    """Pick one version for every input. Raises NoSolutionError."""
    manifest, upgrade = request.manifest, request.upgrade
    previous = request.previous.inputs if request.previous else {}
    keep = {} if upgrade.everything else {name: pin.version for name, pin in previous.items()}
    return solve(
        Request(
            wanted=manifest.inputs,
            conditions=conditions_of(manifest, request.as_of),
            keep={name: version for name, version in keep.items() if name in manifest.inputs},
            upgrade={n: spec for n, spec in upgrade.names.items() if n in manifest.inputs},
        ),
        catalog,
    )


def conditions_of(manifest: Manifest, as_of: datetime.date) -> Conditions:
    """Return what releases are judged against for a manifest's boards."""
    boards = manifest.boards.values()
    return Conditions(
        as_of=as_of,
        arches=tuple(sorted({RELEASE_ARCH[board.arch] for board in boards})),
        archive=manifest.buildroot_archive,
        allow_end_of_life=frozenset(manifest.policy.allow_end_of_life),
        needs_images=any(board.images for board in boards),
    )


def buildroot_pin(release: Release, archive: str) -> SourcePin:
    """Return the source of the Buildroot tree itself. Raises NoSolutionError without a hash."""
    file = release.file(archive)
    if file is None or file.digest is None:
        raise NoSolutionError(f"nobody knows the hash of Buildroot {release.version} ({archive})")
    return SourcePin(
        key=file.name,
        path=RelativePath(file.name),
        digest=file.digest,
        urls=(file.url,),
        trust=file.trust,
    )


def pin_overrides(packages: Mapping[str, PackagePin], project: Path) -> dict[str, OverridePin]:
    """Return `[packages]` as locked. Raises KutterError naming a patch that cannot be read."""
    return {
        name: OverridePin(
            name=name,
            version=pin.version or "",
            url=pin.url or "",
            patches=tuple(_patches(pin.patches, project)),
        )
        for name, pin in packages.items()
    }


def _patches(paths: Iterable[RelativePath], project: Path) -> Iterable[tuple[RelativePath, Digest]]:
    for path in paths:
        with explained(project / path):
            yield path, hash_file(contained(project, path))


def _environment(request: ResolveRequest, doors: Doors) -> EnvironmentPin:
    """Keep the environment of the lock when it answers the same request."""
    previous = request.previous
    if previous is None or request.upgrade.moves(ENVIRONMENT):
        return doors.environment(request.manifest.environment)
    wanted = _about_environment(request.manifest.meaning())
    if _about_environment(previous.meaning) != wanted:
        return doors.environment(request.manifest.environment)
    return previous.environment


def _about_environment(meaning: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in meaning.items() if key.startswith(f"{ENVIRONMENT}.")}


def _first_wants(buildroot: SourcePin, environment: EnvironmentPin) -> list[Want]:
    debs = [
        Want(digest=pin.digest, name=pin.path, urls=(environment.url(pin),))
        for pin in environment.packages
    ]
    return [Want(digest=buildroot.digest, name=buildroot.path, urls=buildroot.urls), *debs]


def _epoch(manifest: Manifest, buildroot: Release) -> int:
    if manifest.source_date_epoch is not None:
        return manifest.source_date_epoch
    epoch = buildroot.facts.get("epoch", "")
    if not epoch.isdecimal():
        raise NoSolutionError(
            f"nobody knows when Buildroot {buildroot.version} was released",
            hint="set source-date-epoch in [buildroot] of kutter.toml",
        )
    return int(epoch)


def _input_pin(choice: Choice, previous: Lock | None) -> InputPin:
    """Keep an unmoved pin as it is: what else a newer catalog knows is no change of the lock."""
    known = previous.inputs.get(choice.name) if previous else None
    if known and (known.version, known.constraint) == (choice.version, choice.constraint):
        return known
    return choice.pin()


def _require_used(manifest: Manifest, lock: Lock) -> None:
    """Refuse a pin that pins nothing: a fix that is not in the image is worse than none."""
    built = {
        name.removeprefix("host-") for board in lock.boards.values() for name in board.packages
    }
    unused = sorted(set(manifest.packages) - built)
    if unused:
        near = {name: difflib.get_close_matches(name, built, n=1) for name in unused}
        raise ManifestError(
            "kutter.toml pins packages that no board builds",
            details=[
                f"packages.{name}" + (f": did you mean {near[name][0]}?" if near[name] else "")
                for name in unused
            ],
            hint="take the table out, or select the package in a board's defconfig",
        )


def _require_trust(manifest: Manifest, lock: Lock, project: Path) -> None:
    faults = stale_fields(manifest, lock, project)
    if faults:
        raise PolicyError(
            "the lock would not be what kutter.toml demands",
            details=faults,
            hint="get better word of these pins, or lower policy.minimum-trust",
        )
