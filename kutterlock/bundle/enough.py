"""Whether a bundle and its base have all that the bundle's own lock names."""

from collections.abc import Callable
from pathlib import Path

from kutterlock.adapters.tomlfile import parse_lock_bytes
from kutterlock.errors import MissingInputError
from kutterlock.model.bundle.manifest import LOCK_PATH, Bundle
from kutterlock.model.encoding.text import counted
from kutterlock.model.lock import Lock
from kutterlock.vendor.wants import wants_of

OpenFile = Callable[[str], bytes | None]
"""Returns the bytes of a file of the project, by its path; None where there is none."""


def read_carried_lock(open_file: OpenFile) -> Lock:
    """Read the lock of a bundle. Raises LockError."""
    data = open_file(LOCK_PATH)
    assert data is not None, "a manifest without a lock is refused when it is read"
    return parse_lock_bytes(data, Path(LOCK_PATH))


def check_enough(lock: Lock, bundle: Bundle) -> None:
    """Raise MissingInputError unless the bundle and its base have all that the lock names."""
    held = {blob.digest for blob in bundle.blobs}
    wanted = {want.digest: want.name for want in wants_of(lock, bundle.boards)}
    for name in bundle.boards:
        wanted |= {lock.images[key].digest: key for key in lock.board(name).images}
    missing = sorted(f"{name} ({digest})" for digest, name in wanted.items() if digest not in held)
    if missing:
        raise MissingInputError(
            f"the bundle lacks {counted(len(missing), 'blob')} that its own lock names",
            details=missing,
            hint="have it made again: `kutterlock bundle rehearse` would have found this",
        )
