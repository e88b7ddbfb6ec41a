"""What Buildroot knows about a configuration: the output of its `show-info`, as values.

Owns reading and bounding it. URLs are hints only; what a download must hash to is never here.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from kutterlock.errors import KutterError
from kutterlock.model.encoding.table import Fault, Reader, Table
from kutterlock.model.paths import RelativePath

LARGEST = 64 << 20
"""Bytes; two realistic boards have 0.15 MB each, all of Buildroot some 10 MB."""

_METHOD = re.compile(r"(?P<scheme>[a-z0-9]+)(?:\|urlencode)?\+(?=[a-z0-9+.-]+://)")
_RAW_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*\Z")

LANGUAGE_REGISTRY_PATHS = (
    re.compile(r"/packages/(?:source/|[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{60}/)"),
    re.compile(r"/authors/id/[A-Z]/[A-Z0-9-]{2}/"),
    re.compile(r"/api/v[0-9]+/crates/|/crates/[^/]+/[^/]+\.crate\Z"),
    re.compile(r"/-/[^/]+\.tgz\Z"),
    re.compile(r"/@v/[^/]+\.(?:zip|mod)\Z"),
    re.compile(r"\.(?:gem|rock)\Z"),
)
"""Places of files in registries of programming languages, known by the shape of their paths."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """One file: its path below the download directory, and whole URLs, upstream first."""

    path: RelativePath
    urls: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One entry of type target or host.

    `key` is its name in show-info (`host-gcc-final`), `raw_name` the one that hash and patch
    folders have (`gcc-final`). `hash_files` and `package_folder` are as Buildroot words them:
    relative to its tree, or absolute in the sandbox.
    """

    key: str
    raw_name: str
    kind: str
    virtual: bool
    version: str
    licenses: str
    license_files: tuple[str, ...]
    redistributable: bool
    cpe_id: str
    package_folder: str
    downloads: tuple[Download, ...]
    hash_files: tuple[str, ...]
    patches: tuple[str, ...]
    dependencies: tuple[str, ...]
    provides: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowInfo:
    """Everything: packages by key (virtual ones too), and the names of root file systems.

    `local_sources` maps keys of packages to directories that their sources come from, past every
    hash.
    """

    packages: Mapping[str, Package]
    filesystems: tuple[str, ...]
    local_sources: Mapping[str, str]


def parse_show_info(data: bytes) -> ShowInfo:
    """Read what `make -s show-info printvars VARS=%_OVERRIDE_SRCDIR` printed.

    Raises KutterError naming each entry and key that is not as it should be.
    """
    if len(data) > LARGEST:
        raise KutterError(f"show-info printed more than {LARGEST} bytes")
    lines = data.decode("utf-8", "replace").splitlines()
    entries = _json(lines)
    reader = Reader()
    packages: dict[str, Package] = {}
    filesystems: list[str] = []
    for key, table in reader.root(entries).tables():
        if table.text("type") == "rootfs":
            filesystems.append(key)
        else:
            packages[key] = _package(key, table)
    reader.finish(_unreadable)
    local = dict(_local_sources(lines, packages))
    return ShowInfo(packages=packages, filesystems=tuple(filesystems), local_sources=local)


def clean_url(uri: str, file: str) -> str | None:
    """Return the URL of `file` at one of show-info's URIs, None when no web client can get it.

    `https|urlencode+https://host/dir` becomes `https://host/dir/file`.
    """
    match = _METHOD.match(uri)
    scheme = match["scheme"] if match else ""
    url = uri[match.end() :] if match else uri
    if not url.startswith(("https://", "http://")) or scheme not in {"", "http", "https", "wget"}:
        return None
    return f"{url.rstrip('/')}/{quote(file, safe='+~,=@')}"


def is_on_language_registry(url: str) -> bool:
    """Whether a URL has the shape of a file in a programming language's package registry."""
    return any(shape.search(url.partition("?")[0]) for shape in LANGUAGE_REGISTRY_PATHS)


def make_prefix(key: str) -> str:
    """Return the prefix of the make variables of an entry."""
    return key.upper().replace("-", "_").replace(".", "_")


def _json(lines: Iterable[str]) -> Mapping[str, object]:
    document = next((line for line in lines if line.startswith("{")), "")
    try:
        value = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise KutterError(
            f"Buildroot's show-info printed no JSON: {error}",
            hint="something in the configuration prints while makefiles are read, or failed",
        ) from error
    assert isinstance(value, dict)
    return value


def _unreadable(faults: tuple[Fault, ...]) -> KutterError:
    return KutterError(
        "Buildroot's show-info is not as kutterlock knows it",
        details=[str(fault) for fault in faults],
        hint="this Buildroot may be newer than this kutterlock",
    )


def _package(key: str, table: Table) -> Package:
    virtual = table.flag("virtual")
    raw_name = table.text("name")
    if not _RAW_NAME.match(raw_name):
        table.fault("name", f"{raw_name!r} is not the name of a package")
    return Package(
        key=key,
        raw_name=raw_name,
        kind=table.text("type"),
        virtual=virtual,
        version=table.text("version", ""),
        licenses=table.text("licenses", ""),
        license_files=table.texts("license_files"),
        redistributable=table.flag("redistributable", default=True),
        cpe_id=table.text("cpe-id", ""),
        package_folder=table.text("package_dir", ""),
        downloads=tuple(_downloads(table)),
        hash_files=table.texts("hashes"),
        patches=table.texts("patches"),
        dependencies=table.texts("dependencies"),
        provides=table.texts("provides"),
    )


def _downloads(table: Table) -> Iterator[Download]:
    folder = table.text("dl_dir", "")
    for item in table.table_list("downloads"):
        name = item.text("source")
        urls = [clean_url(uri, name) for uri in item.texts("uris")]
        try:
            path = RelativePath(f"{folder}/{name}" if folder else name)
        except ValueError as error:
            item.fault("source", str(error))
            continue
        yield Download(path=path, urls=_hints(url for url in urls if url))


def _hints(urls: Iterable[str]) -> tuple[str, ...]:
    """Keep each URL once, and none of a language's registry: Buildroot's own mirror has those."""
    return tuple(dict.fromkeys(url for url in urls if not is_on_language_registry(url)))


def _local_sources(
    lines: Iterable[str], packages: Mapping[str, Package]
) -> Iterator[tuple[str, str]]:
    keys = {f"{make_prefix(key)}_OVERRIDE_SRCDIR": key for key in packages}
    for line in lines:
        variable, _, folder = line.partition("=")
        if variable in keys and folder.strip():
            yield keys[variable], folder.strip()
