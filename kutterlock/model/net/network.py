"""What a user may say about the network: mirrors, proxies, logins, limits. Values only.

Read from the configuration file and the environment by `kutterlock.adapters.settings`; obeyed by
`kutterlock.adapters.http.client`.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from kutterlock.model.net.urls import Origin, host_matches, login_of

GITHUB_HOSTS = ("api.github.com", "github.com")
"""The only hosts that ever see the GitHub token."""

USER_AGENT = "kutterlock"

NO_LOGINS: Mapping[str, "Login"] = MappingProxyType({})
NO_MIRRORS: Mapping[str, tuple[str, ...]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Login:
    """A user name and password for one host."""

    user: str
    password: str = field(repr=False)

    @property
    def header(self) -> str:
        """The value of an `Authorization: Basic` header (RFC 7617)."""
        pair = f"{self.user}:{self.password}".encode()
        return "Basic " + base64.b64encode(pair).decode("ascii")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxies:
    """Proxy URLs by the scheme of the request, and hosts that need none."""

    http: str = field(default="", repr=False)
    https: str = field(default="", repr=False)
    exempt: tuple[str, ...] = ()

    def proxy_for(self, origin: Origin) -> str:
        """Return the proxy's URL, or '' to go direct. `exempt` is read as curl reads NO_PROXY."""
        for pattern in self.exempt:
            bare = pattern.removeprefix("*").removeprefix(".")
            if pattern == "*" or host_matches(origin.host, (bare, f"*.{bare}")):
                return ""
        return self.https if origin.scheme == "https" else self.http


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait for what, in seconds; `slowest` in bytes a second.

    `stall` bounds each silence and the head of an answer. A body that over `stall` seconds came
    slower than `slowest` is given up. `longest_wait` bounds any single pause between attempts,
    also one that a server asks for.
    """

    connect: float = 15.0
    stall: float = 60.0
    slowest: int = 512
    attempts: int = 4
    first_wait: float = 1.0
    longest_wait: float = 120.0

    def pause(self, failed_rounds: int) -> float:
        """Return the back-off after so many failed rounds: doubling from `first_wait`."""
        return min(self.first_wait * 2.0 ** (failed_rounds - 1), self.longest_wait)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions:
    """Everything that decides how a URL is fetched.

    `mirrors` maps a URL prefix to what is tried in its place, in order: URL prefixes, `file://`
    URLs or directories; the empty prefix stands for every URL. `ca_file` is trusted besides the
    system's authorities, `ca_bundle` in their place. `allowed_hosts` (empty: all) holds for
    redirects too; hosts that a mirror names are allowed. `plain_http` are registries (`host:port`)
    that may be asked without encryption.
    """

    mirrors: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: NO_MIRRORS)
    ca_file: Path | None = None
    ca_bundle: Path | None = None
    proxies: Proxies = Proxies()
    logins: Mapping[str, Login] = field(default_factory=lambda: NO_LOGINS, repr=False)
    github_token: str = field(default="", repr=False)
    allowed_hosts: tuple[str, ...] = ()
    patience: Patience = Patience()
    user_agent: str = USER_AGENT
    plain_http: tuple[str, ...] = ()


def authorization(url: str, options: HttpOptions) -> str:
    """Return the `Authorization` value for a request, or ''.

    Only over https or to this machine; never used after a redirect to another host.
    """
    origin = Origin.of(url)
    if origin.scheme != "https" and not origin.is_loopback:
        return ""
    if in_url := login_of(url):
        return Login(*in_url).header
    if options.github_token and origin.host in GITHUB_HOSTS and origin.port == 443:
        return f"Bearer {options.github_token}"
    login = options.logins.get(origin.host)
    return login.header if login else ""
