"""Makes what the verbs of building and resolving need, from a context and a command's options."""

import argparse
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from kutterlock.cli.context import Context
from kutterlock.errors import UsageError

if TYPE_CHECKING:
    from kutterlock.adapters.oci.registry import Answered
    from kutterlock.adapters.sandbox.run import Sandbox
    from kutterlock.build.workshop import Workshop
    from kutterlock.catalog.reader import Catalog
    from kutterlock.model.lock import EnvironmentPin, Lock
    from kutterlock.model.manifest import EnvironmentRequest
    from kutterlock.model.oci.reference import Reference
    from kutterlock.resolve.pipeline import Doors
    from kutterlock.vendor.wants import Want

DEBIAN_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def output_root(context: Context, arguments: argparse.Namespace) -> Path:
    """Return where outputs go: `--output`, else `output/` of the project."""
    from kutterlock.adapters.disk.files import real_path

    return real_path(Path(arguments.output)) if arguments.output else context.project / "output"


def workshop(context: Context, arguments: argparse.Namespace) -> "Workshop":
    """Make the workshop; a sandbox is looked for when the first step needs one."""
    from kutterlock.adapters.sandbox.run import choose_sandbox
    from kutterlock.build.workshop import Workshop

    search_path = context.environ.get("PATH", "")

    @cache
    def sandbox() -> "Sandbox":
        return choose_sandbox(search_path, arguments.sandbox)

    return Workshop(
        project=context.project,
        cache=context.cache,
        outputs=output_root(context, arguments),
        store=context.store(),
        sandbox=sandbox,
        progress=context.progress,
        search_path=search_path,
    )


def fetch_closure(context: Context, lock: "Lock", boards: Sequence[str]) -> None:
    """Fetch what is missing of the boards' closure, without opening a socket where nothing is."""
    from kutterlock.vendor.closure import ClosureRequest
    from kutterlock.vendor.closure import fetch_closure as fetch
    from kutterlock.vendor.fetch import FetchOptions

    store = context.store()
    request = ClosureRequest(lock=lock, boards=boards)
    options = FetchOptions(sizes=context.sizes().read, on_sizes=context.sizes().note)
    with store.in_use():
        fetch(request, store, context.registries, context.progress, options).check()


def fetch_wants(
    context: Context,
    wants: Sequence["Want"],
    *,
    offline: bool = False,
    jobs: int = 4,
    folders: Sequence[Path] = (),
) -> None:
    """Fetch, or raise with the list of what could not be had."""
    from kutterlock.vendor.fetch import FetchOptions, fetch

    options = FetchOptions(
        jobs=jobs, offline=offline, folders=tuple(folders), sizes=context.sizes().read,
        on_sizes=context.sizes().note,
    )  # fmt: skip
    store = context.store()
    with store.in_use():
        fetch(wants, store, context.http, context.progress, options).check()


def resolve_doors(context: Context, arguments: argparse.Namespace, catalog: "Catalog") -> "Doors":
    """Make everything that resolving needs of the outside."""
    from kutterlock.resolve.pipeline import Doors

    folders = mirror_folders(arguments)
    return Doors(
        catalog=catalog,
        workshop=workshop(context, arguments),
        fetch=lambda wants: fetch_wants(
            context, wants, offline=arguments.offline, jobs=arguments.jobs, folders=folders
        ),
        environment=lambda wanted: _environment(context, wanted, offline=arguments.offline),
        ask_registry=None if arguments.offline else lambda name: ask_registry(context, name),
    )


def ask_registry(context: Context, reference: "Reference") -> "Answered":
    """Fetch what a tag stands for now. Raises NetworkError."""
    allowed = context.manifest().policy.allowed_hosts if context.manifest_path.exists() else ()
    registries = context.registries(allowed_hosts=allowed)
    try:
        return registries.manifest(reference)
    finally:
        registries.close()


def mirror_folders(arguments: argparse.Namespace) -> tuple[Path, ...]:
    """Return the folders of `--mirror`. Raises UsageError."""
    folders = tuple(Path(folder) for folder in arguments.mirror)
    for folder in folders:
        if not folder.is_dir():
            raise UsageError(f"--mirror {folder} is not a directory")
    return folders


def add_network_options(parser: argparse.ArgumentParser) -> None:
    """Add what commands take that may fetch something."""
    parser.add_argument(
        "--debian-mirror", metavar="URL",
        help="take Debian's files from this mirror; 'auto': the one that apt here uses",
    )  # fmt: skip


def _environment(
    context: Context, request: "EnvironmentRequest", *, offline: bool
) -> "EnvironmentPin":
    from kutterlock.model.lock import EnvironmentPin

    if request.kind == "host":
        import platform

        machine = platform.machine()
        return EnvironmentPin(kind="host", architecture=DEBIAN_ARCHITECTURES.get(machine, machine))
    return _debian_environment(context, request, offline=offline)


def _debian_environment(
    context: Context, request: "EnvironmentRequest", *, offline: bool
) -> "EnvironmentPin":
    import contextlib

    from kutterlock.adapters.disk.index_cache import IndexCache
    from kutterlock.adapters.signing.gpg import Gpg
    from kutterlock.resolve.archive_keys import KEYRING, ArchiveKeys
    from kutterlock.resolve.environment import resolve_environment

    settings = context.settings
    keys = ArchiveKeys(
        Gpg(context.environ.get("PATH", "")), settings.keyrings.get("debian", KEYRING)
    )
    if settings.fingerprints.get("debian"):
        from dataclasses import replace

        keys = replace(keys, fingerprints=frozenset(settings.fingerprints["debian"]))
    with contextlib.nullcontext() if offline else context.http() as http:
        return resolve_environment(
            request, http, keys, cache=IndexCache(context.cache / "debian"), now=context.now(),
            progress=context.progress, on_sizes=context.sizes().note,
        )  # fmt: skip
