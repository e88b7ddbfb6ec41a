"""An `httpx.BaseTransport` over `http.client`, made for large bodies.

httpx's own transport parses every 64 KiB in Python; this one reads straight into the caller's
buffer. It keeps connections alive, bounds every wait, and says when a body ends too early.
Redirects, credentials and retries are not its affair (`kutterlock.adapters.http.exchange`).
"""

import contextlib
import http.client
import io
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import cast

import httpx

from kutterlock.adapters.http.answer import FileContent
from kutterlock.model.net.urls import Origin

CHUNK = 1 << 20
IDLE_PER_ORIGIN = 8
BODY = "kutterlock.body"
"""The response extension that holds the `Body`."""

CONTENT = "kutterlock.content"
"""The request extension that holds the content as it was given: files need no copy through here."""


class TruncatedBodyError(httpx.RemoteProtocolError):
    """The connection ended before the body did."""


class _DeadlineReader(io.RawIOBase):
    """Reads a socket, but not past a moment that moves on only when its owner says so."""

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw
        self._deadline = float("inf")

    def allow(self, seconds: float) -> None:
        """Let the reads from now on take so long together."""
        self._deadline = time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]
        if time.monotonic() > self._deadline:
            raise TimeoutError
        return cast("int | None", self._raw.readinto(buffer))

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """An answer whose head must have come before the reader's deadline."""

    def __init__(
        self,
        sock: socket.socket,
        debuglevel: int = 0,
        method: str | None = None,
        url: str | None = None,
    ) -> None:
        super().__init__(sock, debuglevel, method, url)
        self.fp.close()
        self.reader = _DeadlineReader(cast("io.RawIOBase", sock.makefile("rb", buffering=0)))
        self.reader.allow(sock.gettimeout() or float("inf"))
        self.fp = io.BufferedReader(self.reader, 64 << 10)


class _Connection:
    """One TCP or TLS connection to an origin, used by one request at a time."""

    def __init__(self, origin: Origin, tls: ssl.SSLContext | None) -> None:
        self.origin = origin
        self.http = (
            http.client.HTTPConnection(origin.host, origin.port)
            if tls is None
            else http.client.HTTPSConnection(origin.host, origin.port, context=tls)
        )
        self.http.response_class = _Response
        self.sock: socket.socket | None = None
        self.used = False

    def connect(self, connect: float, stall: float) -> None:
        self.http.timeout = connect
        self.http.connect()
        self.sock = self.http.sock  # http.client forgets it when the answer ends the connection
        self.sock.settimeout(stall)

    def is_stale(self) -> bool:
        """Whether an idle connection has bytes or an end waiting: then it is of no use."""
        poll = select.poll()
        poll.register(self.http.sock, select.POLLIN)
        return bool(poll.poll(0))

    def abort(self) -> None:
        """Wake a thread that waits on this connection."""
        if self.sock is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


class Body(httpx.SyncByteStream):
    """The body of one answer; its connection goes back to the pool when all was read."""

    def __init__(self, answer: _Response, stall: float, release: Callable[[bool], None]) -> None:
        """`release(reusable)` is called exactly once."""
        self._answer = answer
        self._stall = stall
        self._release: Callable[[bool], None] | None = release
        self._left = None if answer.chunked else answer.length
        self._got = 0
        if self._left == 0:
            self._finish()

    def readinto(self, buffer: memoryview) -> int:
        """Fill the start of `buffer` with what has come; 0 at the end of the body."""
        if self._release is None:
            return 0
        self._answer.reader.allow(self._stall)
        try:
            count = self._read(buffer)
        except TimeoutError as error:
            raise httpx.ReadTimeout(f"nothing arrived for {self._stall:g} s") from error
        except http.client.HTTPException as error:
            raise TruncatedBodyError(f"the answer ended early, after {self._got} bytes") from error
        except (OSError, ValueError) as error:
            raise httpx.ReadError(_reason(error)) from error
        self._got += count
        if count == 0 or self._left == 0:
            self._finish()
        return count

    def _read(self, buffer: memoryview) -> int:
        if self._answer.chunked:
            data = self._answer.read1(len(buffer))
            buffer[: len(data)] = data
            return len(data)
        wanted = buffer if self._left is None else buffer[: self._left]
        count = self._answer.fp.readinto1(wanted)
        if self._left is not None:
            if count == 0:
                raise TruncatedBodyError(
                    f"the answer ended early, after {self._got} of {self._got + self._left} bytes"
                )
            self._left -= count
        return count

    def __iter__(self) -> Iterator[bytes]:
        view = memoryview(bytearray(CHUNK))
        while count := self.readinto(view):
            yield bytes(view[:count])

    def close(self) -> None:
        """Give up what was not read, and its connection with it."""
        self._end(reusable=False)

    def _finish(self) -> None:
        self._end(reusable=not self._answer.will_close)

    def _end(self, *, reusable: bool) -> None:
        release, self._release = self._release, None
        if release:
            self._answer.close()
            release(reusable)


