"""The fixed paths of a build where no sandbox makes them: symlinks in the machine's own root.

Only for `--sandbox none`, which the user has to ask for. It hides nothing and protects nothing: it
lets a build run in a throw-away container or machine that is the sandbox itself.
"""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from kutterlock.errors import NoSandboxError
from kutterlock.model.sandbox.plan import SandboxPlan

_TURN = threading.Lock()


@contextlib.contextmanager
def bare_places(plan: SandboxPlan) -> Iterator[None]:
    """Make every place of the plan while the block runs, one plan at a time.

    Raises NoSandboxError where the plan wants a root file system of its own, or the user may not
    write to `/`, or another build without a sandbox is there already.
    """
    if plan.root is not None and plan.binds:
        raise NoSandboxError(
            "a pinned build environment cannot be entered without a sandbox",
            hint='install bubblewrap, or take kind = "host" in [build-environment]',
        )
    with _TURN:
        made: list[Path] = []
        try:
            _make(plan, made)
            yield
        finally:
            for path in reversed(made):
                path.unlink() if path.is_symlink() else path.rmdir()


def _make(plan: SandboxPlan, made: list[Path]) -> None:
    for bind in sorted(plan.binds, key=lambda bind: bind.target):
        target = Path(bind.target)
        try:
            for parent in reversed(target.parents):
                if not parent.exists():
                    parent.mkdir()
                    made.append(parent)
            target.symlink_to(bind.source)
        except OSError as error:
            raise NoSandboxError(
                f"without a sandbox {target} has to be made, and cannot be: {error.strerror}",
                hint="build as root of a throw-away machine or container, one build at a time",
            ) from error
        made.append(target)
