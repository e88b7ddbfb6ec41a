"""What to call every blob of a closure, for re-hashing it: no fetching, hence nothing to load."""

from collections.abc import Sequence

from kutterlock.adapters.disk.store import Store
from kutterlock.model.digest import Digest
from kutterlock.model.lock import Lock
from kutterlock.vendor.wants import wants_of


def closure_names(
    lock: Lock, store: Store, boards: Sequence[str] | None = None, *, all_platforms: bool = False
) -> dict[Digest, str]:
    """Name every blob of the boards' closure."""
    names = {want.digest: want.name for want in wants_of(lock, boards)}
    if not lock.images:
        return names
    from kutterlock.vendor.images import part_names

    return {**part_names(store, lock, boards, all_platforms=all_platforms), **names}
