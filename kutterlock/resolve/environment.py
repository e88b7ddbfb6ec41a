"""Pinning the build environment: from a suite's name to every .deb by digest."""

import datetime
from collections.abc import Callable, Mapping

from kutterlock.adapters.disk.index_cache import IndexCache
from kutterlock.errors import KutterError, ManifestError
from kutterlock.model.buildroot.toolchain import toolchain_packages
from kutterlock.model.debian.index import Package, PackageIndex, Release
from kutterlock.model.debian.solve import solve_closure
from kutterlock.model.digest import Digest
from kutterlock.model.lock import DebianPackagePin, EnvironmentPin
from kutterlock.model.manifest import EnvironmentRequest
from kutterlock.model.progress import Progress
from kutterlock.resolve.debian_archive import (
    SNAPSHOT,
    STAMP,
    Archives,
    Fetcher,
    Moment,
    Suite,
    Verify,
)

DEFAULT_PACKAGES = (
    "bc", "bison", "bzip2", "ca-certificates", "cpio", "debianutils", "diffutils", "file",
    "findutils", "flex", "g++", "gawk", "gcc", "git", "gzip", "libc6-dev", "libcrypt-dev",
    "libelf-dev", "libssl-dev", "locales", "make", "patch", "perl", "python3", "rsync", "sed",
    "tar", "unzip", "wget", "xz-utils",
)  # fmt: skip
"""What Buildroot's own dependency check asks for, and what a kernel build needs besides."""

SETTLING = datetime.timedelta(hours=12)
"""How long after a Release file's date its snapshot is surely taken.

snapshot.debian.org takes one after each run of the archive (about two hours after the date, every
six hours) and answers for a time with the snapshot before it. Debian keeps a file for a day and a
half after the last suite dropped it, so the later snapshot has all files of the earlier one.
"""


def resolve_environment(  # noqa: PLR0913 -- the doors, and keywords
    request: EnvironmentRequest,
    fetcher: Fetcher | None,
    verify: Verify,
    *,
    cache: IndexCache,
    now: datetime.datetime,
    progress: Progress,
    on_sizes: Callable[[Mapping[Digest, int]], None] = lambda _: None,
) -> EnvironmentPin:
    """Pin the environment that the manifest asks for.

    Without a fetcher it is solved from the lists in `cache`, where each reading leaves them. `now`
    (UTC) stands where the manifest names no snapshot; `on_sizes` is told how large each .deb is, in
    bytes, which no lock keeps. Raises NoSolutionError, NetworkError, UntrustedError,
    HashMismatchError, MissingInputError; ManifestError for a toolchain or snapshot that cannot be.
    """
    if request.kind == "host":
        return EnvironmentPin(kind="host", architecture=request.architecture)
    wanted = wanted_packages(request)
    moment = Moment.of(request.snapshot, now)
    archives = Archives(
        fetcher=fetcher, cache=cache, verify=verify, moment=moment, progress=progress
    )
    index = PackageIndex(request.architecture)
    releases: dict[str, list[Release]] = {}
    for suite in suites(request):
        release = archives.release(suite)
        if release is not None:
            archives.add_packages(index, suite, release)
            releases.setdefault(suite.archive, []).append(release)
    packages = _solved(index, wanted)
    on_sizes({package.digest: package.size for package in packages})
    return _pin(request, packages, _stamps(releases, moment))


def wanted_packages(request: EnvironmentRequest) -> tuple[str, ...]:
    """Name what the closure is made for: the defaults, the manifest's, the toolchains'.

    `-NAME` in the manifest's packages takes a name out again.
    """
    names = set(DEFAULT_PACKAGES)
    for triplet in request.toolchains:
        try:
            names.update(toolchain_packages(triplet, request.architecture))
        except ValueError as error:
            raise _fault("toolchains", str(error)) from error
    dropped = {name.removeprefix("-") for name in request.packages if name.startswith("-")}
    if unknown := sorted(dropped - names):
        raise _fault("packages", f"'-{unknown[0]}' takes out what is not in the default list")
    return tuple(sorted((names - dropped).union(n for n in request.packages if n[:1] != "-")))


def _fault(key: str, reason: str) -> ManifestError:
    return ManifestError(
        "kutter.toml has one fault", details=[f"build-environment.{key}: {reason}"]
    )


def suites(request: EnvironmentRequest) -> tuple[Suite, ...]:
    """Name the suites that are read; among packages of one version the first one's wins."""
    found = [
        Suite(archive="debian", name=request.suite),
        Suite(archive="debian", name=f"{request.suite}-updates", optional=True),
    ]
    if request.security:
        found.append(Suite(archive="debian-security", name=f"{request.suite}-security"))
    return tuple(found)


def _solved(index: PackageIndex, wanted: tuple[str, ...]) -> tuple[Package, ...]:
    try:
        return solve_closure(index, wanted)
    except ValueError as error:
        raise KutterError(f"Debian's package list cannot be read: {error}") from error


def _stamps(releases: Mapping[str, list[Release]], moment: Moment) -> dict[str, str]:
    """Return the snapshot of each archive that surely contains what was read."""
    if moment.is_past:
        return dict.fromkeys(releases, moment.stamp)
    newest = {name: max(r.date for r in found) for name, found in releases.items()}
    return {name: (date + SETTLING).strftime(STAMP) for name, date in newest.items()}


def _pin(
    request: EnvironmentRequest, packages: tuple[Package, ...], stamps: Mapping[str, str]
) -> EnvironmentPin:
    return EnvironmentPin(
        kind="debian",
        architecture=request.architecture,
        suite=request.suite,
        snapshot=max(stamps.values()),
        archives={name: f"{SNAPSHOT}/{name}/{stamp}/" for name, stamp in stamps.items()},
        packages=tuple(
            DebianPackagePin(
                name=package.name,
                version=str(package.version),
                archive=package.archive,
                path=package.path,
                digest=package.digest,
            )
            for package in packages
        ),
        toolchains=tuple(sorted(set(request.toolchains))),
    )
