"""HTTP: the one door to the network.

`Http` fetches small answers (`get_bytes`), files of any size (`download`), and speaks whole
requests (`request`). It tries mirrors in order, retries what may pass, resumes, and bounds sizes
and waits. Nothing here trusts what arrives: a download ends when its sink says that the bytes
are the wanted ones. Loads no HTTP library until the first `Http` is made.
"""

import json
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

from kutterlock.adapters.http.answer import (
    NO_HEADERS,
    Answer,
    Authenticator,
    Call,
    Content,
    FailedAttempt,
    Headers,
    Response,
)
from kutterlock.adapters.http.rounds import Rounds
from kutterlock.adapters.http.transfer import Sink, Transfer, body_of, checked_status
from kutterlock.errors import NetworkError
from kutterlock.model.encoding.text import text_of
from kutterlock.model.net.mirrors import Place, places
from kutterlock.model.net.network import HttpOptions
from kutterlock.model.net.urls import redacted, without_login

__all__ = ["NOT_THE_FILE", "Authenticator", "Http", "HttpOptions", "Response", "Sink", "json_of"]

NOT_THE_FILE = (
    "look at what that address answers here: a page to log in, a proxy's? Name a mirror that has "
    "the file under [mirrors], or try again later"
)

SMALL = 16 << 20
"""Default bound of an answer that is read into memory, in bytes."""


class Opener(Protocol):
    """Sends one call: `Exchange`, or a fake in tests."""

    def open(self, call: Call) -> Answer:
        """Return the answer. Raises FailedAttempt."""

    def close(self) -> None:
        """Close all connections."""

    def allows(self, url: str) -> bool:
        """Whether the host policy lets anybody ask there."""


