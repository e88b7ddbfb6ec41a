"""The lock as plain tables, both ways.

`lock_to_dict` is deterministic: the same lock gives the same tables in the same order.
`parse_lock` checks everything that can be checked without bytes and reports every fault at once.
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from kutterlock.errors import LockError
from kutterlock.model.digest import Digest
from kutterlock.model.encoding.table import Fault, Reader, Table
from kutterlock.model.lock import (
    IMAGES_IN,
    LOCK_VERSION,
    RECIPE_VERSION,
    BoardPin,
    DebianPackagePin,
    EnvironmentPin,
    ImagePin,
    InputPin,
    Lock,
    OverridePin,
    Refusal,
    SourcePin,
    Trust,
)
from kutterlock.model.paths import RelativePath, plain_name
from kutterlock.model.trust import TRUST_LEVELS

UPGRADES: Mapping[int, Callable[[Mapping[str, Any]], Mapping[str, Any]]] = MappingProxyType({})
"""By format version: a function that returns the tables of the next one. Grows, never shrinks."""


def lock_to_dict(lock: Lock) -> dict[str, Any]:
    """Return plain tables, in the order in which they are written."""
    return {
        "lock-version": lock.version,
        "recipe-version": lock.recipe,
        "as-of": lock.as_of,
        "source-date-epoch": lock.source_date_epoch,
        "buildroot": lock.buildroot,
        "project": {"name": lock.project, "version": lock.project_version},
        "manifest": dict(sorted(lock.meaning.items())),
        "inputs": {name: _input_dict(pin) for name, pin in sorted(lock.inputs.items())},
        "overlays": {name: str(digest) for name, digest in sorted(lock.overlays.items())},
        "overrides": {n: _override_dict(pin) for n, pin in sorted(lock.overrides.items())},
        "boards": {name: _board_dict(pin) for name, pin in sorted(lock.boards.items())},
        "sources": {key: _source_dict(pin) for key, pin in sorted(lock.sources.items())},
        "images": {key: _image_dict(pin) for key, pin in sorted(lock.images.items())},
        "environment": _environment_dict(lock.environment),
    }


def parse_lock(data: Mapping[str, Any]) -> Lock:
    """Read a parsed lock of any released format. Raises LockError with every fault."""
    data = _upgraded(data)
    reader = Reader()
    root = reader.root(data)
    for key in ("lock-version", "recipe-version"):
        root.integer(key)
    project = root.table("project", required=True)
    lock = Lock(
        project=project.text("name"),
        project_version=project.text("version"),
        as_of=root.date("as-of"),
        source_date_epoch=root.integer("source-date-epoch"),
        buildroot=root.text("buildroot"),
        meaning=dict(root.table("manifest", required=True).items()),
        inputs={n: _read_input(n, t) for n, t in root.table("inputs", required=True).tables()},
        overlays=_read_digests(root.table("overlays")),
        overrides={n: _read_override(n, t) for n, t in root.table("overrides").tables()},
        boards={n: _read_board(n, t) for n, t in root.table("boards", required=True).tables()},
        sources={k: _read_source(k, t) for k, t in root.table("sources", required=True).tables()},
        images={k: _read_image(k, t) for k, t in root.table("images").tables()},
        environment=_read_environment(root.table("environment", required=True)),
    )
    project.close()
    root.close()
    if not reader.faults:
        _cross_check(lock, root)
    reader.finish(_damaged)
    return lock


def _damaged(faults: tuple[Fault, ...]) -> LockError:
    return LockError(
        "kutter.lock cannot be trusted as it stands",
        details=[str(fault) for fault in faults],
        hint="take it back from version control, or run `kutterlock resolve`",
    )


def _upgraded(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Bring a lock of an older format to the current one, step by step. Raises LockError."""
    version = data.get("lock-version")
    while isinstance(version, int) and version in UPGRADES:
        data = UPGRADES[version](data)
        version = data["lock-version"]
    for key, known, thing in (
        ("lock-version", LOCK_VERSION, "format"),
        ("recipe-version", RECIPE_VERSION, "recipe"),
    ):
        found = data.get(key)
        if found != known:
            raise LockError(
                f"kutter.lock has {thing} version {found!r}; this kutterlock reads {known}",
                hint="use the kutterlock release that wrote it, or run `kutterlock resolve`",
            )
    return data


