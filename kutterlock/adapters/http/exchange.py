"""One call, answered: who may be asked, with which credentials, through which redirects.

Every request of the program passes through `Exchange.open`, whatever it is for, so that host
policy, credentials and redirect rules stand in one place. Retries and mirrors are above
(`kutterlock.adapters.http.client`), sockets below (`kutterlock.adapters.http.transport`).
"""

import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import httpx

from kutterlock.adapters.http.answer import Answer, Call, FailedAttempt, Headers
from kutterlock.adapters.http.transport import BODY, CHUNK, CONTENT, Body, FastTransport
from kutterlock.errors import PolicyError, UsageError
from kutterlock.model.net.http_rules import REDIRECTS, parse_length
from kutterlock.model.net.network import HttpOptions, Patience, authorization
from kutterlock.model.net.urls import Origin, host_matches, redacted, redirected, without_login

MOST_REDIRECTS = 10
DRAINED = 64 << 10
"""An uninteresting body up to this size is read so that its connection can serve again."""

_buffers: list[memoryview] = []
"""Buffers not in use: making one costs more than a small answer."""


class Exchange:
    """Sends calls and follows redirects. Safe to use from several threads."""

    def __init__(self, options: HttpOptions) -> None:
        """Nothing is opened yet."""
        self._options = options
        self._direct = FastTransport(lambda: tls_context(options))
        self._proxied: dict[str, httpx.HTTPTransport] = {}
        self._lock = threading.Lock()
        self._named_hosts = _hosts_of_mirrors(options.mirrors)

    def open(self, call: Call) -> Answer:
        """Return the answer at the end of the redirects. Raises FailedAttempt."""
        answer = self._authenticated(call, call.url)
        seen = {call.url}
        while answer.status in REDIRECTS:
            try:
                target = self._next(call, answer, seen)
                if target is None:
                    break
            except FailedAttempt:
                answer.close()
                raise
            answer.close()
            seen.add(target)
            same = Origin.of(target) == Origin.of(call.url)
            answer = self._authenticated(call, target) if same else self._send(call, target, {})
        return answer

    def close(self) -> None:
        """Close all connections; calls under way in other threads fail."""
        self._direct.close()
        for transport in self._proxied.values():
            transport.close()

    def allows(self, url: str) -> bool:
        """Whether the host policy lets anybody ask there."""
        allowed = self._options.allowed_hosts
        return not allowed or host_matches(Origin.of(url).host, (*allowed, *self._named_hosts))

    def _next(self, call: Call, answer: Answer, seen: set[str]) -> str | None:
        location = answer.headers.get("location")
        if location is None or (call.method not in {"GET", "HEAD"} and answer.status < 307):
            return None
        if not isinstance(call.content, bytes | None):
            return None
        try:
            target = redirected(answer.url, location)
        except ValueError as error:
            raise FailedAttempt(f"redirects to nowhere: {error}") from error
        if answer.url.startswith("https:") and target.startswith("http:"):
            raise FailedAttempt(f"redirects from https to unencrypted {redacted(target)}")
        if target in seen:
            raise FailedAttempt(f"redirects in a circle, back to {redacted(target)}")
        if len(seen) > MOST_REDIRECTS:
            raise FailedAttempt(f"redirects more than {MOST_REDIRECTS} times")
        return target

    def _authenticated(self, call: Call, url: str) -> Answer:
        self._permitted(call, url)  # before anybody is asked for credentials
        if call.auth is None:
            value = authorization(call.url, self._options)
            return self._send(call, url, {"authorization": value} if value else {})
        answer = self._send(call, url, call.auth.headers(url))
        if answer.status != 401:
            return answer
        try:
            renewed = call.auth.challenged(url, answer.headers)
        except BaseException:
            answer.close()
            raise
        if renewed:
            answer.close()
            answer = self._send(call, url, call.auth.headers(url))
        return answer

    def _send(self, call: Call, url: str, credentials: Headers) -> Answer:
        origin = self._permitted(call, url)
        request = httpx.Request(
            call.method,
            without_login(url) if "@" in url else url,
            headers={
                "user-agent": self._options.user_agent,
                "accept": "*/*",
                "accept-encoding": "identity",
                **call.headers,
                **credentials,
            },
            content=call.content,
            extensions={"timeout": _timeouts(self._options.patience), CONTENT: call.content},
        )
        try:
            response = self._transport(origin).handle_request(request)
        except httpx.HTTPError as error:
            raise explained(error) from error
        return _Answer(response, url, self._options.patience)

    def _permitted(self, call: Call, url: str) -> Origin:
        try:
            origin = Origin.of(url)
        except ValueError as error:
            raise FailedAttempt(str(error), error=UsageError) from error
        if not self.allows(url):
            allowed = ", ".join(sorted(self._options.allowed_hosts))
            raise FailedAttempt(
                f"host {origin.host} is not allowed (allowed: {allowed})",
                error=PolicyError,
                hint="add it to allowed-hosts under [network], or name a mirror",
            )
        named = origin.host in self._named_hosts or origin.location in self._options.plain_http
        open_ok = call.pinned or origin.is_loopback or named
        if origin.scheme == "http" and not open_ok:
            raise FailedAttempt(
                f"{origin} is not encrypted, and no digest or signature checks what it says",
                error=PolicyError,
                hint="use https, or name the host as a mirror",
            )
        return origin

    def _transport(self, origin: Origin) -> httpx.BaseTransport:
        url = self._options.proxies.proxy_for(origin)
        if not url:
            return self._direct
        with self._lock:
            if url not in self._proxied:
                self._proxied[url] = _proxy_transport(url, self._options)
            return self._proxied[url]


