"""A few web pages by their real URLs, on loopback: everybody's mirror."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from kutterlock.adapters.http.client import HttpOptions
from kutterlock.model.net.network import Patience
from tests.support.fault_server import FaultServer, ok


@dataclass(slots=True)
class Web:
    """Serves `pages` (URL to bytes) to an Http made with `options`; other URLs are 404."""

    server: FaultServer
    pages: dict[str, bytes] = field(default_factory=dict)

    def put(self, url: str, page: bytes | str, headers: Mapping[str, str] | None = None) -> bytes:
        """Publish a page and return its bytes."""
        data = page.encode() if isinstance(page, str) else page
        self.pages[url] = data
        self.server.on("/" + url.partition("://")[2], ok(data, headers or {}))
        return data

    @property
    def options(self) -> HttpOptions:
        """Everything is fetched from here; where this has no page the real host is refused."""
        return HttpOptions(
            mirrors={"": (self.server.url,)},
            allowed_hosts=("localhost",),
            patience=Patience(attempts=1),
        )

    def asked(self) -> list[str]:
        """Return the URLs that were asked for, in order, without scheme."""
        return [request.target[1:] for request in self.server.requests]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
