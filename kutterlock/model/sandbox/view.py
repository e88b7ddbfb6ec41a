"""What a sandboxed program sees: the steps that make its file system and its environment.

Pure. Every kind of sandbox carries out these same steps, so that a build cannot tell them apart.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from kutterlock.model.sandbox.plan import Bind, SandboxPlan

INPUTS = "/kutter"
"""The directory that holds a build's inputs: nothing but binds, and read-only itself."""

OWN = frozenset({"build", "dev", "kutter", "lost+found", "proc", "sys", "tmp"})
"""Names in a root file system that the sandbox makes itself, or that no build is to see."""

HOST_TOPS = frozenset({"bin", "gnu", "nix", "sbin", "usr"})
"""What a build on the machine's own tools sees of `/`, besides `/lib*`."""

HOST_ETC = ("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "mke2fs.conf")
"""What it sees of the machine's `/etc`: what programs need to start and nothing about users."""

GUARDED_PROC = ("bus", "irq", "sys", "sysrq-trigger")
"""What of `/proc` would change the machine: its root may write there, also as uid 1000."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Top:
    """A name at the top of a root file system: a directory, or a symlink to `link`."""

    name: str
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What was found of the root file system that the sandbox is to show.

    `root` is its path outside. `etc` names the files of `/etc` that are shown (build environment
    `host` only); `has_hosts` says that `/etc/hosts` is there to be covered. `proc` names what of
    GUARDED_PROC this kernel has.
    """

    root: str
    tops: tuple[Top, ...]
    etc: tuple[str, ...] = ()
    has_hosts: bool = False
    proc: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to mount or make at `target`; parents are made as needed, with mode 755.

    bind: `source` is a path outside, read-only unless `writable`. directory: an empty one. link: a
    symlink to `source`. file: a read-only file holding `content`. tmpfs: an empty one with `mode`.
    dev, proc: minimal ones. read-only: the mount at `target`, not what is mounted below it.
    """

    kind: Literal["bind", "directory", "link", "file", "tmpfs", "dev", "proc", "read-only"]
    target: str
    source: str = ""
    content: bytes = b""
    writable: bool = False
    mode: int = 0o755


def steps(plan: SandboxPlan, ground: Ground) -> tuple[Step, ...]:
    """List what makes the sandbox's file system, in order, starting from an empty tmpfs at `/`."""
    return (
        *_root_steps(plan, ground),
        *_etc_steps(plan, ground),
        Step(kind="dev", target="/dev"),
        Step(kind="proc", target="/proc"),
        *(Step(kind="bind", target=f"/proc/{n}", source=f"/proc/{n}") for n in ground.proc),
        Step(kind="tmpfs", target="/tmp", mode=0o1777),  # noqa: S108 - inside the sandbox
        Step(kind="tmpfs", target=INPUTS),
        *(_bind_step(bind) for bind in plan.binds),
        *(Step(kind="file", target=file.target, content=file.content) for file in plan.files),
        Step(kind="read-only", target=INPUTS),
        Step(kind="read-only", target="/"),
    )


def environment(plan: SandboxPlan) -> dict[str, str]:
    """Return the whole environment: the plan's, with the place's time zone and the directory."""
    return {**dict(plan.environment), "TZ": plan.place.timezone, "PWD": plan.directory}


def host_tops(tops: Iterable[Top]) -> tuple[Top, ...]:
    """Pick what a build environment of kind `host` shows of the machine's `/`."""
    return tuple(top for top in tops if top.name in HOST_TOPS or top.name.startswith("lib"))


def _root_steps(plan: SandboxPlan, ground: Ground) -> list[Step]:
    covered = OWN | {PurePosixPath(bind.target).relative_to("/").as_posix() for bind in plan.binds}
    return [
        Step(kind="link", target=f"/{top.name}", source=top.link)
        if top.link
        else Step(
            kind="bind", target=f"/{top.name}", source=f"{ground.root.rstrip('/')}/{top.name}"
        )
        for top in sorted(ground.tops)
        if top.name not in covered
    ]


def _etc_steps(plan: SandboxPlan, ground: Ground) -> list[Step]:
    hosts = Step(
        kind="file",
        target="/etc/hosts",
        content=f"127.0.0.1 localhost {plan.place.hostname}\n::1 localhost\n".encode(),
    )
    if plan.root is not None:
        return [hosts] if ground.has_hosts else []
    return [
        Step(kind="directory", target="/etc"),
        *(Step(kind="bind", target=f"/etc/{name}", source=f"/etc/{name}") for name in ground.etc),
        hosts,
        Step(kind="file", target="/etc/passwd", content=_passwd(plan.uid)),
        Step(kind="file", target="/etc/group", content=_group(plan.uid)),
        Step(kind="file", target="/etc/nsswitch.conf", content=b"hosts: files dns\n"),
    ]


def _passwd(uid: int) -> bytes:
    lines = (
        "root:x:0:0:root:/root:/bin/sh\n"
        f"kutter:x:{uid}:{uid}:kutterlock build:/build:/bin/sh\n"
        "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
    )
    return lines.encode()


def _group(gid: int) -> bytes:
    return f"root:x:0:\nkutter:x:{gid}:\nnogroup:x:65534:\n".encode()


def _bind_step(bind: Bind) -> Step:
    return Step(kind="bind", target=bind.target, source=bind.source, writable=bind.writable)
