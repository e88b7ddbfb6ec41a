"""Registries: the OCI distribution API over `kutterlock.adapters.http.client`.

Source: opencontainers/distribution-spec 1.1. Images are asked for by digest wherever a digest is
known; what arrives is checked by the store's sink, as with every download. Image blobs have URLs of
their own here, `oci://REGISTRY/REPOSITORY/blobs/DIGEST` (or `manifests`), which say nothing of
hosts, schemes and logins: those are found out when somebody asks.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import urlencode, urljoin

from kutterlock.adapters.http.answer import FileContent
from kutterlock.adapters.http.client import Http, Response, Sink
from kutterlock.adapters.oci.auth import PUSH, Logins, RegistryAuth, Wallet
from kutterlock.errors import HashMismatchError, NetworkError
from kutterlock.model.digest import Digest
from kutterlock.model.net.urls import Origin
from kutterlock.model.oci.image import ACCEPT, LARGEST_MANIFEST
from kutterlock.model.oci.reference import SCHEME, Reference, is_loopback_registry, registry_host

DIGEST_HEADER = "docker-content-digest"
OCTETS = "application/octet-stream"
UPLOAD_ATTEMPTS = 3
PASSING = frozenset({401, 404, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A manifest or index as a registry serves it: `digest` is computed from `data`."""

    digest: Digest
    data: bytes
    media_type: str


class Registries:
    """Every registry, through one `Http`; also the downloader that `vendor` uses."""

    def __init__(
        self, http: Http, logins: Logins | None = None, *, wallet: Wallet | None = None
    ) -> None:
        """Open nothing yet. `wallet` is for tests."""
        self._http = http
        self._wallet = wallet or Wallet(http, logins or Logins())
        self._bases: dict[str, str] = {}
        self._lock = threading.Lock()

    def download(
        self,
        urls: Sequence[str],
        sink: Sink,
        *,
        limit: int | None = None,
        on_bytes: Callable[[int], None] | None = None,
    ) -> object:
        """Fetch like `Http.download`; all of `urls` are plain ones, or all are a registry's."""
        if not urls or not urls[0].startswith(SCHEME):
            return self._http.download(urls, sink, limit=limit, on_bytes=on_bytes)
        place = _Place.read(urls[0])
        return self._http.download(
            [self._url(place.registry, place.path), *self._others(urls[1:])],
            sink,
            limit=limit,
            on_bytes=on_bytes,
            auth=RegistryAuth(self._wallet, place.repository),
            headers={"accept": ACCEPT} if place.kind == "manifests" else {},
        )

    def manifest(self, reference: Reference) -> Answered:
        """Fetch an image's index or manifest by digest, else by tag, mirrors first.

        Raises NetworkError, and HashMismatchError where a registry contradicts itself.
        """
        wanted = str(reference.digest or reference.tag)
        url = self._url(reference.registry, f"{reference.repository}/manifests/{wanted}")
        answer = self._http.get_bytes(
            url,
            limit=LARGEST_MANIFEST,
            headers={"accept": ACCEPT},
            auth=RegistryAuth(self._wallet, reference.repository),
        )
        return _answered(reference, answer)

    def current(self, reference: Reference) -> Digest:
        """Return what a tag stands for now, mirrors first; a HEAD says so for less than a GET.

        Where the head does not say, the manifest is fetched. Raises as `manifest` does.
        """
        url = self._url(reference.registry, f"{reference.repository}/manifests/{reference.tag}")
        auth = RegistryAuth(self._wallet, reference.repository)
        answer = self._http.head(url, headers={"accept": ACCEPT}, auth=auth)
        stated = _digest_or_none(answer.headers.get(DIGEST_HEADER, ""))
        return stated if answer.status == 200 and stated else self.manifest(reference).digest

    def exists(self, name: str, kind: str, digest: str, *, actions: str = PUSH) -> bool:
        """Whether a repository has a blob or manifest; `name` is registry/repository."""
        place = _Place.of(name, kind, digest)
        answer = self._request("HEAD", place, actions)
        if answer.status in (200, 404):
            return answer.status == 200
        raise _unexpected(answer, f"asking {name} for {digest}")

    def tag_digest(self, reference: Reference) -> Digest | None:
        """Return what a tag stands for in a registry one writes to, None where there is none."""
        place = _Place.of(reference.name, "manifests", reference.tag)
        answer = self._request("HEAD", place, PUSH)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise _unexpected(answer, f"asking for {reference.tagged}")
        return _digest_or_none(answer.headers.get(DIGEST_HEADER, ""))

    def fetch(self, name: str, kind: str, wanted: str, *, limit: int) -> bytes | None:
        """Return a blob or manifest out of a repository one writes to, None where there is none.

        `wanted` is a digest, which the bytes must have, or a tag. Raises NetworkError,
        HashMismatchError.
        """
        place = _Place.of(name, kind, wanted)
        answer = self._request("GET", place, PUSH)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise _unexpected(answer, f"asking {name} for {wanted}")
        if len(answer.body) > limit:
            raise NetworkError(f"{name} has {wanted} with more than the {limit} bytes expected")
        if ":" in wanted:
            _require_digest(answer, Digest.parse(wanted), name)
        return answer.body

    def upload(
        self,
        name: str,
        digest: Digest,
        size: int,
        content: Callable[[], BinaryIO],
        *,
        source: str = "",
    ) -> bool:
        """Send a blob: one POST, one PUT; False when it was mounted from repository `source`.

        `content` opens it, for each attempt. Raises NetworkError.
        """
        for attempt in range(1, UPLOAD_ATTEMPTS + 1):
            last = attempt == UPLOAD_ATTEMPTS
            try:
                answer, sent = self._send_blob(_Blob(name, digest, size, content), source)
            except NetworkError:
                if last:
                    raise
                continue
            if answer.status == 201:
                return sent
            # A token that ran out meanwhile, or an upload that the registry forgot.
            if last or answer.status not in PASSING:
                raise _unexpected(answer, f"sending {digest} to {name}")
        raise AssertionError("the last attempt returns or raises")

    def put_manifest(self, name: str, data: bytes, media_type: str, wanted: str) -> Response:
        """Send a manifest under a digest or tag; the caller looks at the status."""
        place = _Place.of(name, "manifests", wanted)
        return self._request("PUT", place, PUSH, content=data, content_type=media_type)

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def _send_blob(self, blob: "_Blob", source: str) -> tuple[Response, bool]:
        place = _Place.of(blob.name, "blobs", "uploads/")
        query = urlencode({"mount": blob.digest, "from": source}) if source else ""
        started = self._request("POST", place, PUSH, query=query)
        location = started.headers.get("location")
        if started.status == 201:
            return started, False
        if started.status != 202 or not location:
            raise _unexpected(started, f"starting to send {blob.digest} to {blob.name}")
        target = urljoin(started.url, location)
        joint = "&" if "?" in target else "?"
        same = Origin.of(target) == Origin.of(started.url)
        with blob.content() as file:
            answer = self._http.request(
                "PUT",
                f"{target}{joint}{urlencode({'digest': blob.digest})}",
                headers={"content-type": OCTETS, "content-length": str(blob.size)},
                content=FileContent(file),
                auth=RegistryAuth(self._wallet, place.repository, PUSH) if same else None,
            )
        return answer, True

    def _request(
        self,
        method: str,
        place: "_Place",
        actions: str,
        *,
        query: str = "",
        content: bytes | None = None,
        content_type: str = "",
    ) -> Response:
        url = self._url(place.registry, place.path) + (f"?{query}" if query else "")
        kind = {"content-type": content_type} if content_type else {}
        accept = {"accept": ACCEPT} if place.kind == "manifests" and content is None else {}
        auth = RegistryAuth(self._wallet, place.repository, actions)
        return self._http.request(
            method, url, headers={**accept, **kind}, content=content, auth=auth
        )

    def _others(self, urls: Sequence[str]) -> Iterator[str]:
        for url in urls:
            place = _Place.read(url)
            yield self._url(place.registry, place.path)

    def _url(self, registry: str, path: str) -> str:
        host = registry_host(registry)
        with self._lock:
            if host not in self._bases:
                self._bases[host] = self._base(host)
            return f"{self._bases[host]}/v2/{path}"

    def _base(self, host: str) -> str:
        """Find out how to speak to a registry: https, but on this machine what it speaks."""
        if host in self._http.options.plain_http:
            return f"http://{host}"
        if not is_loopback_registry(host) or f"https://{host}/" in self._http.options.mirrors:
            return f"https://{host}"
        answer = self._http.request("GET", f"http://{host}/v2/")
        # Go's servers and nginx answer so to plain HTTP on a port that speaks TLS.
        return f"https://{host}" if answer.status == 400 else f"http://{host}"


