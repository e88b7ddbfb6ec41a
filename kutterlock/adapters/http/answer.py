"""What passes between the parts of the HTTP door: calls, answers, and attempts that failed.

Imports no HTTP library, so that a command which turns out to need no network stays quick.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import BinaryIO, Protocol

from kutterlock.errors import KutterError, NetworkError

Headers = Mapping[str, str]
NO_HEADERS: Headers = MappingProxyType({})
PIECE = 512 << 10


class FailedAttempt(Exception):  # noqa: N818 -- not an error yet: another place may do
    """One attempt at one place failed: why, and whether trying there again makes sense.

    `wait` is how many seconds the server asked for; `unreachable`: there was no connection at
    all. `error` is what it comes to when no other place does better.
    """

    def __init__(
        self,
        cause: str,
        *,
        transient: bool = False,
        wait: float | None = None,
        unreachable: bool = False,
        hint: str = "",
        error: type[KutterError] = NetworkError,
    ) -> None:
        """`cause` completes the sentence `URL: ...`."""
        super().__init__(cause)
        self.cause = cause
        self.transient = transient
        self.wait = wait
        self.unreachable = unreachable
        self.hint = hint
        self.error = error


class FileContent:
    """An open file as the content of a request: read in pieces, or handed over by the kernel."""

    def __init__(self, file: BinaryIO) -> None:
        """Send the file from where it stands to its end."""
        self.file = file

    def __iter__(self) -> Iterator[bytes]:
        while piece := self.file.read(PIECE):
            yield piece


Content = bytes | Iterator[bytes] | FileContent


class Authenticator(Protocol):
    """Credentials beyond netrc, such as a registry's tokens."""

    def headers(self, url: str) -> Headers:
        """Return what to send with a request to `url`; not asked again for a redirect's host."""

    def challenged(self, url: str, headers: Headers) -> bool:
        """Take note of a 401's header; True: `headers` has something new to try."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request as wanted, before mirrors, credentials and redirects.

    `pinned`: a digest or signature decides, so that plain http will do. `content` is sent again
    on a redirect only when it is bytes.
    """

    method: str = "GET"
    url: str = ""
    headers: Headers = field(default_factory=lambda: NO_HEADERS)
    content: Content | None = None
    auth: Authenticator | None = None
    pinned: bool = False


class Answer(Protocol):
    """An answer whose body has not been read yet."""

    url: str
    status: int
    reason: str
    headers: Headers

    def chunks(self) -> Iterator[memoryview]:
        """Yield the body as it comes; each view is good until the next one."""

    def close(self) -> None:
        """Give up the rest of the body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer, read. `url` is where it came from after redirects; header names lower-case."""

    status: int
    headers: Headers
    body: bytes
    url: str
