"""The catalog: shipped facts about upstream versions, read when asked for.

Owns where the data files are and that each is parsed at most once. `updates` is a directory of
the same form, written by `kutterlock catalog update`; it may add and fill, never contradict.
"""

import contextlib
import datetime
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomli

from kutterlock.catalog import entries
from kutterlock.catalog.merge import merge_images, merge_input
from kutterlock.catalog.types import (
    CatalogImage,
    CompatibilityRule,
    KernelNeed,
    KernelOptions,
    Release,
    Support,
)
from kutterlock.errors import KutterError
from kutterlock.model.digest import Digest
from kutterlock.model.manifest import INPUTS

SHIPPED = Path(__file__).parent / "data"
LARGEST = 8 << 20
"""No data file is larger, in bytes."""


def load_catalog(directory: Path | None = None, updates: Path | None = None) -> "Catalog":
    """Return the catalog of a directory (default: as shipped) under an overlay of updates.

    Files are read on first use: errors come then, too.
    """
    return Catalog(directory=directory or SHIPPED, updates=updates)


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """Facts of one date. Every method reads at most the files that it needs, each once."""

    directory: Path
    updates: Path | None = None
    _cache: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def date(self) -> datetime.date:
        """The day whose state the catalog describes."""
        tables = (self._shipped("catalog"), self._update("catalog"))
        dates: list[datetime.date] = [table["date"] for table in tables if "date" in table]
        return max(dates)

    @property
    def digest(self) -> Digest:
        """The sha256 of the data files' `sha256  name` lines, updates included."""
        lines = [
            f"{hashlib.sha256(_bytes_of(path)).hexdigest()}  {place}/{path.name}\n"
            for place, directory in (("catalog", self.directory), ("updates", self.updates))
            if directory is not None
            for path in sorted(directory.glob("*.toml"))
        ]
        return Digest.of("".join(lines).encode())

    @property
    def rules(self) -> tuple[CompatibilityRule, ...]:
        """Every compatibility rule, in the file's order."""
        with self._explained("compatibility", "rules"):
            return entries.read_rules(self._table("compatibility"))

    @property
    def kernel_options(self) -> KernelOptions:
        """The kernel options that Kubernetes asks for."""
        with self._explained("compatibility", "kernel options"):
            return entries.read_kernel_options(self._table("compatibility"))

    @property
    def kernel_needs(self) -> tuple[KernelNeed, ...]:
        """Who asks what of the kernel of a node with cgroup v2; kubeadm's own check first."""
        checked = self.kernel_options
        kubeadm = KernelNeed(
            name="kubeadm",
            why="its preflight check, with cgroup v2",
            required=(*checked.required, *checked.required_cgroup_v2),
            optional=checked.optional,
            source=checked.source,
        )
        with self._explained("kernel", "needs"):
            return (kubeadm, *entries.read_kernel_needs(self._table("kernel")))

    def releases(self, name: str) -> tuple[Release, ...]:
        """Return every release of an input, newest first."""
        key = f"releases {name}"
        if key not in self._cache:
            data = self._table(name)
            found = [self._read(name, version, data) for version in data.get("releases", {})]
            found.sort(key=lambda release: release.version, reverse=True)
            self._cache[key] = tuple(found)
        known: tuple[Release, ...] = self._cache[key]
        return known

    def release(self, name: str, version: str) -> Release | None:
        """Return one release, None where the catalog has not heard of it."""
        data = self._table(name)
        bare = version.removeprefix("v")
        return self._read(name, bare, data) if bare in data.get("releases", {}) else None

    def blank(self, name: str, version: str, facts: Mapping[str, str]) -> Release:
        """Return a release as the templates have it: names and URLs, no hash known."""
        return entries.read_release(name, version, {"facts": facts}, self._table(name))

    def end_of_life(self, name: str, series: str) -> Support | None:
        """Return how long a series is supported, None where nothing is published."""
        with self._explained(name, f"series {series}"):
            return entries.read_support(series, self._table(name))

    def support_of(self, release: Release) -> Support | None:
        """Return how long a release's series is supported."""
        return self.end_of_life(release.name, release.version.series)

    def prefers_long_term(self, name: str) -> bool:
        """Whether a supported long-term series of this input goes before newer ones."""
        return bool(self._table(name).get("support", {}).get("prefer-long-term", False))

    def image(self, reference: str) -> CatalogImage | None:
        """Return an image by `name:tag`, None where the catalog has not heard of it."""
        entry = self._table("images").get("images", {}).get(reference)
        with self._explained("images", reference):
            return None if entry is None else entries.read_image(reference, entry)

    def images_of(self, release: Release) -> tuple[CatalogImage, ...]:
        """Return the images that a release asks for, in its order; unheard-of ones unknown."""
        return tuple(
            self.image(reference) or CatalogImage(reference=reference, digest=None)
            for reference in release.images
        )

    def images(self, kubernetes_version: str) -> tuple[CatalogImage, ...]:
        """Return the images that kubeadm of that version asks for."""
        release = self.release("kubernetes", kubernetes_version)
        return () if release is None else self.images_of(release)

    def _read(self, name: str, version: str, data: Mapping[str, Any]) -> Release:
        with self._explained(name, version):
            return entries.read_release(name, version, data["releases"][version], data)

    @contextlib.contextmanager
    def _explained(self, name: str, what: str) -> Iterator[None]:
        try:
            yield
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise KutterError(
                f"the catalog's entry of {name} {what} cannot be read: {error}",
                hint=f"look into {name}.toml of {self.updates or self.directory}",
            ) from error

    def _table(self, name: str) -> Mapping[str, Any]:
        if name not in self._cache:
            base, update = self._shipped(name), self._update(name)
            merge = merge_images if name == "images" else _merge_of(name)
            self._cache[name] = merge(base, update) if update else base
        table: Mapping[str, Any] = self._cache[name]
        return table

    def _shipped(self, name: str) -> Mapping[str, Any]:
        return read_data(self.directory / f"{name}.toml")

    def _update(self, name: str) -> Mapping[str, Any]:
        path = None if self.updates is None else self.updates / f"{name}.toml"
        return read_data(path) if path is not None and path.exists() else {}


def _merge_of(name: str) -> Any:  # noqa: ANN401 - a table in, a table out
    def merge(base: Mapping[str, Any], update: Mapping[str, Any]) -> Mapping[str, Any]:
        return merge_input(name, base, update) if name in INPUTS else base

    return merge


def _bytes_of(path: Path) -> bytes:
    if path.is_fifo():  # nobody may ever write to it
        raise KutterError(f"{path} is a FIFO, not a file", hint="put a file there, or remove it")
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise KutterError(f"{path} is larger than {LARGEST} bytes")
    return data


def read_data(path: Path) -> Mapping[str, Any]:
    """Parse one data file. Raises KutterError naming it."""
    try:
        return tomli.loads(_bytes_of(path).decode())
    except (OSError, ValueError, RecursionError) as error:
        raise KutterError(
            f"catalog file {path} cannot be read: {error}",
            hint="an update can be removed and fetched again; the shipped files come with the"
            " package",
        ) from error
