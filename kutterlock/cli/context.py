"""What a command is given: the places, the settings, and how to talk to the user.

Everything ambient (environment, clock, working directory) entered in `kutterlock.cli.main`; a
`Context` holds it as values and makes adapters from it when a command asks.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kutterlock.cli.output import Output
from kutterlock.model.progress import Progress

if TYPE_CHECKING:  # every command imports this module: it may cost next to nothing
    import datetime

    from kutterlock.adapters.disk.sizes import SizeBook
    from kutterlock.adapters.disk.store import Store
    from kutterlock.adapters.http.client import Http
    from kutterlock.adapters.oci.registry import Registries
    from kutterlock.catalog.reader import Catalog
    from kutterlock.model.lock import Lock
    from kutterlock.model.manifest import Manifest
    from kutterlock.model.settings import Settings


class Context(NamedTuple):
    """One invocation of kutterlock. A named tuple: importing `dataclasses` costs `--help` 8 ms."""

    project: Path
    cache: Path
    store_path: Path
    environ: Mapping[str, str]
    output: Output
    progress: Progress
    now: Callable[[], "datetime.datetime"]

    @property
    def manifest_path(self) -> Path:
        """Where `kutter.toml` stands."""
        return self.project / "kutter.toml"

    @property
    def config(self) -> Path:
        """The directory of the user's configuration: keys and pinned trust roots."""
        return self.settings_path.parent

    @property
    def settings_path(self) -> Path:
        """Where the user's configuration stands."""
        from kutterlock.adapters.places import settings_path

        return settings_path(self.environ)

    @property
    def state(self) -> Path:
        """What must not be forgotten: the highest releases seen (KUTTER_STATE, else XDG)."""
        home = Path(self.environ.get("HOME", "/"))
        base = Path(self.environ.get("XDG_STATE_HOME") or home / ".local/state")
        return Path(self.environ.get("KUTTER_STATE") or base / "kutter")

    @property
    def lock_path(self) -> Path:
        """Where `kutter.lock` stands."""
        return self.project / "kutter.lock"

    @property
    def settings(self) -> "Settings":
        """The user's configuration and what the environment adds to it. Raises UsageError."""
        from kutterlock.adapters.settings import read_settings

        return read_settings(self.environ)

    def http(self, *, allowed_hosts: tuple[str, ...] = ()) -> "Http":
        """Open the door to the network; the caller closes it. Raises UsageError."""
        from kutterlock.adapters.http.client import Http
        from kutterlock.adapters.settings import http_options

        return Http(http_options(self.settings, allowed_hosts=allowed_hosts))

    def registries(self, *, allowed_hosts: tuple[str, ...] = ()) -> "Registries":
        """Open the door to the network and to registries; the caller closes it. UsageError."""
        from kutterlock.adapters.oci.auth import Logins, auth_file_paths, read_auth_files
        from kutterlock.adapters.oci.registry import Registries

        http = self.http(allowed_hosts=allowed_hosts)
        files = read_auth_files(auth_file_paths(self.environ))
        return Registries(http, Logins(files=files, netrc=http.options.logins))

    def manifest(self) -> "Manifest":
        """Read `kutter.toml`. Raises ManifestError."""
        from kutterlock.adapters.tomlfile import read_manifest

        return read_manifest(self.manifest_path)

    def lock(self) -> "Lock":
        """Read `kutter.lock`. Raises LockError."""
        from kutterlock.adapters.tomlfile import read_lock

        self.expect_lock()
        return read_lock(self.lock_path)

    def expect_lock(self) -> None:
        """Raise LockError where the lock may still come: with an import that is unfinished."""
        if not self.lock_path.exists() and self.store().incoming():
            from kutterlock.errors import LockError

            raise LockError(
                f"there is no {self.lock_path}",
                hint="an import is unfinished in this store: `kutterlock bundle import` its "
                "missing volumes; or run `kutterlock resolve` to write a lock",
            )

    def store(self) -> "Store":
        """Return the store, with the stores that KUTTER_STORE_MIRRORS names as mirrors."""
        from kutterlock.adapters.disk.store import Store

        named = self.environ.get("KUTTER_STORE_MIRRORS", "").split(os.pathsep)
        return Store(self.store_path, mirrors=(Path(path) for path in named if path))

    @property
    def updates_path(self) -> Path:
        """Where `catalog update` keeps what it learnt."""
        return self.cache / "catalog"

    def catalog(self) -> "Catalog":
        """Return the catalog (KUTTER_CATALOG, else as shipped) under this user's updates.

        A catalog of one's own has no updates: they were learnt on top of the shipped one.
        """
        from kutterlock.catalog.reader import load_catalog

        own = self.environ.get("KUTTER_CATALOG")
        return load_catalog(Path(own)) if own else load_catalog(updates=self.updates_path)

    def sizes(self) -> "SizeBook":
        """Return what is known of the sizes of files."""
        from kutterlock.adapters.disk.sizes import SizeBook

        return SizeBook(self.cache / "sizes.json")
