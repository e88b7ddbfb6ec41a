"""One file from one place into a sink: ranges, sizes, and whether the bytes are right.

A sink keeps what came before an interruption, so that another place or the next run goes on
where this one ended.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from kutterlock.adapters.http.answer import Answer, Call, FailedAttempt
from kutterlock.errors import HashMismatchError, NoSpaceError
from kutterlock.model.net.http_rules import (
    TRANSIENT,
    parse_content_range,
    parse_length,
    rate_limit_reset,
    retry_after,
)
from kutterlock.model.net.mirrors import Place

FILE_CHUNK = 1 << 20
UNTOLD = 4 << 30
"""Where a file ends of which nobody said how large it is, its server neither, in bytes."""
PARTIAL_CONTENT = 206
RANGE_NOT_SATISFIABLE = 416
GZIP_NAMES = (".gz", ".tgz")


class Sink(Protocol):
    """Where a download goes. Only one thread uses a sink at a time."""

    @property
    def resume_offset(self) -> int:
        """How many bytes it holds: where the next write goes."""

    def expect(self, size: int | None) -> None:
        """Note how large the file is said to be, in bytes. Raises NoSpaceError."""

    def write(self, chunk: bytes | memoryview) -> None:
        """Append."""

    def restart(self) -> None:
        """Forget what it holds: the bytes that follow start the file."""

    def check(self) -> None:
        """Raise HashMismatchError unless it holds exactly the wanted bytes. May be asked twice."""


class Transfer:
    """One attempt."""

    def __init__(
        self,
        open_call: Callable[[Call], Answer],
        sink: Sink,
        limit: int | None,
        on_bytes: Callable[[int], None] | None,
    ) -> None:
        """`limit` bounds the whole file; `on_bytes` as in `Http.download`."""
        self._open = open_call
        self._sink = sink
        self._limit = limit
        self._on_bytes = on_bytes or _ignore
        self._encoding = ""

    @staticmethod
    def is_complete(sink: Sink) -> bool:
        """Whether the sink already holds the wanted bytes."""
        try:
            sink.check()
        except HashMismatchError:
            return False
        return True

    def run(self, place: Place, call: Call) -> None:
        """Fill the sink. Raises FailedAttempt."""
        resumed = self._sink.resume_offset > 0
        try:
            self._fill(place, call)
            self._sink.check()
        except (_UnusablePartError, HashMismatchError) as error:
            self._restart()
            if resumed:  # what was there before may have been the wrong part
                self.run(place, call)
            elif isinstance(error, HashMismatchError):
                cause = _mismatch(error, self._encoding)
                raise FailedAttempt(cause, error=HashMismatchError) from error
            else:
                raise FailedAttempt("answered with a part of the file, unasked") from error

    def _fill(self, place: Place, call: Call) -> None:
        if isinstance(place.where, Path):
            self._copy(place.where)
            return
        offset = self._sink.resume_offset
        if offset:
            call = replace(call, headers={**call.headers, "range": f"bytes={offset}-"})
        answer = self._open(call)
        try:
            if self._place_answer(answer, offset):
                self._pour(answer)
        finally:
            answer.close()

    def _place_answer(self, answer: Answer, offset: int) -> bool:
        """Make the sink ready for the answer's body; False when there is nothing to read."""
        if answer.status == RANGE_NOT_SATISFIABLE and offset:
            found = parse_content_range(answer.headers.get("content-range", ""))
            if found and found.total == offset:
                return False
            raise _UnusablePartError
        checked_status(answer, {206} if offset else set())
        self._encoding = _refuse_encoding(answer)
        if answer.status == PARTIAL_CONTENT:
            found = parse_content_range(answer.headers.get("content-range", ""))
            if found is None or found.first != offset:
                raise _UnusablePartError
            self._expect(found.total)
        else:
            if offset:
                self._restart()
            self._expect(parse_length(answer.headers.get("content-length")))
        return True

    def _expect(self, size: int | None) -> None:
        self._refuse_size(size)
        if size is None:
            self._limit = min(self._limit or UNTOLD, UNTOLD)
        try:
            self._sink.expect(size)
        except NoSpaceError as error:
            raise FailedAttempt(error.reason, hint=error.hint, error=NoSpaceError) from error

    def _pour(self, answer: Answer) -> None:
        for chunk in answer.chunks():
            self._refuse_size(self._sink.resume_offset + len(chunk))
            self._sink.write(chunk)
            self._on_bytes(len(chunk))

    def _copy(self, path: Path) -> None:
        if self._sink.resume_offset:
            self._restart()
        try:
            with path.open("rb", buffering=0) as file:
                while chunk := file.read(FILE_CHUNK):
                    self._refuse_size(self._sink.resume_offset + len(chunk))
                    self._sink.write(chunk)
                    self._on_bytes(len(chunk))
        except OSError as error:
            raise FailedAttempt(error.strerror or str(error)) from error

    def _refuse_size(self, size: int | None) -> None:
        if self._limit is not None and size is not None and size > self._limit:
            self._restart()
            raise FailedAttempt(f"has more than the {self._limit} bytes that are expected")

    def _restart(self) -> None:
        self._on_bytes(-self._sink.resume_offset)
        self._sink.restart()


