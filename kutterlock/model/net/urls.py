"""URLs as values: which host they name, how they are shown, and what may be said to whom.

Pure text work; nothing here resolves a name. Fetching is in `kutterlock.adapters.http.client`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}

_HOST = re.compile(r"[a-z0-9_.:-]+\Z")
_UNFIT = re.compile(r"[\x00-\x20\x7f\\]|[^\x00-\x7f]")


@dataclass(frozen=True, slots=True)
class Origin:
    """Whom a request goes to: what credentials and connections belong to."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Self:
        """Read an http(s) URL. Raises ValueError with a reason fit for an error message."""
        parts = split_url(url)
        return cls(parts.scheme, parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme])

    def __str__(self) -> str:
        return f"{self.scheme}://{self.location}"

    @property
    def location(self) -> str:
        """`host`, or `host:port` where the port is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if DEFAULT_PORTS[self.scheme] == self.port else f"{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether requests to it stay on this machine."""
        return is_loopback(self.host)


def split_url(url: str) -> SplitResult:
    """Split an absolute http(s) URL. Raises ValueError for anything else."""
    if _UNFIT.search(url):
        raise ValueError(f"URL {url!r} has a blank, a control or a non-ASCII character")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"URL {url!r} cannot be read: {error}") from error
    if parts.scheme not in DEFAULT_PORTS:
        raise ValueError(f"URL {url!r} is neither http nor https")
    if not host or not _HOST.match(host):
        raise ValueError(f"URL {url!r} names no host")
    return parts


def redacted(url: str) -> str:
    """Word a URL for people: without a password, and without a query (it may be a signature)."""
    head, question, _ = url.partition("?")
    scheme, slashes, rest = head.partition("://")
    authority, slash, path = rest.partition("/")
    shown = f"{scheme}{slashes}{authority.rpartition('@')[2]}{slash}{path}"
    return shown + ("?..." if question else "")


def without_login(url: str) -> str:
    """Drop `user:password@`."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def login_of(url: str) -> tuple[str, str] | None:
    """Return the `user:password` that stands in a URL."""
    parts = urlsplit(url)
    if parts.username is None:
        return None
    return unquote(parts.username), unquote(parts.password or "")


def redirected(url: str, location: str) -> str:
    """Return where a redirect leads, without fragment and login. Raises ValueError."""
    try:
        target = urljoin(url, location)
    except ValueError as error:
        raise ValueError(f"URL {location!r} cannot be read: {error}") from error
    split_url(target)
    return without_login(target.partition("#")[0])


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def host_matches(host: str, patterns: Iterable[str]) -> bool:
    """Whether a host is one of `patterns`: an exact name, or `*.example.org` for all below."""
    return any(
        host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern
        for pattern in patterns
    )


def file_name(url: str) -> str:
    """Return the last segment of the URL's path, percent-decoded."""
    return unquote(urlsplit(url).path.rpartition("/")[2])