class _Answer:
    """An `Answer` over an httpx.Response."""

    def __init__(self, response: httpx.Response, url: str, patience: Patience) -> None:
        self.url = url
        self.status = response.status_code
        self.reason = response.reason_phrase
        self.headers: Headers = response.headers
        self._response = response
        self._patience = patience
        self._is_untouched = True

    def chunks(self) -> Iterator[memoryview]:
        pace = _Pace(self._patience)
        try:
            for chunk in self._read():
                pace.advance(len(chunk))
                yield chunk
        except httpx.HTTPError as error:
            raise explained(error) from error
        finally:
            self._response.stream.close()  # type: ignore[union-attr]

    def close(self) -> None:
        length = parse_length(self.headers.get("content-length"))
        try:
            if self._is_untouched and length is not None and length <= DRAINED:
                for _ in self._read():
                    pass
        except httpx.HTTPError:
            pass
        finally:
            self._response.stream.close()  # type: ignore[union-attr]

    def _read(self) -> Iterator[memoryview]:
        self._is_untouched = False
        body = self._response.extensions.get(BODY)
        if not isinstance(body, Body):
            for part in self._response.stream:  # type: ignore[union-attr]
                yield memoryview(part)
            return
        view = _buffers.pop() if _buffers else memoryview(bytearray(CHUNK))
        try:
            while count := body.readinto(view):
                yield view[:count]
        finally:
            _buffers.append(view)


class _Pace:
    """Watches that a body does not trickle."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._since = time.monotonic()
        self._bytes = 0

    def advance(self, count: int) -> None:
        self._bytes += count
        elapsed = time.monotonic() - self._since
        if elapsed < self._patience.stall:
            return
        if self._bytes < self._patience.slowest * elapsed:
            raise FailedAttempt(
                f"slower than {self._patience.slowest} bytes a second for {elapsed:.0f} s",
                transient=True,
            )
        self._since += elapsed
        self._bytes = 0


def tls_context(options: HttpOptions) -> ssl.SSLContext:
    """Return who is trusted: the system's authorities or `ca_bundle`, and `ca_file` besides.

    Where the system has none, httpx's own bundle serves. Raises UsageError for an unreadable file.
    """
    context = ssl.create_default_context(cafile=_checked(options.ca_bundle))
    if not options.ca_bundle and not context.get_ca_certs() and not _has_system_store():
        context = httpx.create_ssl_context(trust_env=False)
    if extra := _checked(options.ca_file):
        context.load_verify_locations(cafile=extra)
    context.set_alpn_protocols(["http/1.1"])
    return context


def explained(error: httpx.HTTPError) -> FailedAttempt:
    """Word a transport error. All of these may pass; a certificate or name will not."""
    cause = error.__cause__ or error.__context__
    while cause is not None and not isinstance(cause, ssl.SSLError | socket.gaierror):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return FailedAttempt(
            f"its certificate is not trusted: {cause.verify_message}",
            hint="name the authority's certificate with ca-file under [network]",
        )
    if isinstance(cause, ssl.SSLError):
        return FailedAttempt(f"TLS failed: {cause.reason}", transient=True)
    if isinstance(cause, socket.gaierror):
        return FailedAttempt(
            f"the host's name cannot be resolved ({cause.strerror})",
            transient=cause.errno == socket.EAI_AGAIN,
            unreachable=True,
        )
    if isinstance(error, httpx.ProxyError):
        return FailedAttempt(f"the proxy refused: {error}", hint="check proxy under [network]")
    gone = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
    return FailedAttempt(str(error) or type(error).__name__, transient=True, unreachable=gone)


def _proxy_transport(url: str, options: HttpOptions) -> httpx.HTTPTransport:
    try:
        return httpx.HTTPTransport(
            proxy=httpx.Proxy(url), verify=tls_context(options), trust_env=False
        )
    except (ValueError, httpx.InvalidURL, ImportError) as error:
        raise UsageError(f"the proxy {redacted(url)} cannot be used: {error}") from error


def _timeouts(patience: Patience) -> dict[str, float]:
    stall = patience.stall
    return {"connect": patience.connect, "read": stall, "write": stall, "pool": stall}


def _checked(path: object) -> str | None:
    if path is None:
        return None
    try:
        ssl.create_default_context(cafile=str(path))
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"{path} cannot be used as certificate authorities: {error.strerror}"
        ) from error
    return str(path)


def _has_system_store() -> bool:
    paths = ssl.get_default_verify_paths()
    return bool(paths.cafile) or bool(paths.capath)


def _hosts_of_mirrors(mirrors: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    found = [text for texts in mirrors.values() for text in texts]
    return frozenset(
        urlsplit(text).hostname or "" for text in found if text.startswith(("http:", "https:"))
    )
