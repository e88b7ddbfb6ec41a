"""A tiny forward proxy on loopback: CONNECT tunnels, and plain http by absolute URL."""

import contextlib
import select
import socket
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.support.programs import Listener, Running, serving


@dataclass(slots=True)
class Proxy(Running):
    """A context manager; `lines` holds the request lines that came. `refuse` is a status line."""

    refuse: str = ""
    lines: list[str] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, stack: contextlib.ExitStack) -> None:
        self.port = stack.enter_context(serving(Listener(self._serve)))

    def _serve(self, client: socket.socket) -> None:
        client.settimeout(20)
        with contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(65536)
            first, _, rest = head.decode("latin-1").partition("\r\n")
            self.lines.append(first)
            self.heads.append(rest)
            if self.refuse:
                client.sendall(f"HTTP/1.1 {self.refuse}\r\nContent-Length: 0\r\n\r\n".encode())
                return
            self._forward(client, first, head)

    def _forward(self, client: socket.socket, first: str, head: bytes) -> None:
        method, target, _ = first.split(" ")
        parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
        with socket.create_connection(("127.0.0.1", parts.port or 80)) as server:
            if method == "CONNECT":
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                line = f"{method} {parts.path} HTTP/1.1\r\n".encode()
                server.sendall(line + head.partition(b"\r\n")[2])
            _pump(client, server)


def _pump(one: socket.socket, other: socket.socket) -> None:
    pairs = {one: other, other: one}
    while True:
        readable, _, _ = select.select(list(pairs), [], [], 20)
        for source in readable:
            data = source.recv(65536)
            if not data:
                return
            pairs[source].sendall(data)
