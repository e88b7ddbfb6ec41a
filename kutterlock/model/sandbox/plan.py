"""What a sandboxed program gets: a value that any sandbox adapter can carry out.

A plan names everything: nothing of the caller's environment, directory, clock or network reaches
the program unless it stands here.
"""

from dataclasses import dataclass, field
from pathlib import PurePosixPath


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """Show `source` (a path outside) at `target` (a path inside); read-only unless said."""

    source: str
    target: str
    writable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineFile:
    """A small read-only file at `target`, made for the program."""

    target: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a reproducibility check varies inside the sandbox; the defaults are the build's own."""

    build_path: str = "/build"
    hostname: str = "kutter"
    timezone: str = "UTC"
    umask: int = 0o022
    clock_offset: int = 0
    """Seconds that dynamically linked programs see added to the clock; never negative."""
    jobs: int = 0
    """Parallel jobs; 0 takes every CPU the process may use."""
    cpus: int = 0
    """How many CPUs the programs may use; 0 is all."""
    outer_uid: int = 0
    """The user outside that the programs run as; 0 is the caller. Only root can name another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxPlan:
    """One program in a sandbox.

    `root` is the build environment's root file system, None for the machine's own `/usr`
    (build environment `host`). It is always seen read-only. `environment` is literal and whole.
    """

    root: str | None
    binds: tuple[Bind, ...]
    files: tuple[InlineFile, ...] = ()
    argv: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    directory: str = "/"
    place: Place = field(default_factory=Place)
    uid: int = 1000

    def __post_init__(self) -> None:
        targets = [*(bind.target for bind in self.binds), *(file.target for file in self.files)]
        assert all(PurePosixPath(target).is_absolute() for target in targets), targets
        assert self.place.clock_offset >= 0, self.place


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkAttempt:
    """A program in the sandbox that tried to reach a network."""

    program: str
    command: str
    address: str
    how_known: str
    """`seccomp` when the system call was seen, `log` when only its output tells."""

    def __str__(self) -> str:
        seen = "" if self.how_known == "seccomp" else " (from the log: this kernel shows no calls)"
        return f"{self.program} tried to reach {self.address}: {self.command}{seen}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxResult:
    """How a sandboxed program ended.

    `status` is its exit status, 128 + N when signal N ended it.
    """

    status: int
    attempts: tuple[NetworkAttempt, ...] = ()
