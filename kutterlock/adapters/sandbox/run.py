"""Sandboxes: carry out a `SandboxPlan` in bubblewrap, in namespaces of our own, or in none.

Owns the choice of a sandbox, the proof that it has no network, and running programs in it. What
a program sees is `model.sandbox.view`; which calls reach for a network is said by `seccomp`.
"""

import contextlib
import os
import platform
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from kutterlock.adapters import process
from kutterlock.adapters.sandbox import network_log
from kutterlock.adapters.sandbox.bare_places import bare_places
from kutterlock.adapters.sandbox.clock import with_clock
from kutterlock.adapters.sandbox.network_proof import LOOK, faults
from kutterlock.adapters.sandbox.seccomp import ARCHITECTURES, Calls, Watch
from kutterlock.adapters.sandbox.start import Kind, start
from kutterlock.errors import KutterError, NoSandboxError, UsageError
from kutterlock.model.sandbox.plan import NetworkAttempt, SandboxPlan, SandboxResult

OnLine = Callable[[bytes], None]
SEEN = 7
"""The exit status of the trial program; no sandbox that fails to start has it."""

SETTINGS = (
    ("kernel/unprivileged_userns_clone", "0", "sysctl kernel.unprivileged_userns_clone=1"),
    ("user/max_user_namespaces", "0", "sysctl user.max_user_namespaces=15000"),
    (
        "kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or a profile that allows userns",
    ),
)
"""Settings below /proc/sys that forbid user namespaces: name, the forbidding value, the cure."""

CONTAINER = "in a container: allow unshare and mount in its seccomp profile, and an unmasked /proc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """A way to run programs apart from the machine.

    `program` is bubblewrap's path (empty for other kinds). `calls` are the system calls that are
    watched, None where this kernel or a setuid bubblewrap allows no watching: then attempts to
    reach a network are told from the output.
    """

    kind: Kind
    program: str = ""
    calls: Calls | None = None

    def run(self, plan: SandboxPlan, on_line: OnLine) -> SandboxResult:
        """Run to the end, hand over each line of output, and say who reached for a network.

        When it returns or raises (Ctrl-C included) no process of the sandbox is left.
        """
        run = self._run_watched if self.calls else self._run_read
        with bare_places(plan) if self.kind == "none" else contextlib.nullcontext():
            return run(with_clock(plan, run), on_line)

    def interactive(self, plan: SandboxPlan) -> int:
        """Run on the caller's terminal and return the exit status.

        The filter refuses pushing input into the terminal. Where there is none, bubblewrap
        starts a new session, and a shell has no job control.
        """
        plan = with_clock(plan, self.run)
        keeps_terminal = self.calls is not None
        with ExitStack() as stack:
            begun = stack.enter_context(
                start(self.kind, self.program, plan, terminal=keeps_terminal)
            )
            watch = stack.enter_context(Watch(self.calls)) if self.calls else None
            fds = (*begun.fds, *([watch.child.fileno()] if watch else []))
            return _plain(process.attach(begun.argv(watch), begun.environment, pass_fds=fds))

    def prove(self) -> None:
        """Look at the network from inside. Raises NoSandboxError unless it is a dead loopback."""
        if self.kind == "none":
            return
        status, printed = self._look()
        if status != SEEN:
            raise NoSandboxError(f"the {self.kind} sandbox does not work: {_last(printed)}")
        if found := faults(printed):
            raise NoSandboxError(
                f"the {self.kind} sandbox has a network",
                details=found,
                hint="this should not be possible: report it, with `ip addr` of this machine",
            )

    def describe(self) -> str:
        """Word it for people: `bubblewrap, no network`."""
        if self.kind == "none":
            return "none: the build sees and can reach the whole machine"
        return f"{self.kind}, no network" + ("" if self.calls else ", attempts told from the log")

    def _look(self) -> tuple[int, str]:
        lines: list[bytes] = []
        argv = ("/bin/sh", "-c", f"{LOOK}; exit {SEEN}")
        plan = SandboxPlan(root=None, binds=(), argv=argv, environment=())
        result = self.run(plan, lines.append)
        return result.status, b"".join(lines).decode("utf-8", "replace")

    def _run_watched(self, plan: SandboxPlan, on_line: OnLine) -> SandboxResult:
        assert self.calls is not None
        with start(self.kind, self.program, plan) as begun, Watch(self.calls) as watch:
            status = process.stream(
                begun.argv(watch), begun.environment, on_line,
                pass_fds=(*begun.fds, watch.child.fileno()),
            )  # fmt: skip
        if watch.failure:
            raise KutterError(f"the sandbox cannot be watched: {watch.failure}")
        return SandboxResult(status=_plain(status), attempts=tuple(watch.attempts))

    def _run_read(self, plan: SandboxPlan, on_line: OnLine) -> SandboxResult:
        attempts: dict[NetworkAttempt, None] = {}

        def read(line: bytes) -> None:
            on_line(line)
            if attempt := network_log.attempt_in(line):
                attempts[attempt] = None

        with start(self.kind, self.program, plan) as begun:
            status = process.stream(
                begun.argv(None), begun.environment, read, pass_fds=begun.fds
            )  # fmt: skip
        return SandboxResult(status=_plain(status), attempts=tuple(attempts))


def choose_sandbox(
    search_path: str, wanted: str | None = None, settings: Path = Path("/proc/sys")
) -> Sandbox:
    """Return the strongest sandbox that really works here, or the one that is `wanted`.

    Each candidate runs a program and proves that it has no network. `none` comes only when it
    is asked for by name. Raises NoSandboxError that names what blocks the others.
    """
    if wanted not in (None, "bubblewrap", "unshare", "none"):
        raise UsageError(f"there is no sandbox {wanted!r}", hint="bubblewrap, unshare or none")
    refusals: list[str] = []
    for candidate in _candidates(search_path, wanted):
        try:
            candidate.prove()
        except KutterError as error:
            refusals.append(error.reason)
        else:
            return candidate
    raise _none_to_be_had(refusals, settings)


def _candidates(search_path: str, wanted: str | None) -> Iterator[Sandbox]:
    """Yield what to try, the strongest first."""
    calls = ARCHITECTURES.get(platform.machine())
    bwrap = process.find_program("bwrap", search_path)
    kinds = [Sandbox(kind="bubblewrap", program=str(bwrap))] if bwrap else []
    kinds.append(Sandbox(kind="unshare"))
    if wanted == "none":
        kinds = [Sandbox(kind="none")]
    for kind in kinds:
        if wanted in (None, kind.kind):
            if calls and not _is_setuid(kind.program):
                yield replace(kind, calls=calls)
            yield kind


def _is_setuid(program: str) -> bool:
    """Whether no_new_privs, which a filter needs, would keep the program from working."""
    return bool(program and os.geteuid() and Path(program).stat().st_mode & stat.S_ISUID)


def _none_to_be_had(refusals: list[str], settings: Path) -> NoSandboxError:
    cures = [cure for name, bad, cure in SETTINGS if _setting(settings / name) == bad]
    cure = "; ".join(cures) or f"install bubblewrap; {CONTAINER}"
    return NoSandboxError(
        "this machine offers no sandbox to build in",
        details=dict.fromkeys(refusals),
        hint=f"{cure}; or build in none, unprotected, with --sandbox none",
    )


def _setting(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _last(printed: str) -> str:
    lines = printed.strip().splitlines()
    return lines[-1] if lines else "it ended at once"


def _plain(status: int) -> int:
    return status if status >= 0 else 128 - status
