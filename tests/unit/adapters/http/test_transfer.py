"""How much is taken from a server that tells no length."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kutterlock.adapters.disk.store import Store
from kutterlock.adapters.http.answer import Answer, Call, FailedAttempt
from kutterlock.adapters.http.transfer import UNTOLD, Transfer
from kutterlock.errors import HashMismatchError, NoSpaceError
from kutterlock.model.digest import Digest
from kutterlock.model.net.mirrors import Place

PIECE = memoryview(bytes(64 << 20))
URL = "https://upstream.example/file"
DATA = b"data"


@dataclass
class Endless:
    """An answer whose body has no end."""

    headers: Mapping[str, str] = field(default_factory=dict)
    url: str = URL
    status: int = 200
    reason: str = "OK"

    def chunks(self) -> Iterator[memoryview]:
        while True:
            yield PIECE

    def close(self) -> None:
        pass


@dataclass
class CountingSink:
    """Counts, and keeps nothing; `most` is how far it got."""

    size: int = 0
    most: int = 0
    told: list[int | None] = field(default_factory=list)

    @property
    def resume_offset(self) -> int:
        return self.size

    def expect(self, size: int | None) -> None:
        self.told.append(size)

    def write(self, chunk: bytes | memoryview) -> None:
        self.size += len(chunk)
        self.most = max(self.most, self.size)

    def restart(self) -> None:
        self.size = 0

    def check(self) -> None:
        raise HashMismatchError("not yet")


def attempt(sink: CountingSink, answer: Answer, limit: int | None) -> str:
    with pytest.raises(FailedAttempt) as caught:
        Transfer(lambda _: answer, sink, limit, None).run(Place(URL), Call(url=URL))
    return caught.value.cause


@pytest.mark.parametrize(
    ("limit", "bound"), [(None, UNTOLD), (16 << 30, UNTOLD), (1 << 30, 1 << 30)]
)
def test_without_a_length_a_file_ends_early(limit: int | None, bound: int) -> None:
    sink = CountingSink()
    cause = attempt(sink, Endless(), limit)
    assert cause == f"has more than the {bound} bytes that are expected"
    assert (sink.size, sink.most, sink.told) == (0, bound, [None])


def test_a_length_is_told_to_the_sink(tmp_path: Path) -> None:
    answer = Endless(headers={"content-length": str(1 << 50)})
    digest = Digest.of(DATA)
    with Store(tmp_path).receive(digest) as sink:
        transfer = Transfer(lambda _: answer, sink, None, None)
        with pytest.raises(FailedAttempt) as caught:
            transfer.run(Place(URL), Call(url=URL))
        assert caught.value.error is NoSpaceError
        assert caught.value.cause.startswith(f"{1 << 50} bytes are to come, and {tmp_path}/partial")
        assert caught.value.hint == (
            "free some space, or name another disk: --store, --output, KUTTER_CACHE"
        )
        assert (sink.expected, sink.size) == (1 << 50, 0)