def _cross_check(lock: Lock, root: Table) -> None:
    if lock.buildroot not in lock.sources:
        root.fault("buildroot", f"names source {lock.buildroot!r}, which is not in [sources]")
    for name, board in lock.boards.items():
        table = root.table("boards").table(name)
        _check_names(table, "sources", board.sources, lock.sources)
        _check_names(table, "images", board.images, lock.images)
        _check_names(table, "overlays", board.overlays, lock.overlays)
        paths = [lock.sources[key].path for key in board.sources if key in lock.sources]
        for path in sorted({path for path in paths if paths.count(path) > 1}):
            table.fault("sources", f"two sources claim the path {path!r}")
    _check_unique_packages(lock, root)


def _check_names(table: Table, key: str, names: Iterable[str], known: Mapping[str, object]) -> None:
    for name in names:
        if name not in known:
            table.fault(key, f"names {name!r}, which is not in [{key}]")


def _check_unique_packages(lock: Lock, root: Table) -> None:
    for package in lock.environment.packages:
        if package.archive not in lock.environment.archives:
            root.table("environment").fault(
                "packages", f"{package.name} is of archive {package.archive!r}, which has no URL"
            )


def _input_dict(pin: InputPin) -> dict[str, Any]:
    return {
        "version": pin.version,
        "constraint": pin.constraint,
        "refused": [f"{item.version}: {item.rule}: {item.reason}" for item in pin.refused],
        "facts": dict(sorted(pin.facts.items())),
    }


def _read_input(name: str, table: Table) -> InputPin:
    refused = []
    for line in table.texts("refused"):
        version, rule, reason = [*line.split(": ", 2), "", ""][:3]
        refused.append(Refusal(version=version, rule=rule, reason=reason))
    pin = InputPin(
        name=name,
        version=table.text("version"),
        constraint=table.text("constraint"),
        refused=tuple(refused),
        facts=dict(table.table("facts").items()),
    )
    table.close()
    return pin


def _override_dict(pin: OverridePin) -> dict[str, Any]:
    patches = [f"{path} {digest}" for path, digest in pin.patches]
    return {"version": pin.version, "url": pin.url, "patches": patches}


def _read_override(name: str, table: Table) -> OverridePin:
    table.check_name(plain_name)
    pin = OverridePin(
        name=name,
        version=table.text("version"),
        url=table.text("url"),
        patches=table.parsed_list("patches", _patch),
    )
    table.close()
    return pin


def _patch(line: str) -> tuple[RelativePath, Digest]:
    path, _, digest = line.rpartition(" ")
    return RelativePath(path), Digest.parse(digest)


def _source_dict(pin: SourcePin) -> dict[str, Any]:
    path = {} if pin.key == pin.path else {"path": str(pin.path)}
    return {
        **path,
        "digest": str(pin.digest),
        "urls": list(pin.urls),
        **_trust_dict(pin.trust),
        "packages": sorted(pin.packages),
    }


def _read_source(key: str, table: Table) -> SourcePin:
    pin = SourcePin(
        key=key,
        path=table.parsed("path", RelativePath, key.partition("#")[0]) or RelativePath("-"),
        digest=_read_digest(table),
        urls=table.texts("urls"),
        trust=_read_trust(table),
        packages=table.parsed_list("packages", plain_name),
    )
    table.close()
    return pin


def _image_dict(pin: ImagePin) -> dict[str, Any]:
    return {
        "digest": str(pin.digest),
        "platforms": sorted(pin.platforms),
        "needed-by": pin.needed_by,
        **_trust_dict(pin.trust),
    }


