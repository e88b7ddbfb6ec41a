"""The closure of a board: every file that Buildroot will want, each with one agreed hash.

Owns judging Buildroot's answers: is the defconfig honoured, are the versions the locked ones,
does every download have a hash, and do all who promise one agree.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from kutterlock.adapters.process import end_running
from kutterlock.adapters.workers import map_in_threads
from kutterlock.build import recipe
from kutterlock.catalog.types import ReleaseFile
from kutterlock.errors import KutterError, ManifestError
from kutterlock.model.buildroot.hashfile import Promise, agreed, parse_hash_file
from kutterlock.model.buildroot.kconfig import check_honoured, parse_config
from kutterlock.model.buildroot.showinfo import Download, Package, ShowInfo, parse_show_info
from kutterlock.model.digest import Digest
from kutterlock.model.lock import SourcePin, Trust
from kutterlock.model.manifest import PackagePin
from kutterlock.resolve.evaluation import Bench, Evaluation, Question, evaluate

VENDORED_UPSTREAM = frozenset({"cni-plugins", "containerd", "kubernetes", "runc"})
"""Inputs whose archives ship `vendor/`: Buildroot's Go post-processing leaves them as they are."""

_GITHUB = re.compile(
    r"https://github\.com/(?P<repository>[^/]+/[^/]+)/archive/(?:refs/tags/)?"
    r"(?P<tag>[^/]+?)(?:\.tar\.gz|/[^/]+\.tar\.gz)\Z"
)
_POST_PROCESSED = re.compile(r"-(?:go|cargo|git|svn)[0-9]+\.tar\.[a-z0-9]+\Z")
_TREE_VERSION = re.compile(r"^# Buildroot (\S+) Configuration$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pins:
    """What a board's downloads are judged by: locked versions, the user's pins, the catalog."""

    versions: recipe.Versions
    packages: Mapping[str, PackagePin]
    release_files: Mapping[str, tuple[ReleaseFile, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardClosure:
    """What a board comes to.

    `config` digests its whole `.config`; `packages` maps show-info's names to versions (virtual
    ones left out); each source's `key` is its path. `evaluation` keeps Buildroot's raw answers.
    """

    board: str
    config: Digest
    packages: Mapping[str, str]
    sources: tuple[SourcePin, ...]
    evaluation: Evaluation


def evaluate_board(question: Question, pins: Pins, bench: Bench) -> BoardClosure:
    """Ask Buildroot about a board and judge its answers.

    Raises ManifestError for what the project must change, HashMismatchError where two hashes are
    promised for one file, BuildError where Buildroot itself fails.
    """
    answer = evaluate(question, bench)
    config = answer.config.decode("utf-8", "surrogateescape")
    check_honoured(answer.requested, parse_config(config), question.defconfig)
    _check_tree(config, pins.versions.inputs.get("buildroot"))
    info = parse_show_info(answer.show_info)
    _check_local_sources(question.board, info)
    _check_versions(question.board, info, pins)
    return BoardClosure(
        board=question.board,
        config=Digest.of(answer.config),
        packages={p.key: p.version for p in info.packages.values() if not p.virtual},
        sources=_sources(question.board, info, answer.hash_files, pins),
        evaluation=answer,
    )


def evaluate_boards(
    items: Iterable[tuple[Question, Pins]], bench: Bench, *, workers: int
) -> tuple[BoardClosure, ...]:
    """Evaluate boards side by side, `workers` at once; results in the order of `items`."""
    found = map_in_threads(
        lambda item: evaluate_board(*item, bench), items, max(workers, 1), end_running
    )
    return tuple(found)


def _check_tree(config: str, version: str | None) -> None:
    """Compare what the tree calls itself with the lock: an archive may be of another release."""
    match = _TREE_VERSION.search(config)
    if match and version is not None and match[1] != version:
        raise ManifestError(
            f"the tree pinned as Buildroot {version} calls itself {match[1]}",
            hint="the archive's hash belongs to another release: correct where it came from",
        )


def _check_local_sources(board: str, info: ShowInfo) -> None:
    """Refuse sources that no digest covers; directories of overlays and of the tree have one."""
    covered = (recipe.OVERLAYS, recipe.TREE)
    past = [
        f"{key} takes its source from {folder}"
        for key, folder in sorted(info.local_sources.items())
        if not any(PurePosixPath(folder).is_relative_to(place) for place in covered)
        or ".." in PurePosixPath(folder).parts
    ]
    if past:
        raise ManifestError(
            f"board {board!r} has packages whose source goes past every hash",
            details=past,
            hint="move the source into an overlay, or let the package download a hashed file",
        )


def _check_versions(board: str, info: ShowInfo, pins: Pins) -> None:
    wrong = list(_wrong_versions(info, pins))
    if wrong:
        raise ManifestError(
            f"board {board!r} would not build the locked versions",
            details=wrong,
            hint="pin a package by the name that Buildroot has for it; for a kernel, set "
            "BR2_LINUX_KERNEL_CUSTOM_VERSION=y in the defconfig",
        )


def _wrong_versions(info: ShowInfo, pins: Pins) -> Iterator[str]:
    providers = {name: p.raw_name for p in info.packages.values() for name in p.provides}
    for package in info.packages.values():
        pin = pins.packages.get(package.raw_name)
        expected = pins.versions.inputs.get(package.raw_name)
        if pin is not None and pin.version is not None:
            expected = pin.version
        if package.virtual:
            if pin is not None and package.key == package.raw_name:
                provider = providers.get(package.key, "another package")
                yield f"packages.{pin.name}: {pin.name} is virtual: pin {provider}"
        elif expected is not None and package.version not in {expected, f"v{expected}"}:
            yield f"{package.key}: locked {expected}, Buildroot would build {package.version}"


def _sources(
    board: str, info: ShowInfo, hash_files: Mapping[str, str], pins: Pins
) -> tuple[SourcePin, ...]:
    parsed = {
        name: parse_hash_file(text, name.removeprefix("/kutter/"))
        for name, text in hash_files.items()
    }
    wanted: dict[str, list[tuple[Package, Download]]] = {}
    for package in info.packages.values():
        if package.key not in info.local_sources:
            for download in package.downloads:
                wanted.setdefault(download.path, []).append((package, download))
    sources: list[SourcePin] = []
    unknown: list[str] = []
    for path, uses in sorted(wanted.items()):
        promises = [p for use in uses for p in _promises(*use, parsed, pins)]
        promise = agreed(path, promises)
        if promise is None:
            unknown.append(_unknown(*uses[0]))
        else:
            sources.append(_source(uses, promise, pins))
    if unknown:
        raise _hashes_missing(board, unknown)
    return tuple(sources)


def _source(uses: Iterable[tuple[Package, Download]], promise: Promise, pins: Pins) -> SourcePin:
    uses = tuple(uses)
    download = uses[0][1]
    urls = [url for package, use in uses for url in _urls(package, use, pins)]
    return SourcePin(
        key=str(download.path),
        path=download.path,
        digest=promise.digest,
        urls=tuple(dict.fromkeys(urls)),
        trust=promise.trust,
        packages=tuple(sorted({package.raw_name for package, _ in uses})),
    )


def _urls(package: Package, download: Download, pins: Pins) -> tuple[str, ...]:
    """Put the user's and the catalog's URLs first: Buildroot's may lead over a redirect."""
    pin = pins.packages.get(package.raw_name)
    own = [pin.url] if pin and pin.url and _is_pinned(pin, package, download) else []
    exact = [file.url for file in _released(download, pins) if file.digest]
    return (*own, *exact, *download.urls)


def _promises(
    package: Package,
    download: Download,
    parsed: Mapping[str, Mapping[str, tuple[Promise, ...]]],
    pins: Pins,
) -> Iterator[Promise]:
    """Yield every promise about a download: its package's hash files, the user's pin, upstream."""
    for name in package.hash_files:
        yield from parsed.get(name, {}).get(download.path.name, ())
    pin = pins.packages.get(package.raw_name)
    if pin is not None and pin.digest is not None and _is_pinned(pin, package, download):
        by = f"kutter.toml, packages.{pin.name}.sha256"
        yield Promise(digest=pin.digest, trust=Trust(level="checksum", by=by))
    for file in _released(download, pins):
        if file.digest is not None:
            yield Promise(digest=file.digest, trust=file.trust)


def _is_pinned(pin: PackagePin, package: Package, download: Download) -> bool:
    if pin.file_name is not None:
        return download.path.name == pin.file_name
    return len(package.downloads) == 1


def _released(download: Download, pins: Pins) -> Iterator[ReleaseFile]:
    """Yield release files of locked inputs that are this very download, told by its URL."""
    places = {_canonical(url) for url in download.urls}
    is_changed = bool(_POST_PROCESSED.search(download.path.name))
    for name, files in pins.release_files.items():
        if not is_changed or name in VENDORED_UPSTREAM:
            yield from (file for file in files if _canonical(file.url) in places)


def _canonical(url: str) -> str:
    """Return one spelling for the many that GitHub has for a tag's archive."""
    match = _GITHUB.match(url)
    if not match:
        return url
    return f"https://github.com/{match['repository']}/archive/{match['tag']}.tar.gz"


def _unknown(package: Package, download: Download) -> str:
    key = f"packages.{package.raw_name}.sha256"
    if len(package.downloads) == 1:
        return f"{package.raw_name}: {download.path}: add {key} to kutter.toml"
    return (
        f"{package.raw_name}: {download.path}: add it to {package.raw_name}.hash in a folder "
        "of BR2_GLOBAL_PATCH_DIR"
    )


def _hashes_missing(board: str, unknown: list[str]) -> KutterError:
    count = "one file" if len(unknown) == 1 else f"{len(unknown)} files"
    return ManifestError(
        f"no hash is known for {count} that board {board!r} downloads",
        details=unknown,
        hint="take the hash from upstream's own announcement: kutterlock never guesses one",
    )
