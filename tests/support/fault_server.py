"""A loopback HTTP server that does what it is told, wrong things above all.

    with FaultServer() as server:
        server.on("/file", reset(), ok(b"body"))
        ... server.url + "/file" ...
        assert server.requests[1].headers["range"] == "bytes=4-"

Each request to a target takes the next behaviour of its list; the last one repeats. A target with
a query that has no list of its own takes that of its path. Give `tls` a server context for https.
"""

import contextlib
import gzip
import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import BinaryIO

from tests.support.programs import Listener, Running, serving


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One request as it arrived; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True, kw_only=True)
class Talk:
    """What a behaviour is given: the request, and the raw connection to answer it on."""

    request: Seen
    connection: socket.socket
    server_closing: threading.Event
    keep_alive: bool = True

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def head(self, status: int, headers: Mapping[str, str]) -> None:
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1"))

    def hang_up(self) -> None:
        self.keep_alive = False

    def wait(self) -> None:
        """Say nothing until the client or the test has gone."""
        self.keep_alive = False
        self.connection.settimeout(0.02)
        while not self.server_closing.is_set():
            with contextlib.suppress(TimeoutError):
                if not self.connection.recv(1):
                    return


Behaviour = Callable[[Talk], None]
NO_HEADERS: Mapping[str, str] = {}


def answer(status: int, body: bytes = b"", headers: Mapping[str, str] = NO_HEADERS) -> Behaviour:
    """Answer as told; Content-Length is added unless `headers` has one."""

    def behave(talk: Talk) -> None:
        talk.head(status, {"Content-Length": str(len(body)), **headers})
        if talk.request.method != "HEAD":
            talk.send(body)

    return behave


def ok(body: bytes, headers: Mapping[str, str] = NO_HEADERS) -> Behaviour:
    """Answer 200 with the whole body, whatever range was asked."""
    return answer(200, body, headers)


def ranged(body: bytes) -> Behaviour:
    """Answer as a good server does: 206 for a range, 416 at the end."""

    def behave(talk: Talk) -> None:
        match = re.fullmatch(r"bytes=(\d+)-", talk.request.headers.get("range", ""))
        if match is None:
            return ok(body)(talk)
        first = int(match[1])
        if first >= len(body):
            return answer(416, b"nothing there", {"Content-Range": f"bytes */{len(body)}"})(talk)
        return partial(body, first, f"bytes {first}-{len(body) - 1}/{len(body)}")(talk)

    return behave


def partial(body: bytes, first: int, content_range: str) -> Behaviour:
    """Answer 206 from `first` on, under any Content-Range."""
    return answer(206, body[first:], {"Content-Range": content_range} if content_range else {})


def truncated(body: bytes, at: int) -> Behaviour:
    """Promise the whole (or the rest that was asked for), send as far as `at`, hang up."""

    def behave(talk: Talk) -> None:
        match = re.fullmatch(r"bytes=(\d+)-", talk.request.headers.get("range", ""))
        first = int(match[1]) if match else 0
        extra = {"Content-Range": f"bytes {first}-{len(body) - 1}/{len(body)}"} if match else {}
        talk.head(206 if match else 200, {"Content-Length": str(len(body) - first), **extra})
        talk.send(body[first:at])
        talk.hang_up()

    return behave


def chunked(body: bytes, *, size: int = 1000, end: bytes = b"0\r\n\r\n") -> Behaviour:
    """Answer in chunks; another `end` breaks the framing."""

    def behave(talk: Talk) -> None:
        talk.head(200, {"Transfer-Encoding": "chunked"})
        for start in range(0, len(body), size):
            part = body[start : start + size]
            talk.send(b"%x\r\n%b\r\n" % (len(part), part))
        talk.send(end)
        if end != b"0\r\n\r\n":
            talk.hang_up()

    return behave


def until_close(body: bytes) -> Behaviour:
    """Answer without any length: the end of the connection ends the body."""

    def behave(talk: Talk) -> None:
        talk.head(200, {"Connection": "close"})
        talk.send(body)
        talk.hang_up()

    return behave


def endless(piece: bytes = b"x" * 65536) -> Behaviour:
    """Send for ever, without a length."""

    def behave(talk: Talk) -> None:
        talk.head(200, {"Connection": "close"})
        talk.hang_up()
        while not talk.server_closing.is_set():
            talk.send(piece)

    return behave


