"""What starts a sandbox: the argv to exec and the files that it reads, for each kind."""

import base64
import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from kutterlock.adapters.sandbox import bubblewrap, init, launcher
from kutterlock.adapters.sandbox.seccomp import Watch, filter_program
from kutterlock.errors import KutterError
from kutterlock.model.sandbox.plan import SandboxPlan
from kutterlock.model.sandbox.view import (
    GUARDED_PROC,
    HOST_ETC,
    Ground,
    Step,
    Top,
    environment,
    host_tops,
    steps,
)

Kind = Literal["bubblewrap", "unshare", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What the launcher is to exec, and the descriptors and environment that it gets."""

    plan: SandboxPlan
    inner: tuple[str, ...]
    fds: tuple[int, ...] = ()
    environment: Mapping[str, str]

    def argv(self, watch: Watch | None) -> list[str]:
        """Return the launcher's command line; with a watch it installs the filter."""
        options = {
            "parent": os.getpid(),
            "uid": self.plan.place.outer_uid,
            "umask": self.plan.place.umask,
            "cpus": self.plan.place.cpus,
            "socket": watch.child.fileno() if watch else -1,
            "filter": filter_program(watch.calls).hex() if watch else "",
            "call": watch.calls.seccomp if watch else 0,
        }
        return [*_python(launcher.__file__), json.dumps(options), *self.inner]


@contextlib.contextmanager
def start(
    kind: Kind, program: str, plan: SandboxPlan, *, terminal: bool = False
) -> Iterator[Start]:
    """Prepare to start `plan`; the files that it needs are open while the context lasts."""
    with contextlib.ExitStack() as stack:
        if kind == "bubblewrap":
            yield _bubblewrap(program, plan, stack, terminal=terminal)
        elif kind == "unshare":
            yield _unshare(plan, stack, terminal=terminal)
        else:
            yield Start(plan=plan, inner=_bare(plan), environment=environment(plan))


def look_at(plan: SandboxPlan) -> Ground:
    """Look at the root file system that a plan names, and at what it needs of the machine."""
    root = Path(plan.root or "/")
    tops = _tops(root)
    proc = _present("/proc", GUARDED_PROC)
    if plan.root is None:
        etc = _present("/etc", HOST_ETC)
        return Ground(root="/", tops=host_tops(tops), etc=etc, proc=proc)
    hosts = root / "etc/hosts"
    has_hosts = hosts.is_file() and not hosts.is_symlink()
    return Ground(root=str(root.resolve()), tops=tops, has_hosts=has_hosts, proc=proc)


def _present(directory: str, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if Path(directory, name).exists())


def _tops(root: Path) -> tuple[Top, ...]:
    try:
        with os.scandir(root) as found:
            return tuple(
                Top(name=item.name, link=str(Path(item.path).readlink()))
                if item.is_symlink()
                else Top(name=item.name)
                for item in found
                if item.is_symlink() or item.is_dir()
            )
    except OSError as error:
        raise KutterError(f"the root file system {root} cannot be read: {error}") from error


def _bubblewrap(
    program: str, plan: SandboxPlan, stack: contextlib.ExitStack, *, terminal: bool
) -> Start:
    made = _resolved(plan)
    fds = {s.target: _memory_file(stack, s.content) for s in made if s.kind == "file"}
    words = bubblewrap.options(plan, made, fds, terminal=terminal)
    split = words.index("--")
    arguments = _memory_file(stack, b"".join(os.fsencode(word) + b"\0" for word in words[:split]))
    inner = (program, "--args", str(arguments), *words[split:])
    return Start(plan=plan, inner=inner, fds=(*fds.values(), arguments), environment={})


def _unshare(plan: SandboxPlan, stack: contextlib.ExitStack, *, terminal: bool) -> Start:
    spec = {
        "uid": plan.uid, "hostname": plan.place.hostname, "argv": plan.argv,
        "directory": plan.directory, "environment": environment(plan), "terminal": terminal,
        "parent": os.getpid(), "steps": [_spec(step) for step in _resolved(plan)],
    }  # fmt: skip
    given = _memory_file(stack, json.dumps(spec).encode())
    inner = (*_python(init.__file__), str(given))
    return Start(plan=plan, inner=inner, fds=(given,), environment={})


def _spec(step: Step) -> dict[str, object]:
    return {**asdict(step), "content": base64.b64encode(step.content).decode()}


def _bare(plan: SandboxPlan) -> tuple[str, ...]:
    return ("/bin/sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", plan.directory, *plan.argv)


def _resolved(plan: SandboxPlan) -> tuple[Step, ...]:
    """Return the steps with every source's symlinks followed: links of the old root mislead."""
    return tuple(
        replace(step, source=_existing(step.source)) if step.kind == "bind" else step
        for step in steps(plan, look_at(plan))
    )


def _existing(source: str) -> str:
    try:
        return str(Path(source).resolve(strict=True))
    except OSError as error:
        raise KutterError(f"{source} is to be shown in the sandbox, and is not there") from error


def _python(script: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", script)


def _memory_file(stack: contextlib.ExitStack, content: bytes) -> int:
    fd = os.memfd_create("kutterlock", os.MFD_CLOEXEC)
    stack.callback(os.close, fd)
    os.write(fd, content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
