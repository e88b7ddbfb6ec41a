"""Directories under construction, and what killed processes left of theirs.

Whoever works on a `.unverified-*` holds its lock, which the kernel drops with the process, however
that ends. So what can be locked belongs to nobody any more, and is swept by the next one who makes
a directory beside it. `UnverifiedFile` locks its files in the same way.
"""

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator
from pathlib import Path

from kutterlock.adapters.disk.files import UNVERIFIED, explained, remove_tree
from kutterlock.adapters.disk.incoming import try_lock

_LEFTOVER = re.compile(re.escape(UNVERIFIED) + r"[0-9a-f]{16}\Z")


@contextlib.contextmanager
def staging(parent: Path) -> Iterator[Path]:
    """Yield a new directory below `parent`, which is made; remove it unless it was renamed."""
    with explained(parent):
        parent.mkdir(parents=True, exist_ok=True)
        sweep(parent)
        path, descriptor = _make(parent)
    try:
        yield path
    finally:
        remove_tree(path)
        os.close(descriptor)


def sweep(parent: Path) -> None:
    """Remove what processes that are gone left below `parent`; what cannot be removed stays."""
    for name in os.listdir(parent):  # noqa: PTH208 -- names are all that is looked at
        if _LEFTOVER.match(name):
            with contextlib.suppress(OSError):
                _remove_unless_held(parent / name)


def _make(parent: Path) -> tuple[Path, int]:
    """Make a locked directory; again, where a sweeper came between the making and the locking."""
    while True:
        path = parent / f"{UNVERIFIED}{os.urandom(8).hex()}"
        path.mkdir()
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if path.exists():
                return path, descriptor
            os.close(descriptor)


def _remove_unless_held(path: Path) -> None:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags)
    try:
        if not try_lock(descriptor, fcntl.LOCK_EX):
            return
        if path.is_dir():
            remove_tree(path)
        else:
            path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)