def stalled(body: bytes, at: int) -> Behaviour:
    """Send the head and `at` bytes, then nothing."""

    def behave(talk: Talk) -> None:
        talk.head(200, {"Content-Length": str(len(body))})
        talk.send(body[:at])
        talk.wait()

    return behave


def trickled(body: bytes, pause: float, *, head: bool = False) -> Behaviour:
    """Send the body (with `head`, the head too) a byte at a time."""

    def behave(talk: Talk) -> None:
        start = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        if not head:
            talk.send(start)
        for byte in (start + body) if head else body:
            if talk.server_closing.wait(pause):
                return
            talk.send(bytes([byte]))

    return behave


def silent() -> Behaviour:
    """Take the request and never answer."""
    return Talk.wait


def reset() -> Behaviour:
    """Reset the connection instead of answering."""

    def behave(talk: Talk) -> None:
        linger = struct.pack("ii", 1, 0)
        talk.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        talk.hang_up()

    return behave


def hang_up() -> Behaviour:
    """Close the connection instead of answering."""
    return Talk.hang_up


def raw(data: bytes) -> Behaviour:
    """Send exactly these bytes and hang up."""

    def behave(talk: Talk) -> None:
        talk.send(data)
        talk.hang_up()

    return behave


def redirect(to: str, status: int = 302) -> Behaviour:
    """Redirect."""
    return answer(status, b"moved", {"Location": to})


def gzipped(body: bytes) -> Behaviour:
    """Compress behind the client's back."""
    return answer(200, gzip.compress(body, mtime=0), {"Content-Encoding": "gzip"})


@dataclass(slots=True)
class FaultServer(Running):
    """The server; a context manager. `requests` holds what came, in order."""

    tls: ssl.SSLContext | None = None
    requests: list[Seen] = field(default_factory=list)
    connections: int = 0
    _behaviours: dict[str, list[Behaviour]] = field(default_factory=dict)
    _closing: threading.Event = field(default_factory=threading.Event)
    port: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        """The server's base, without a slash at the end."""
        scheme = "https" if self.tls else "http"
        return f"{scheme}://localhost:{self.port}"

    def on(self, target: str, *behaviours: Behaviour) -> str:
        """Say how to answer requests to `target`; returns its URL."""
        self._behaviours[target] = list(behaviours)
        return self.url + target

    def seen(self, target: str) -> list[Seen]:
        """Return the requests to one target."""
        return [request for request in self.requests if request.target == target]

    def start(self, stack: contextlib.ExitStack) -> None:
        self.port = stack.enter_context(serving(Listener(self._serve)))
        stack.callback(self._closing.set)

    def _serve(self, sock: socket.socket) -> None:
        sock.settimeout(20)
        with contextlib.suppress(OSError, ValueError):
            connection = self.tls.wrap_socket(sock, server_side=True) if self.tls else sock
            with self._lock:
                self.connections += 1
            with connection, connection.makefile("rb") as file:
                while request := _read_request(file):
                    if not self._answer(request, connection):
                        break

    def _answer(self, request: Seen, connection: socket.socket) -> bool:
        with self._lock:
            self.requests.append(request)
            path = request.target.partition("?")[0]
            left = self._behaviours.get(request.target) or self._behaviours.get(path)
            behaviour = answer(404) if not left else left.pop(0) if len(left) > 1 else left[0]
        talk = Talk(request=request, connection=connection, server_closing=self._closing)
        behaviour(talk)
        return talk.keep_alive


def _read_request(file: BinaryIO) -> Seen | None:
    line = file.readline(65536)
    if not line.strip():
        return None
    method, target, _ = line.decode("latin-1").split(" ", 2)
    headers: dict[str, str] = {}
    while (line := file.readline(65536)).strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    return Seen(method=method, target=target, headers=headers, body=_read_body(file, headers))


def _read_body(file: BinaryIO, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding") != "chunked":
        return bytes(file.read(int(headers.get("content-length", 0))))
    body = b""
    while size := int(file.readline(), 16):
        body += file.read(size)
        file.readline()
    file.readline()
    return body
