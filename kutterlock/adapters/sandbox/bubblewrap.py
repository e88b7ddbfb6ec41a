"""Bubblewrap: a sandbox plan as its arguments. Pure; written for 0.8 (Debian 12) and newer."""

from collections.abc import Mapping, Sequence

from kutterlock.model.sandbox.plan import SandboxPlan
from kutterlock.model.sandbox.view import Step, environment


def options(
    plan: SandboxPlan, steps: Sequence[Step], fds: Mapping[str, int], *, terminal: bool = False
) -> list[str]:
    """Return bubblewrap's options and the program.

    `fds` maps the target of each `file` step to the descriptor that its content is read from.
    With `terminal` the program keeps the caller's terminal (its session is not a new one).
    """
    identity = str(plan.uid)
    return [
        "--unshare-user", "--unshare-all", "--uid", identity, "--gid", identity,
        "--hostname", plan.place.hostname, "--die-with-parent",
        *([] if terminal else ["--new-session"]),
        "--cap-drop", "ALL", "--clearenv",
        *_environment(plan),
        *(word for step in steps for word in _step(step, fds)),
        "--chdir", plan.directory, "--", *plan.argv,
    ]  # fmt: skip


def _environment(plan: SandboxPlan) -> list[str]:
    pairs = sorted(environment(plan).items())
    return [word for name, value in pairs for word in ("--setenv", name, value)]


def _step(step: Step, fds: Mapping[str, int]) -> list[str]:
    words: dict[str, list[str]] = {
        "bind": ["--bind" if step.writable else "--ro-bind", step.source],
        "directory": ["--perms", "0755", "--dir"],
        "link": ["--symlink", step.source],
        "file": ["--perms", "0444", "--ro-bind-data", str(fds.get(step.target))],
        "tmpfs": ["--perms", f"{step.mode:04o}", "--tmpfs"],
        "dev": ["--dev"],
        "proc": ["--proc"],
        "read-only": ["--remount-ro"],
    }
    return [*words[step.kind], step.target]
