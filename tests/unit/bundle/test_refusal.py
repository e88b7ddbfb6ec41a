"""A project that is refused while the blobs behind it arrive."""

import threading
from pathlib import Path

import pytest

from kutterlock.bundle.landing import Landing
from kutterlock.bundle.take import take
from kutterlock.errors import UntrustedError
from kutterlock.model.progress import Silence
from tests.support.bundles import Far, Near, some_files


class Gate(Silence):
    """Progress that lets no blob go on before `go` is set."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def advance(self, amount: int, note: str = "") -> None:
        assert not note.startswith("blobs/") or self.go.wait(10)


def test_a_refused_project_stops_the_blobs_that_arrive_meanwhile(tmp_path: Path) -> None:
    near, far = Near(tmp_path / "near", files=some_files(2, 64 << 20)), Far(tmp_path / "far")
    progress = Gate()

    def refuse(*_: object) -> None:
        progress.go.set()
        raise UntrustedError("no")

    judges = far.judges()._replace(project=refuse)
    landing = Landing(directory=far.project)
    with pytest.raises(UntrustedError):
        take(near.create().paths, far.store, landing, judges, progress)
    assert far.is_empty()
    staged = {path.stat().st_size for path in far.store.root.glob("incoming/*/whole/*")}
    assert staged
    assert max(staged) < 1 << 20, "a blob arrived whole"
