"""A board's kernel configuration as it comes out of the pinned kernel source, and nothing else.

Buildroot makes it when the toolchain stands; this asks the kernel's own Kconfig at once, in the
build's sandbox: base and fragments merged, then `olddefconfig`. What it leaves out: patches,
options that packages of Buildroot switch on by themselves, and (without a toolchain for the board's
architecture in the environment) what depends on that compiler.
"""

import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kutterlock.adapters.disk.files import contained, explained, hash_file, write_atomically
from kutterlock.adapters.disk.staging import staging
from kutterlock.build import recipe
from kutterlock.build.environment import PreparedEnvironment
from kutterlock.build.workshop import Workshop
from kutterlock.errors import BuildError, LockError
from kutterlock.model.digest import Digest
from kutterlock.model.lock import BoardPin, Lock, SourcePin
from kutterlock.model.paths import RelativePath
from kutterlock.model.sandbox.plan import Bind, Place, SandboxPlan
from kutterlock.vendor.verify import verify_blobs

ARCHITECTURES = {"x86_64": ("x86_64", "x86"), "aarch64": ("arm64", "arm64")}
"""What a kernel's makefiles call an architecture, and the folder that it has below `arch/`."""

LARGEST_CONFIG = 4 << 20
LAST_LINES = 20
SOURCE = "/kutter/linux"
FILES = "/kutter/config"

SCRIPT = """\
set -eu
arch=$1 folder=$2 cross=$3 base=$4
shift 4
mkdir linux out
tar -x -f /kutter/linux -C linux --strip-components=1 --wildcards --no-anchored \\
    '*Kconfig*' '*Makefile*' scripts "$folder/configs"
cd linux
[ -z "$base" ] || set -- "arch/$folder/configs/$base" "$@"
scripts/kconfig/merge_config.sh -m -O ../out "$@" >/dev/null
exec make -s O=../out "ARCH=$arch" "CROSS_COMPILE=$cross" olddefconfig
"""
"""Kconfig reads no C: only what it looks at is unpacked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelConfig:
    """A configuration that was made: its text, where it is kept, and of which kernel."""

    text: str
    path: Path
    source: str
    native: bool
    """Whether the environment has a compiler of the board's architecture."""


def kernel_config(
    lock: Lock, board: BoardPin, workshop: Workshop, base: str, files: Sequence[Path]
) -> KernelConfig:
    """Make the configuration of `board`, or return it from the cache.

    `base` is a defconfig of the kernel's own tree, empty where the first of `files` is the base.
    Raises LockError for a board without a kernel, MissingInputError, HashMismatchError, BuildError.
    """
    pin = kernel_source(lock, board)
    names = {pin.digest: pin.key}
    report = verify_blobs(workshop.store, names, workshop.progress)
    if error := report.error(f"the kernel of {board.name} is not whole", report.remedy):
        raise error
    environment = workshop.environment(lock)
    cross = _compiler(lock, board, environment)
    argv = ("/bin/sh", "-c", SCRIPT, "kernel-config", *ARCHITECTURES[board.arch], cross, base)
    facts = [pin.digest, environment.digest, argv, [str(hash_file(f)) for f in files]]
    key = Digest.of(json.dumps(facts).encode()).hex
    path = workshop.cache / "kernel-configs" / key
    if environment.digest is None or not path.is_file():
        _make(
            path, (*argv, *(f"{FILES}/{n}" for n in range(len(files)))), pin, workshop, files, lock
        )
    with explained(path):
        return KernelConfig(
            text=path.read_text("utf-8", "replace"), path=path, source=pin.path.name,
            native=bool(cross) or board.arch == _machine(lock),
        )  # fmt: skip


def kernel_source(lock: Lock, board: BoardPin) -> SourcePin:
    """Return the archive of the board's kernel. Raises LockError where it builds none."""
    pins = (lock.sources[key] for key in board.sources)
    found = [pin for pin in pins if "linux" in pin.packages and ".tar" in pin.path.name]
    if not found:
        raise LockError(
            f"board {board.name} builds no kernel",
            hint="name a configuration: `kutterlock audit --kernel FILE`",
        )
    return found[0]


def _make(
    path: Path, argv: tuple[str, ...], pin: SourcePin, workshop: Workshop, files: Sequence[Path],
    lock: Lock,
) -> None:  # fmt: skip
    with staging(path.parent) as work:
        (work / "build").mkdir()
        binds = [
            Bind(source=str(workshop.store.path(pin.digest)), target=SOURCE),
            Bind(source=str(work / "build"), target="/build", writable=True),
            *(Bind(source=str(f), target=f"{FILES}/{n}") for n, f in enumerate(files)),
        ]
        root = workshop.environment(lock).root
        plan = SandboxPlan(
            root=None if root is None else str(root), binds=tuple(binds), argv=argv,
            environment=recipe.environment(lock.source_date_epoch, Place()), directory="/build",
        )  # fmt: skip
        last: deque[bytes] = deque(maxlen=LAST_LINES)
        workshop.progress.start("kernel")
        result = workshop.sandbox().run(plan, last.append)
        if result.status or result.attempts:
            said = [line.decode("utf-8", "replace").rstrip() for line in last]
            raise BuildError(
                f"{pin.path.name} cannot be configured: status {result.status}",
                details=[*map(str, result.attempts), *said],
                hint="look at the board's kernel configuration files",
            )
        made = contained(work, RelativePath("build/out/.config"))
        with explained(made), made.open("rb") as file:
            config = file.read(LARGEST_CONFIG + 1)
        if len(config) > LARGEST_CONFIG:
            raise BuildError(
                f"{pin.path.name}: its configuration is larger than {LARGEST_CONFIG} bytes",
                hint="look at the board's kernel configuration files",
            )
        write_atomically(path, config)
        workshop.progress.done(f"{pin.path.name} configured")


def _compiler(lock: Lock, board: BoardPin, environment: PreparedEnvironment) -> str:
    """Return the prefix of a compiler for the board that the environment has, or nothing."""
    triplet = f"{board.arch}-linux-gnu"
    if triplet in lock.environment.toolchains:
        return f"/opt/kutter/toolchain/{triplet}/bin/{triplet}-"
    root = environment.root or Path("/")
    return f"{triplet}-" if (root / f"usr/bin/{triplet}-gcc").exists() else ""


def _machine(lock: Lock) -> str:
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(lock.environment.architecture, "")
