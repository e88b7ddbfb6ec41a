"""The manifest, `kutter.toml`: what is wanted.

Owns its shape and its meaning. `meaning()` flattens what a build can depend on to sorted
`key -> text` lines; a lock keeps them, so that staleness is found offline and named by key.
"""

import datetime
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from kutterlock.errors import ManifestError
from kutterlock.model.digest import Digest
from kutterlock.model.encoding.table import Describe, Fault, Reader, Table
from kutterlock.model.lock import IMAGES_IN
from kutterlock.model.paths import RelativePath, plain_name
from kutterlock.model.trust import OBJECTS_TO_SIGN, TRUST_LEVELS
from kutterlock.model.version import parse_specifier

INPUTS = ("buildroot", "linux", "kubernetes", "containerd", "runc", "cni-plugins", "cri-tools",
          "flannel", "cri-dockerd")  # fmt: skip
ARCHITECTURES = ("x86_64", "aarch64")
IMAGE_PLACES = ("disk", "partition", "iso")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagePin:
    """`[packages.NAME]`: one Buildroot package in another version, place or hash."""

    name: str
    version: str | None = None
    url: str | None = None
    digest: Digest | None = None
    patches: tuple[RelativePath, ...] = ()
    reason: str = ""
    review_by: datetime.date | None = None

    @property
    def file_name(self) -> str | None:
        """The name that the download has, from its URL."""
        return self.url.rsplit("/", 1)[-1] if self.url else None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentRequest:
    """`[build-environment]`: the root file system that the build is to run in."""

    kind: Literal["debian", "host"] = "host"
    suite: str = ""
    snapshot: str = ""
    architecture: str = "amd64"
    packages: tuple[str, ...] = ()
    toolchains: tuple[str, ...] = ()
    security: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class BootRequest:
    """`[boards.NAME.boot]`: how QEMU starts the output; no part of the build."""

    kernel: str = ""
    initrd: str = ""
    disk: str = ""
    firmware: str = ""
    append: str = ""
    memory: str = "1G"
    cpus: int = 2
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardRequest:
    """`[boards.NAME]`: one build target."""

    name: str
    arch: str
    defconfig: str
    overlays: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    images: bool = True
    images_in: tuple[str, ...] = IMAGES_IN
    boot: BootRequest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """`[policy]`: what this project accepts beyond the built-in rules."""

    allow_end_of_life: tuple[str, ...] = ()
    minimum_trust: str = "first-use"
    allowed_hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Everything that `kutter.toml` says."""

    name: str
    version: str
    inputs: Mapping[str, str]
    buildroot_archive: Literal["tag", "release"] = "tag"
    source_date_epoch: int | None = None
    packages: Mapping[str, PackagePin] = field(default_factory=lambda: MappingProxyType({}))
    environment: EnvironmentRequest = field(default_factory=EnvironmentRequest)
    boards: Mapping[str, BoardRequest] = field(default_factory=lambda: MappingProxyType({}))
    extra_images: tuple[str, ...] = ()
    policy: Policy = field(default_factory=Policy)
    trust_require: tuple[str, ...] = ()
    trust_thresholds: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def overlays(self) -> tuple[str, ...]:
        """Every overlay that a board uses, sorted."""
        return tuple(sorted({name for board in self.boards.values() for name in board.overlays}))

    def meaning(self) -> dict[str, str]:
        """Flatten to sorted `dotted.key -> text`, without what no build depends on."""
        return dict(sorted(_meaning(self)))


def parse_manifest(data: Mapping[str, Any], describe: "Describe") -> Manifest:
    """Read a parsed `kutter.toml`; `describe` words one fault (it may know the line).

    Raises ManifestError with every fault in its details.
    """
    reader = Reader()
    root = reader.root(data)
    project = root.table("project", required=True)
    build = root.table("buildroot")
    images = root.table("images")
    trust = root.table("trust")
    manifest = Manifest(
        name=project.text("name"),
        version=project.text("version", "0"),
        inputs=_inputs(root.table("inputs", required=True)),
        buildroot_archive=_choice(build, "archive", ("tag", "release"), "tag"),  # type: ignore[arg-type]
        source_date_epoch=build.optional("source-date-epoch", build.integer),
        packages=MappingProxyType(
            {name: _package(name, table) for name, table in root.table("packages").tables()}
        ),
        environment=_environment(root.table("build-environment")),
        boards=MappingProxyType(
            {name: _board(name, table) for name, table in root.table("boards").tables()}
        ),
        extra_images=images.texts("extra"),
        policy=_policy(root.table("policy")),
        trust_require=_choices(trust, "require", OBJECTS_TO_SIGN),
        trust_thresholds=MappingProxyType(_thresholds(trust.table("thresholds"))),
    )
    for table in (project, build, images, trust, root):
        table.close()
    reader.finish(lambda faults: _error(faults, describe))
    return manifest


def _error(faults: tuple[Fault, ...], describe: Describe) -> ManifestError:
    count = "one fault" if len(faults) == 1 else f"{len(faults)} faults"
    return ManifestError(
        f"kutter.toml has {count}",
        details=[describe(fault) for fault in faults],
        hint="correct kutter.toml; `kutterlock init --print` shows every key with a comment",
    )


def _inputs(table: Table) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for name in INPUTS:
        if table.optional(name, lambda key: table.parsed(key, parse_specifier)) is not None:
            found[name] = table.text(name)
    if "buildroot" not in table:
        table.fault("buildroot", "is missing")
    table.close()
    return MappingProxyType(found)


def _package(name: str, table: Table) -> PackagePin:
    table.check_name(plain_name)
    pin = PackagePin(
        name=name,
        version=table.optional("version", table.text),
        url=table.optional("url", table.text),
        digest=table.optional("sha256", lambda key: table.parsed(key, _sha256)),
        patches=table.parsed_list("patches", RelativePath),
        reason=table.text("reason", ""),
        review_by=table.optional("review-by", table.date),
    )
    if pin.url and not pin.digest:
        table.fault("sha256", "is missing: a download of your own needs its hash")
    if pin.url and not pin.url.startswith(("https://", "http://", "file://")):
        table.fault("url", "is not an http, https or file URL")
    table.close()
    return pin


def _sha256(text: str) -> Digest:
    return Digest.parse(text if ":" in text else f"sha256:{text}")


def _environment(table: Table) -> EnvironmentRequest:
    kind = _choice(table, "kind", ("debian", "host"), "host")
    request = EnvironmentRequest(
        kind=kind,  # type: ignore[arg-type]
        suite=table.optional("suite", lambda key: table.parsed(key, plain_name) or "-") or "",
        snapshot=table.text("snapshot", ""),
        architecture=_choice(table, "architecture", ("amd64", "arm64"), "amd64"),
        packages=table.texts("packages"),
        toolchains=table.texts("toolchains"),
        security=table.flag("security", default=True),
    )
    if kind == "debian" and not request.suite:
        table.fault("suite", "is missing: name a Debian suite such as 'trixie'")
    table.close()
    return request


def _board(name: str, table: Table) -> BoardRequest:
    table.check_name(plain_name)
    boot = table.optional("boot", lambda key: _boot(table.table(key)))
    board = BoardRequest(
        name=name,
        arch=_choice(table, "arch", ARCHITECTURES, None),
        defconfig=table.parsed("defconfig", RelativePath) or RelativePath("-"),
        overlays=tuple(table.parsed_list("overlays", RelativePath)),
        outputs=tuple(table.parsed_list("outputs", RelativePath)),
        images=table.flag("images", default=True),
        images_in=_choices(table, "images-in", IMAGE_PLACES, IMAGES_IN),
        boot=boot,
    )
    table.close()
    return board


def _boot(table: Table) -> BootRequest:
    request = BootRequest(
        kernel=table.text("kernel", ""),
        initrd=table.text("initrd", ""),
        disk=table.text("disk", ""),
        firmware=table.text("firmware", ""),
        append=table.text("append", ""),
        memory=table.text("memory", "1G"),
        cpus=table.integer("cpus", 2),
        arguments=table.texts("arguments"),
    )
    table.close()
    return request


def _policy(table: Table) -> Policy:
    policy = Policy(
        allow_end_of_life=_choices(table, "allow-end-of-life", INPUTS),
        minimum_trust=_choice(table, "minimum-trust", TRUST_LEVELS, "first-use"),
        allowed_hosts=table.texts("allowed-hosts"),
    )
    table.close()
    return policy


def _thresholds(table: Table) -> dict[str, int]:
    found = {
        name: table.integer(name, between=(1, 64)) for name in OBJECTS_TO_SIGN if name in table
    }
    table.close()
    return found


def _choice(table: Table, key: str, choices: tuple[str, ...], default: str | None) -> str:
    value = table.text(key, default)
    if value not in choices and key in table:
        table.fault(key, f"{value!r} is not one of {', '.join(choices)}")
    return value


def _choices(
    table: Table, key: str, choices: tuple[str, ...], default: tuple[str, ...] = ()
) -> tuple[str, ...]:
    values = table.texts(key, default)
    for value in values:
        if value not in choices:
            table.fault(key, f"{value!r} is not one of {', '.join(choices)}")
    return values


def _meaning(manifest: Manifest) -> Iterable[tuple[str, str]]:
    yield "project.name", _text(manifest.name)
    yield "project.version", _text(manifest.version)
    for name, specifier in manifest.inputs.items():
        yield f"inputs.{name}", _text(specifier)
    yield "buildroot.archive", _text(manifest.buildroot_archive)
    yield "buildroot.source-date-epoch", _text(manifest.source_date_epoch)
    yield from _fields("build-environment", manifest.environment)
    yield from _fields("policy", manifest.policy)
    yield "images.extra", _text(sorted(manifest.extra_images))
    for name, pin in manifest.packages.items():
        yield from _fields(f"packages.{name}", pin, but=("name", "reason", "review_by"))
    for name, board in manifest.boards.items():
        # A lock from before there was a choice is current.
        usual = ("images_in",) if board.images_in == IMAGES_IN else ()
        yield from _fields(f"boards.{name}", board, but=("name", "boot", *usual))


def _fields(prefix: str, value: object, but: tuple[str, ...] = ()) -> Iterable[tuple[str, str]]:
    for name in value.__dataclass_fields__:  # type: ignore[attr-defined]
        if name not in but:
            yield f"{prefix}.{name.replace('_', '-')}", _text(getattr(value, name))


def _text(value: object) -> str:
    """Write a value on one line: a string as it is, anything else as compact JSON."""
    if value is None or isinstance(value, str):
        return str(value or "")
    return json.dumps(value, default=str, ensure_ascii=False, separators=(",", ":"))
