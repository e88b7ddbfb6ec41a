"""Tags that moved since the lock was written. They are reported, never followed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kutterlock.errors import KutterError
from kutterlock.model.digest import Digest
from kutterlock.model.lock import Lock
from kutterlock.model.oci.reference import Reference


@dataclass(frozen=True, slots=True, kw_only=True)
class TagStanding:
    """What a tag stands for now: `now` is '' where nobody could say, and `trouble` says why."""

    reference: str
    pinned: str
    now: str = ""
    trouble: str = ""

    @property
    def moved(self) -> bool:
        """Whether the tag stands for something else than the lock pins."""
        return bool(self.now) and self.now != self.pinned


def tag_standings(lock: Lock, ask: Callable[[Reference], Digest]) -> Iterator[TagStanding]:
    """Ask for every tag of the lock."""
    for name, pin in lock.images.items():
        reference = Reference.parse(name)
        if reference.digest or not reference.tag:
            continue
        try:
            now = str(ask(reference))
        except KutterError as error:
            trouble = "; ".join([error.reason, *error.details])
            yield TagStanding(reference=name, pinned=pin.digest, trouble=trouble)
        else:
            yield TagStanding(reference=name, pinned=pin.digest, now=now)