class _UnusablePartError(Exception):
    """The server does not go on where the part ends."""


def checked_status(answer: Answer, accept: set[int] | None) -> None:
    """Raise FailedAttempt unless the status is 200 or in `accept` (None: all but transient)."""
    if (reset := rate_limit_reset(answer.headers)) and answer.status in {403, 429}:
        raise FailedAttempt(
            f"the rate limit is used up until {reset:%Y-%m-%d %H:%M:%S} UTC",
            hint="set GITHUB_TOKEN, or github-token-file under [network]: "
            "a token without any permission raises the limit from 60 to 5000 an hour",
        )
    if answer.status in TRANSIENT:
        wait = retry_after(answer.headers)
        asked = "" if wait is None else f", and asks to wait {wait:g} s"
        raise FailedAttempt(f"answered {_worded(answer)}{asked}", transient=True, wait=wait)
    if accept is not None and answer.status not in {200, *accept}:
        raise FailedAttempt(f"answered {_worded(answer)}", hint=_hint(answer.status))


def body_of(answer: Answer, limit: int) -> bytes:
    """Read a body into memory. Raises FailedAttempt beyond `limit` or when it is encoded."""
    _refuse_encoding(answer)
    length = parse_length(answer.headers.get("content-length"))
    if length is not None and length > limit:
        raise FailedAttempt(f"has {length} bytes where at most {limit} are expected")
    return b"".join(_bounded(answer, limit))


def _bounded(answer: Answer, limit: int) -> Iterator[bytes]:
    size = 0
    for chunk in answer.chunks():
        size += len(chunk)
        if size > limit:
            raise FailedAttempt(f"has more than the {limit} bytes that are expected")
        yield bytes(chunk)


def _refuse_encoding(answer: Answer) -> str:
    """Return the encoding of a body that may be as it should all the same, '' for a plain one."""
    encoding = answer.headers.get("content-encoding", "identity").strip().lower()
    if encoding in {"", "identity"}:
        return ""
    path = answer.url.partition("?")[0]
    if encoding in {"gzip", "x-gzip"} and path.endswith(GZIP_NAMES):
        return encoding  # Apache's AddEncoding describes the file so, and does not touch it
    raise FailedAttempt(f"sent the file compressed ({encoding}), though it was asked not to")


def _mismatch(error: HashMismatchError, encoding: str) -> str:
    facts = "; ".join(" ".join(detail.split()) for detail in error.details) or error.reason
    compressed = f", sent compressed ({encoding}) though it was asked not to" if encoding else ""
    return f"has other bytes ({facts}){compressed}"


def _worded(answer: Answer) -> str:
    return f"{answer.status} {answer.reason}".strip()


def _hint(status: int) -> str:
    if status in {401, 403}:
        return "if the file needs a login, put one for this host into .netrc"
    return ""


def _ignore(count: int) -> None:
    pass