def _read_image(reference: str, table: Table) -> ImagePin:
    pin = ImagePin(
        reference=reference,
        digest=_read_digest(table),
        platforms=table.texts("platforms"),
        needed_by=table.text("needed-by"),
        trust=_read_trust(table),
    )
    table.close()
    return pin


def _board_dict(pin: BoardPin) -> dict[str, Any]:
    return {
        "arch": pin.arch,
        "defconfig": pin.defconfig,
        "overlays": list(pin.overlays),
        "config": str(pin.config),
        "outputs": list(pin.outputs),
        "sources": sorted(pin.sources),
        "images": sorted(pin.images),
        **({} if pin.images_in == IMAGES_IN else {"images-in": list(pin.images_in)}),
        "packages": dict(sorted(pin.packages.items())),
    }


def _read_board(name: str, table: Table) -> BoardPin:
    table.check_name(plain_name)
    pin = BoardPin(
        name=name,
        arch=table.text("arch"),
        defconfig=table.parsed("defconfig", RelativePath) or RelativePath("-"),
        overlays=tuple(table.parsed_list("overlays", RelativePath)),
        config=table.parsed("config", Digest.parse) or Digest.of(b""),
        outputs=tuple(table.parsed_list("outputs", RelativePath)),
        sources=table.texts("sources"),
        images=table.texts("images"),
        images_in=table.texts("images-in", IMAGES_IN),
        packages=dict(table.table("packages").items()),
    )
    table.close()
    return pin


def _environment_dict(pin: EnvironmentPin) -> dict[str, Any]:
    tables: dict[str, Any] = {"kind": pin.kind, "architecture": pin.architecture}
    if pin.kind == "debian":
        tables["suite"] = pin.suite
        tables["snapshot"] = pin.snapshot
        tables["toolchains"] = list(pin.toolchains)
        tables["archives"] = dict(sorted(pin.archives.items()))
        tables["packages"] = {
            package.name: {
                "version": package.version,
                "archive": package.archive,
                "path": str(package.path),
                "digest": str(package.digest),
            }
            for package in sorted(pin.packages, key=lambda package: package.name)
        }
    return tables


def _read_environment(table: Table) -> EnvironmentPin:
    pin = EnvironmentPin(
        kind=table.text("kind"),
        architecture=table.text("architecture"),
        suite=table.text("suite", ""),
        snapshot=table.text("snapshot", ""),
        toolchains=table.texts("toolchains"),
        archives=dict(table.table("archives").items()),
        packages=tuple(_read_package(n, t) for n, t in table.table("packages").tables()),
    )
    if pin.kind not in ("debian", "host"):
        table.fault("kind", f"{pin.kind!r} is not one of debian, host")
    table.close()
    return pin


def _read_package(name: str, table: Table) -> DebianPackagePin:
    pin = DebianPackagePin(
        name=name,
        version=table.text("version"),
        archive=table.text("archive"),
        path=table.parsed("path", RelativePath) or RelativePath("-"),
        digest=_read_digest(table),
    )
    table.close()
    return pin


def _trust_dict(trust: Trust) -> dict[str, str]:
    return {"trust": trust.level, **({"trusted-by": trust.by} if trust.by else {})}


def _read_trust(table: Table) -> Trust:
    level = table.text("trust")
    if level not in TRUST_LEVELS:
        table.fault("trust", f"{level!r} is not one of {', '.join(TRUST_LEVELS)}")
    return Trust(level=level, by=table.text("trusted-by", ""))


def _read_digest(table: Table) -> Digest:
    return table.parsed("digest", Digest.parse) or Digest.of(b"")


def _read_digests(table: Table) -> dict[str, Digest]:
    digests = {name: Digest.parse("sha256:" + "0" * 64) for name, _ in table.items()}
    for name in digests:
        digests[name] = table.parsed(name, Digest.parse) or Digest.of(b"")
    return digests
