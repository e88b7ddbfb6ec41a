"""Going round the places that may have a file until one does.

Every place gets its turn before any gets a second one; places whose failure may pass are tried
again after a pause. Knows nothing of HTTP: an attempt returns or raises FailedAttempt.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from kutterlock.adapters.http.answer import FailedAttempt
from kutterlock.errors import HashMismatchError, KutterError, NetworkError, NoSpaceError
from kutterlock.model.net.mirrors import Place
from kutterlock.model.net.network import Patience

T = TypeVar("T")


class Rounds:
    """Shared by all threads of one `Http`: an origin that did not connect is tried last."""

    def __init__(
        self, patience: Patience, sleep: Callable[[float], object], closed: threading.Event
    ) -> None:
        """When `closed` is set, everything ends early."""
        self._patience = patience
        self._sleep = sleep
        self._closed = closed
        self._unreachable: set[str] = set()

    def run(self, name: str, places: Sequence[Place], attempt: Callable[[Place], T]) -> T:
        """Return what the first successful attempt returns.

        Raises HashMismatchError if any place had wrong bytes, NoSpaceError if any had more than the
        disk holds, else the error that the failures call for; its details say for each place what
        happened last.
        """
        failures: dict[Place, FailedAttempt] = {}
        waiting: Sequence[Place] = sorted(places, key=self._is_unreachable)
        for round_number in range(1, self._patience.attempts + 1):
            for place in waiting:
                self._check_open(name)
                try:
                    return attempt(place)
                except FailedAttempt as failed:
                    self._remember(place, failed)
                    failures[place] = failed
            waiting = [place for place in waiting if failures[place].transient]
            if round_number == self._patience.attempts or not self._pause(
                [failures[place] for place in waiting], round_number
            ):
                break
        raise _combined(name, places, failures)

    def _pause(self, failures: Sequence[FailedAttempt], round_number: int) -> bool:
        longest = self._patience.longest_wait
        patient = [failed for failed in failures if (failed.wait or 0.0) <= longest]
        if not patient:
            return False
        asked = min(failed.wait or 0.0 for failed in patient)
        self._sleep(max(asked, self._patience.pause(round_number)))
        return True

    def _check_open(self, name: str) -> None:
        if self._closed.is_set():
            raise NetworkError(f"{name}: the work was given up")

    def _remember(self, place: Place, failed: FailedAttempt) -> None:
        if failed.unreachable and isinstance(place.where, str):
            self._unreachable.add(_authority(place.where))

    def _is_unreachable(self, place: Place) -> bool:
        if not self._unreachable or isinstance(place.where, Path):
            return False
        return _authority(place.where) in self._unreachable


def _authority(url: str) -> str:
    return urlsplit(url).netloc


def _combined(
    name: str, places: Iterable[Place], failures: dict[Place, FailedAttempt]
) -> KutterError:
    met = [(place, failures[place]) for place in places]
    kinds = {failed.error for _, failed in met}
    decisive = [kind for kind in (HashMismatchError, NoSpaceError) if kind in kinds]
    mixed: type[KutterError] = kinds.pop() if len(kinds) == 1 else NetworkError
    kind = decisive[0] if decisive else mixed
    hints = [failed.hint for _, failed in met if failed.hint]
    return kind(
        f"{name} could not be fetched",
        details=[f"{place}: {failed.cause}" for place, failed in met],
        hint=hints[-1] if hints else "",
    )