class FastTransport(httpx.BaseTransport):
    """Direct connections, kept alive, shared by all threads."""

    def __init__(self, tls: Callable[[], ssl.SSLContext]) -> None:
        """`tls` makes the context, when the first https request asks for one."""
        self._make_tls = tls
        self._tls: ssl.SSLContext | None = None
        self._lock = threading.Lock()
        self._idle: dict[Origin, list[_Connection]] = {}
        self._live: set[_Connection] = set()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its answer, head read, body still to come."""
        limits = request.extensions["timeout"]
        origin = Origin(request.url.scheme, request.url.host, _port(request.url))
        connection = self._take(origin, limits["connect"], limits["read"])
        try:
            try:
                answer = _converse(connection, request)
            except (ConnectionError, http.client.BadStatusLine):
                if not connection.used or not _repeatable(request):
                    raise
                self._drop(connection)  # the server closed it while it was idle
                connection = self._fresh(origin, limits["connect"], limits["read"])
                answer = _converse(connection, request)
        except (OSError, http.client.HTTPException) as error:
            self._drop(connection)
            raise _translated(error, limits["read"]) from error
        except BaseException:
            self._drop(connection)
            raise
        return self._response(connection, answer, limits["read"])

    def close(self) -> None:
        """Close idle connections and wake every thread that waits on a live one."""
        with self._lock:
            idle = [connection for found in self._idle.values() for connection in found]
            live = list(self._live)
            self._idle.clear()
        for connection in idle:
            connection.http.close()
        for connection in live:
            connection.abort()

    def _response(self, connection: _Connection, answer: _Response, stall: float) -> httpx.Response:
        def release(reusable: bool) -> None:  # noqa: FBT001 -- the callback of Body
            if reusable:
                self._give(connection)
            else:
                self._drop(connection)

        body = Body(answer, stall, release)
        return httpx.Response(
            answer.status,
            headers=answer.getheaders(),
            stream=body,
            extensions={BODY: body, "reason_phrase": answer.reason.encode("latin-1", "replace")},
        )

    def _take(self, origin: Origin, connect: float, stall: float) -> _Connection:
        while True:
            with self._lock:
                waiting = self._idle.get(origin)
                connection = waiting.pop() if waiting else None
                if connection:
                    self._live.add(connection)
            if connection is None:
                return self._fresh(origin, connect, stall)
            if not connection.is_stale():
                return connection
            self._drop(connection)

    def _fresh(self, origin: Origin, connect: float, stall: float) -> _Connection:
        connection = _Connection(origin, self._context() if origin.scheme == "https" else None)
        with self._lock:
            self._live.add(connection)
        try:
            connection.connect(connect, stall)
        except TimeoutError as error:
            self._drop(connection)
            raise httpx.ConnectTimeout(f"no connection within {connect:g} s") from error
        except BaseException as error:
            self._drop(connection)
            if isinstance(error, (OSError, UnicodeError)):
                raise httpx.ConnectError(_reason(error)) from error
            raise
        return connection

    def _context(self) -> ssl.SSLContext:
        with self._lock:
            if self._tls is None:
                self._tls = self._make_tls()
            return self._tls

    def _give(self, connection: _Connection) -> None:
        connection.used = True
        with self._lock:
            self._live.discard(connection)
            waiting = self._idle.setdefault(connection.origin, [])
            if len(waiting) < IDLE_PER_ORIGIN:
                waiting.append(connection)
                return
        connection.http.close()

    def _drop(self, connection: _Connection) -> None:
        with self._lock:
            self._live.discard(connection)
        connection.http.close()


def _converse(connection: _Connection, request: httpx.Request) -> _Response:
    link = connection.http
    target = request.url.raw_path.decode("ascii")
    link.putrequest(request.method, target, skip_host=True, skip_accept_encoding=True)
    for name, value in request.headers.raw:
        link.putheader(name, value)
    link.endheaders()
    with contextlib.suppress(BrokenPipeError):  # a server may refuse half-way: read what it says
        _send_content(link, request)
    return cast("_Response", link.getresponse())


def _send_content(link: http.client.HTTPConnection, request: httpx.Request) -> None:
    content = request.extensions.get(CONTENT)
    if isinstance(content, FileContent) and not isinstance(link.sock, ssl.SSLSocket):
        link.sock.sendfile(content.file)
        return
    chunked = "transfer-encoding" in request.headers
    for part in cast("httpx.SyncByteStream", request.stream):
        if part:
            link.send(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
    if chunked:
        link.send(b"0\r\n\r\n")


def _translated(error: OSError | http.client.HTTPException, stall: float) -> httpx.TransportError:
    if isinstance(error, TimeoutError):
        return httpx.ReadTimeout(f"nothing arrived for {stall:g} s")
    if isinstance(error, http.client.RemoteDisconnected):
        return httpx.RemoteProtocolError("the connection was closed without an answer")
    if isinstance(error, http.client.HTTPException):
        return httpx.RemoteProtocolError(f"the answer is not HTTP ({type(error).__name__})")
    return httpx.ReadError(_reason(error))


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) else None
    return (text or str(error) or type(error).__name__).lower()


def _repeatable(request: httpx.Request) -> bool:
    return request.method in {"GET", "HEAD"}


def _port(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)