@dataclass(frozen=True, slots=True)
class _Blob:
    name: str
    digest: Digest
    size: int
    content: Callable[[], BinaryIO]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    registry: str
    repository: str
    kind: str
    wanted: str

    @classmethod
    def of(cls, name: str, kind: str, wanted: str) -> "_Place":
        registry, _, repository = name.partition("/")
        return cls(registry=registry, repository=repository, kind=kind, wanted=wanted)

    @classmethod
    def read(cls, url: str) -> "_Place":
        name, kind, wanted = url.removeprefix(SCHEME).rsplit("/", 2)
        return cls.of(name, kind, wanted)

    @property
    def path(self) -> str:
        return f"{self.repository}/{self.kind}/{self.wanted}"


def _answered(reference: Reference, answer: Response) -> Answered:
    wanted = reference.digest
    stated = answer.headers.get(DIGEST_HEADER, "")
    computed = Digest.of(answer.body, wanted.algorithm if wanted else "sha256")
    if wanted and computed != wanted:
        raise HashMismatchError(
            f"{reference}: the registry served another manifest",
            details=[f"expected {wanted}", f"got      {computed}"],
        )
    if stated.startswith(f"{computed.algorithm}:") and stated != str(computed):
        raise HashMismatchError(
            f"{reference}: the registry contradicts itself",
            details=[f"it says   {stated}", f"its bytes {computed}"],
        )
    media_type = answer.headers.get("content-type", "")
    return Answered(digest=computed, data=answer.body, media_type=media_type)


def _digest_or_none(text: str) -> Digest | None:
    try:
        return Digest.parse(text)
    except ValueError:
        return None


def _require_digest(answer: Response, wanted: Digest, name: str) -> None:
    got = Digest.of(answer.body, wanted.algorithm)
    if got != wanted:
        raise HashMismatchError(
            f"{name} served other bytes", details=[f"expected {wanted}", f"got      {got}"]
        )


def _unexpected(answer: Response, doing: str) -> NetworkError:
    hint = ""
    if answer.status in (401, 403):
        hint = f"log in first: skopeo login {Origin.of(answer.url)}".replace("https://", "")
    return NetworkError(
        f"{doing}: the registry answered {answer.status}",
        details=[answer.body[:500].decode("utf-8", "replace")] if answer.body else [],
        hint=hint,
    )