class Http:
    """The door. Safe to use from several threads; `close` makes calls under way fail."""

    def __init__(
        self,
        options: HttpOptions,
        *,
        sleep: Callable[[float], object] | None = None,
        opener: Opener | None = None,
    ) -> None:
        """`sleep` and `opener` are for tests; the default sleep ends when the door closes."""
        self.options = options
        self._closed = threading.Event()
        self._sleep = sleep or self._closed.wait
        self._opener = opener or _exchange(options)
        self._rounds = Rounds(options.patience, self._sleep, self._closed)

    def get_bytes(
        self,
        url: str,
        *,
        limit: int = SMALL,
        headers: Headers = NO_HEADERS,
        pinned: bool = False,
        missing_ok: bool = False,
        auth: Authenticator | None = None,
    ) -> Response:
        """Fetch a small answer, at most `limit` bytes, mirrors first.

        `pinned`: a digest or signature that the caller checks decides, so that plain http will
        do. With `missing_ok` a 404 of the last place that may be asked is returned, not raised.
        Raises NetworkError, PolicyError.
        """
        call = Call(url=url, headers=headers, pinned=pinned, auth=auth)
        found = places(url, self.options.mirrors, by_name=False)
        last = self._last(found) if missing_ok else None

        def attempt(place: Place) -> Response:
            if isinstance(place.where, Path):
                return _read_file(place.where, limit)
            return self._read(call, place.where, limit, accept={404} if place == last else set())

        return self._rounds.run(redacted(url), found, attempt)

    def head(
        self, url: str, *, headers: Headers = NO_HEADERS, auth: Authenticator | None = None
    ) -> Response:
        """Ask for the head of an answer, mirrors first, whatever its status; folders have none.

        Raises NetworkError, PolicyError.
        """
        call = Call(method="HEAD", url=url, headers=headers, auth=auth)

        def attempt(place: Place) -> Response:
            if isinstance(place.where, Path):
                raise FailedAttempt("is a file, and has no head")
            return self._read(call, place.where, 0, accept=None)

        found = places(url, self.options.mirrors, by_name=False)
        return self._rounds.run(redacted(url), found, attempt)

    def get_json(self, url: str, *, limit: int = SMALL, headers: Headers = NO_HEADERS) -> Any:  # noqa: ANN401
        """Fetch and parse JSON. Raises NetworkError also for what is not JSON."""
        return json_of(self.get_bytes(url, limit=limit, headers=headers).body, url)

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Headers = NO_HEADERS,
        content: Content | None = None,
        limit: int = SMALL,
        auth: Authenticator | None = None,
    ) -> Response:
        """Send one request, without mirrors, and return the answer whatever its status.

        What may pass (5xx, 429, a lost connection) is retried when the content is bytes or none
        and the method is not POST. Raises NetworkError, PolicyError.
        """
        call = Call(method=method, url=url, headers=headers, content=content, auth=auth)
        once = method == "POST" or not isinstance(content, bytes | None)

        def attempt(place: Place) -> Response:
            try:
                return self._read(call, str(place.where), limit, accept=None)
            except FailedAttempt as failed:
                failed.transient = failed.transient and not once
                raise

        return self._rounds.run(redacted(url), (Place(url),), attempt)

    def download(  # noqa: PLR0913 -- keywords, each for another caller
        self,
        urls: Sequence[str],
        sink: Sink,
        *,
        limit: int | None = None,
        on_bytes: Callable[[int], None] | None = None,
        auth: Authenticator | None = None,
        headers: Headers = NO_HEADERS,
        pinned: bool = True,
    ) -> str:
        """Bring a file into `sink` and return the place it came from.

        Tries each URL's mirrors, then the URL; goes round again after what may pass. `limit`
        bounds the whole file in bytes. `on_bytes` gets the length of each piece that arrived and,
        negative, of what had to be dropped. The sink's `check` ends the work; where that knows no
        digest, say so with `pinned`: then only https will do. Raises HashMismatchError when some
        place had other bytes and none the right ones, else NetworkError or PolicyError.
        """
        if sink.resume_offset and Transfer.is_complete(sink):
            return "a download that was interrupted at its end"
        found = [p for url in urls for p in places(url, self.options.mirrors, by_name=pinned)]

        def attempt(place: Place) -> str:
            call = Call(url=str(place.where), headers=headers, auth=auth, pinned=pinned)
            Transfer(self._opener.open, sink, limit, on_bytes).run(place, call)
            return str(place)

        name = redacted(urls[0]) if urls else "a file without any URL"
        return self._rounds.run(name, tuple(dict.fromkeys(found)), attempt)

    def close(self) -> None:
        """Close every connection; calls under way in other threads end with an error."""
        self._closed.set()
        self._opener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _last(self, found: Sequence[Place]) -> Place | None:
        asked = [place for place in found if isinstance(place.where, str)]
        return next((p for p in reversed(asked) if self._opener.allows(str(p.where))), None)

    def _read(self, call: Call, url: str, limit: int, accept: set[int] | None) -> Response:
        answer = self._opener.open(_at(call, url))
        try:
            checked_status(answer, accept)
            body = b"" if call.method == "HEAD" else body_of(answer, limit)
        finally:
            answer.close()
        return Response(
            status=answer.status,
            headers=answer.headers,
            body=body,
            url=without_login(answer.url),
        )


def json_of(body: bytes, url: str) -> Any:  # noqa: ANN401
    """Parse JSON that came from `url`. Raises NetworkError."""
    try:
        text = text_of(body)
    except ValueError as error:
        raise NetworkError(f"{redacted(url)} {error}", hint=NOT_THE_FILE) from error
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NetworkError(
            f"{redacted(url)} did not answer with JSON: {error}", hint=NOT_THE_FILE
        ) from error


def _exchange(options: HttpOptions) -> Opener:
    # httpx imports its own command line where click and rich are installed: 70 ms for nothing.
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
    from kutterlock.adapters.http.exchange import Exchange

    return Exchange(options)


def _at(call: Call, url: str) -> Call:
    from dataclasses import replace

    return replace(call, url=url)


def _read_file(path: Path, limit: int) -> Response:
    try:
        with path.open("rb") as file:
            body = file.read(limit + 1)
    except OSError as error:
        raise FailedAttempt(error.strerror or str(error)) from error
    if len(body) > limit:
        raise FailedAttempt(f"is larger than {limit} bytes")
    return Response(status=200, headers={}, body=body, url=path.as_uri())
