"""Fakes of what long work talks to: a network of bytes by URL, and progress that is kept."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from kutterlock.adapters.disk.incoming import IncomingBlob
from kutterlock.errors import HashMismatchError, NetworkError


@dataclass
class FakeNetwork:
    """Serves `files` as `Http.download` would, and records what it was asked.

    `cut` ends the first answer for a URL after so many bytes.
    """

    files: Mapping[str, bytes]
    cut: dict[str, int] = field(default_factory=dict)
    asked: list[tuple[str, int]] = field(default_factory=list)
    closed: int = 0

    def download(
        self,
        urls: Sequence[str],
        sink: IncomingBlob,
        *,
        limit: int | None = None,
        on_bytes: Callable[[int], None] | None = None,
    ) -> str:
        failures = []
        kind: type[NetworkError | HashMismatchError] = NetworkError
        for url in urls:
            self.asked.append((url, sink.resume_offset))
            if url not in self.files:
                failures.append(f"{url}: answered 404 Not Found")
                continue
            if url in self.cut:
                sink.write(self.files[url][: self.cut.pop(url)])
                failures.append(f"{url}: the connection ended early")
                continue
            sink.expect(len(self.files[url]))
            piece = self.files[url][sink.resume_offset :]
            sink.write(piece)
            if on_bytes:
                on_bytes(len(piece))
            if sink.is_right:
                return url
            kind = HashMismatchError
            failures.append(f"{url}: has other bytes")
            sink.restart()
        raise kind(f"{urls[0]} could not be fetched", details=failures)

    def close(self) -> None:
        self.closed += 1


@dataclass
class KeptProgress:
    """Progress as a list of what was said."""

    said: list[tuple[object, ...]] = field(default_factory=list)

    def start(self, label: str, *, total: int = 0, unit: str = "") -> None:
        self.said.append(("start", label, total, unit))

    def expect(self, total: int, *, at_least: bool = False) -> None:
        self.said.append(("expect", total, at_least))

    def advance(self, amount: int, note: str = "") -> None:
        self.said.append(("advance", amount, note))

    def done(self, summary: str) -> None:
        self.said.append(("done", summary))

    def note(self, line: str) -> None:
        self.said.append(("note", line))


def no_network() -> FakeNetwork:
    """Be the factory for work that must not ask for a network."""
    raise AssertionError("the network was asked for")
