"""The bill of materials of a board: every package, prebuilt binary and image, as values.

What `cyclonedx` and `spdx` beside it write in their own forms. Pure and without a clock: the same
lock gives the same bill.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from kutterlock.model.buildroot.showinfo import Package, ShowInfo
from kutterlock.model.digest import Digest
from kutterlock.model.lock import BoardPin, ImagePin, Lock, SourcePin
from kutterlock.model.sbom.licences import spdx_id, split_licences

_GITHUB = re.compile(r"https://github\.com/(?P<name>[^/]+/[^/]+)/(?:archive|releases)/")
_PREBUILT = re.compile(r"toolchain-external-(?!custom)|.*-bin\Z")
"""Raw names of Buildroot packages that install what somebody else compiled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """One licence: its SPDX identifier, or the words of whoever packaged it."""

    name: str
    spdx: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """A patch on a package's source; `digest` is known for the project's own."""

    path: str
    digest: Digest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file that a package was made from."""

    name: str
    digest: Digest
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One component. `kind` is `target` (in the output), `host` (a build tool) or `image`."""

    ref: str
    name: str
    version: str
    kind: str
    purl: str
    cpe: str = ""
    licences: tuple[Licence, ...] = ()
    sources: tuple[Source, ...] = ()
    patches: tuple[Patch, ...] = ()
    dependencies: tuple[str, ...] = ()
    prebuilt: bool = False
    digest: Digest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """Everything in one board. `epoch` is the time that the build saw, seconds since 1970."""

    project: str
    version: str
    board: str
    lock: Digest
    epoch: int
    tool: str
    items: tuple[Item, ...] = field(repr=False)


def make_bill(  # noqa: PLR0913 -- each is one fact
    lock: Lock,
    digest: Digest,
    board: BoardPin,
    info: ShowInfo,
    *,
    binaries: Collection[Digest],
    licences: Collection[str],
    tool: str,
) -> Bill:
    """Make a board's bill from its lock (whose file has `digest`) and Buildroot's show-info.

    `binaries` are the digests of files that upstream compiled; `licences` SPDX's identifiers.
    """
    sources = {str(pin.path): pin for pin in lock.sources_of(board)}
    packages = {
        key: package
        for key, package in info.packages.items()
        if not package.virtual and (package.version or package.downloads)
    }
    made = _Maker(lock, sources, packages, frozenset(binaries), licences)
    items = [made.item(package) for package in packages.values()]
    items += [_image(lock.images[name]) for name in board.images]
    return Bill(
        project=lock.project,
        version=lock.project_version,
        board=board.name,
        lock=digest,
        epoch=lock.source_date_epoch,
        tool=tool,
        items=tuple(sorted(items, key=lambda item: item.ref)),
    )


@dataclass(frozen=True, slots=True)
class _Maker:
    lock: Lock
    pins: Mapping[str, SourcePin]
    packages: Mapping[str, Package]
    binaries: frozenset[Digest]
    known_licences: Collection[str]

    def item(self, package: Package) -> Item:
        sources = tuple(_source(pin) for pin in self._pins(package))
        digests = {source.digest for source in sources}
        return Item(
            ref=f"package/{package.key}",
            name=package.raw_name,
            version=package.version,
            kind=package.kind,
            purl=_purl(package, sources),
            cpe=package.cpe_id,
            licences=self._licences(package),
            sources=sources,
            patches=tuple(self._patches(package)),
            dependencies=tuple(self._dependencies(package)),
            prebuilt=bool(digests & self.binaries or _PREBUILT.match(package.raw_name)),
        )

    def _pins(self, package: Package) -> Iterable[SourcePin]:
        for download in package.downloads:
            if pin := self.pins.get(str(download.path)):
                yield pin

    def _licences(self, package: Package) -> tuple[Licence, ...]:
        return tuple(
            Licence(name=name, spdx=spdx_id(name, self.known_licences))
            for name in split_licences(package.licenses)
        )

    def _patches(self, package: Package) -> Iterable[Patch]:
        override = self.lock.overrides.get(package.raw_name)
        own = {str(path): digest for path, digest in override.patches} if override else {}
        for path, digest in own.items():
            yield Patch(path=path, digest=digest)
        names = {path.rpartition("/")[2] for path in own}
        for path in sorted(package.patches):
            if path.rpartition("/")[2] not in names:
                yield Patch(path=path)

    def _dependencies(self, package: Package) -> Iterable[str]:
        for key in sorted(package.dependencies):
            if key in self.packages:
                yield f"package/{key}"


def _source(pin: SourcePin) -> Source:
    return Source(name=str(pin.path), digest=pin.digest, url=pin.urls[0] if pin.urls else "")


def _purl(package: Package, sources: tuple[Source, ...]) -> str:
    url = sources[0].url if sources else ""
    version = quote(package.version or "unknown", safe="")
    if match := _GITHUB.match(url):
        return f"pkg:github/{match['name'].lower()}@{version}"
    where = f"?download_url={quote(url, safe='')}" if url else ""
    return f"pkg:generic/{quote(package.raw_name, safe='')}@{version}{where}"


def image_purl(reference: str, digest: Digest) -> str:
    """Return the package URL of an image as `reference` names it."""
    repository, tag = _split(reference)
    name = repository.rpartition("/")[2]
    where = f"repository_url={quote(repository, safe='')}" + (f"&tag={quote(tag)}" if tag else "")
    return f"pkg:oci/{quote(name.lower())}@{quote(digest, safe='')}?{where}"


def _split(reference: str) -> tuple[str, str]:
    repository, _, tag = reference.partition("@")[0].rpartition(":")
    if not repository or "/" in tag:
        return reference.partition("@")[0], ""
    return repository, tag


def _image(pin: ImagePin) -> Item:
    return Item(
        ref=f"image/{pin.reference}",
        name=pin.reference,
        version=_split(pin.reference)[1] or pin.digest,
        kind="image",
        purl=image_purl(pin.reference, pin.digest),
        digest=pin.digest,
        prebuilt=True,
    )
