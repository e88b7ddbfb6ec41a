"""Whom requests go to: TLS, mirrors, credentials, proxies, over real sockets."""

import ssl
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kutterlock.adapters.http.client import Http, HttpOptions
from kutterlock.errors import HashMismatchError, NetworkError, UsageError
from kutterlock.model.net.network import Login, Patience, Proxies
from tests.support.certificates import make_authority, server_context
from tests.support.fault_server import (
    FaultServer,
    answer,
    ok,
    ranged,
    redirect,
    stalled,
    truncated,
)
from tests.support.proxy import Proxy
from tests.support.sinks import MemorySink

pytestmark = pytest.mark.integration

BODY = bytes(range(256)) * 1000
BASIC = "Basic bWU6cHc="
PATIENCE = Patience(connect=60, stall=60, attempts=2, first_wait=0.0)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_authority(tmp_path_factory.mktemp("tls"), hosts=("localhost", "github.com"))


@pytest.fixture
def secure(authority: Path) -> Iterator[FaultServer]:
    with FaultServer(tls=server_context(authority.parent)) as server:
        yield server


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


@pytest.fixture
def options(authority: Path) -> HttpOptions:
    return HttpOptions(ca_file=authority, patience=PATIENCE)


class TestTls:
    def test_private_authority(self, secure: FaultServer, options: HttpOptions) -> None:
        sink = MemorySink(BODY)
        with Http(options) as http:
            url = secure.on("/file", truncated(BODY, 100_000), ranged(BODY))
            http.download([url], sink)
            assert http.get_bytes(secure.on("/x", ok(b"yes"))).body == b"yes"
        assert bytes(sink.data) == BODY

    def test_bundle_in_place_of_the_systems(self, secure: FaultServer, authority: Path) -> None:
        with Http(HttpOptions(ca_bundle=authority, patience=PATIENCE)) as http:
            assert http.get_bytes(secure.on("/x", ok(b"yes"))).body == b"yes"

    def test_unknown_authority(self, secure: FaultServer) -> None:
        with Http(HttpOptions(patience=PATIENCE)) as http, pytest.raises(NetworkError) as caught:
            http.get_bytes(secure.on("/x", ok(b"")))
        assert caught.value.details == (
            f"{secure.url}/x: its certificate is not trusted: unable to get local issuer"
            " certificate",
        )
        assert caught.value.hint == (
            "name the authority's certificate with ca-file under [network]"
        )
        assert secure.requests == []

    def test_certificate_of_another_host(self, tmp_path: Path) -> None:
        authority = make_authority(tmp_path, hosts=("elsewhere.example",))
        options = HttpOptions(ca_file=authority, patience=PATIENCE)
        server = FaultServer(tls=server_context(tmp_path))
        with server, Http(options) as http, pytest.raises(NetworkError) as caught:
            http.get_bytes(server.url + "/x")
        assert caught.value.details == (
            f"{server.url}/x: its certificate is not trusted: Hostname mismatch, certificate is"
            " not valid for 'localhost'.",
        )

    def test_downgrade(
        self, secure: FaultServer, server: FaultServer, options: HttpOptions
    ) -> None:
        url = secure.on("/x", redirect(server.on("/x", ok(BODY))))
        with Http(options) as http, pytest.raises(NetworkError) as caught:
            http.download([url], MemorySink(BODY))
        assert caught.value.details == (
            f"{url}: redirects from https to unencrypted {server.url}/x",
        )
        assert server.requests == []

    def test_unreadable_authority(self, secure: FaultServer, tmp_path: Path) -> None:
        options = HttpOptions(ca_file=tmp_path / "none.pem", patience=PATIENCE)
        with Http(options) as http, pytest.raises(UsageError) as caught:
            http.get_bytes(secure.url + "/x")
        assert caught.value.reason == (
            f"{tmp_path / 'none.pem'} cannot be used as certificate authorities: No such file or"
            " directory"
        )

    def test_old_protocols_are_refused(self, authority: Path, options: HttpOptions) -> None:
        context = server_context(authority.parent)
        with warnings.catch_warnings(action="ignore"):
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        old = FaultServer(tls=context)
        with old, Http(options) as http, pytest.raises(NetworkError) as caught:
            http.get_bytes(old.url + "/x")
        assert caught.value.details[0].startswith(f"{old.url}/x: TLS failed: ")


class TestMirrors:
    URL = "https://upstream.invalid/pub/file"

    def mirrored(self, *places: str) -> Http:
        mirrors = {"https://upstream.invalid/pub/": places}
        return Http(HttpOptions(mirrors=mirrors, patience=PATIENCE))

    def test_first_that_has_it(self, server: FaultServer, tmp_path: Path) -> None:
        server.on("/good/file", ok(BODY))
        with self.mirrored(str(tmp_path), f"{server.url}/bad/", f"{server.url}/good/") as http:
            sink = MemorySink(BODY)
            assert http.download([self.URL], sink) == f"{server.url}/good/file"
            assert http.get_bytes(self.URL).body == BODY
        assert [request.target for request in server.requests] == ["/bad/file", "/good/file"] * 2

    def test_directory(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(BODY)
        with self.mirrored(str(tmp_path)) as http:
            sink = MemorySink(BODY, held=b"junk")
            assert http.download([self.URL], sink) == str(tmp_path / "file")
            assert bytes(sink.data) == BODY
            assert http.get_bytes(self.URL).body == BODY

    def test_a_lying_mirror_does_not_stop_the_next(self, server: FaultServer) -> None:
        server.on("/bad/file", ok(b"lies"))
        server.on("/half/file", stalled(BODY, 1000), answer(503))
        server.on("/good/file", ranged(BODY))
        places = [f"{server.url}/{name}/" for name in ("bad", "half", "good")]
        quick = replace(PATIENCE, stall=1)
        mirrors = {"https://upstream.invalid/pub/": tuple(places)}
        sink = MemorySink(BODY)
        with Http(HttpOptions(mirrors=mirrors, patience=quick)) as http:
            http.download([self.URL], sink)
        assert bytes(sink.data) == BODY
        assert server.requests[-1].headers["range"] == "bytes=1000-"

    def test_wrong_bytes_weigh_more_than_silence(self, server: FaultServer) -> None:
        server.on("/bad/file", ok(b"lies"))
        http = self.mirrored(f"{server.url}/bad/", f"{server.url}/none/")
        with http, pytest.raises(HashMismatchError) as caught:
            http.download([self.URL], MemorySink(b"truth"))
        assert caught.value.reason == "https://upstream.invalid/pub/file could not be fetched"
        places = [detail.partition(": ")[0] for detail in caught.value.details]
        assert places == [f"{server.url}/bad/file", f"{server.url}/none/file", self.URL]

    def test_large_files_of_a_directory_are_bounded(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(BODY)
        with self.mirrored(str(tmp_path)) as http:
            for fetch in (
                lambda: http.get_bytes(self.URL, limit=10),
                lambda: http.download([self.URL], MemorySink(BODY), limit=10),
            ):
                with pytest.raises(NetworkError) as caught:
                    fetch()
                assert "10 bytes" in caught.value.details[0]

    def test_an_origin_that_does_not_connect_goes_last(self, server: FaultServer) -> None:
        server.on("/good/file", ok(BODY))
        with self.mirrored("http://127.0.0.1:9/", f"{server.url}/good/") as http:
            for _ in range(2):
                http.get_bytes(self.URL)
            assert http._rounds._unreachable == {"127.0.0.1:9"}


class TestCredentials:
    def login(self, options: HttpOptions) -> HttpOptions:
        return replace(options, logins={"localhost": Login("me", "pw")}, github_token="t0ken")

    def test_netrc_serves_its_host(self, server: FaultServer, options: HttpOptions) -> None:
        with Http(self.login(options)) as http:
            http.get_bytes(server.on("/x", ok(b"")))
        assert server.requests[0].headers["authorization"] == BASIC

    def test_they_do_not_follow_to_another_host(
        self, server: FaultServer, options: HttpOptions
    ) -> None:
        with FaultServer() as other:
            away = other.on("/away", ok(b"")).replace("localhost", "127.0.0.1")
            server.on("/x", redirect("/y"))
            server.on("/y", redirect(away, 307))
            with Http(self.login(options)) as http:
                http.get_bytes(server.url + "/x")
            assert [r.headers.get("authorization") for r in server.requests] == [BASIC, BASIC]
            assert "authorization" not in other.requests[0].headers

    def test_nor_to_another_port(self, server: FaultServer, options: HttpOptions) -> None:
        with FaultServer() as other:
            server.on("/x", redirect(other.on("/away", ok(b""))))
            with Http(self.login(options)) as http:
                http.get_bytes(server.url + "/x")
            assert "authorization" not in other.requests[0].headers

    def test_nor_into_a_redirect_that_names_a_login(
        self, server: FaultServer, options: HttpOptions
    ) -> None:
        there = server.url.replace("localhost", "u:p@127.0.0.1")
        server.on("/x", redirect(f"{there}/y"))
        server.on("/y", ok(b""))
        with Http(options) as http:
            http.get_bytes(server.url + "/x")
        assert "authorization" not in server.requests[1].headers

    def test_github_token_stays_with_github(
        self, server: FaultServer, options: HttpOptions
    ) -> None:
        """A mirror of api.github.com is not api.github.com."""
        server.on("/repos", ok(b"[]"))
        mirrors = {"https://api.github.com/": (f"{server.url.replace('localhost', '127.0.0.1')}/",)}
        with Http(replace(self.login(options), mirrors=mirrors)) as http:
            assert http.get_json("https://api.github.com/repos") == []
        assert "authorization" not in server.requests[0].headers

    def test_rate_limit(self, server: FaultServer, options: HttpOptions) -> None:
        headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1795341600"}
        url = server.on("/x", answer(403, b"{}", headers))
        with Http(options) as http, pytest.raises(NetworkError) as caught:
            http.get_json(url)
        assert caught.value.details == (
            f"{url}: the rate limit is used up until 2026-11-22 10:00:00 UTC",
        )
        assert caught.value.hint == (
            "set GITHUB_TOKEN, or github-token-file under [network]: a token without any"
            " permission raises the limit from 60 to 5000 an hour"
        )
        assert len(server.requests) == 1

    def test_refused_login(self, server: FaultServer, options: HttpOptions) -> None:
        url = server.on("/x", answer(401, b""))
        with Http(options) as http, pytest.raises(NetworkError) as caught:
            http.get_bytes(url)
        assert caught.value.details == (f"{url}: answered 401 Unauthorized",)
        assert caught.value.hint == ("if the file needs a login, put one for this host into .netrc")

    def test_authenticator_answers_a_challenge(
        self, server: FaultServer, options: HttpOptions
    ) -> None:
        class Tokens:
            token = "old"

            def headers(self, url: str) -> dict[str, str]:
                return {"authorization": f"Bearer {self.token}"}

            def challenged(self, url: str, headers: object) -> bool:
                fresh, self.token = self.token == "old", "new"
                return fresh

        server.on("/blob", answer(401), ok(BODY))
        with Http(options) as http:
            http.download([server.url + "/blob"], MemorySink(BODY), auth=Tokens())
            refused = http.request("GET", server.on("/x", answer(401)), auth=Tokens())
        sent = [request.headers["authorization"] for request in server.requests]
        assert sent == ["Bearer old", "Bearer new", "Bearer old", "Bearer new"]
        assert refused.status == 401


class TestProxies:
    def test_tunnel(self, secure: FaultServer, options: HttpOptions) -> None:
        sink = MemorySink(BODY)
        with Proxy() as proxy:
            through = replace(options, proxies=Proxies(https=proxy.url))
            with Http(through) as http:
                url = secure.on("/file", truncated(BODY, 100_000), ranged(BODY))
                http.download([url], sink)
            assert set(proxy.lines) == {f"CONNECT localhost:{secure.port} HTTP/1.1"}
        assert bytes(sink.data) == BODY
        assert secure.requests[1].headers["range"].startswith("bytes=")

    def test_plain(self, server: FaultServer, options: HttpOptions) -> None:
        with Proxy() as proxy:
            with Http(replace(options, proxies=Proxies(http=proxy.url))) as http:
                assert http.get_bytes(server.on("/x", ok(b"yes"))).body == b"yes"
            assert proxy.lines == [f"GET {server.url}/x HTTP/1.1"]

    def test_login_for_the_proxy_stays_there(
        self, secure: FaultServer, options: HttpOptions
    ) -> None:
        with Proxy() as proxy:
            url = proxy.url.replace("//", "//me:pw@")
            with Http(replace(options, proxies=Proxies(https=url))) as http:
                http.get_bytes(secure.on("/x", ok(b"")))
            assert f"Proxy-Authorization: {BASIC}" in proxy.heads[0]
        assert "proxy-authorization" not in secure.requests[0].headers

    def test_exempt(self, server: FaultServer, options: HttpOptions) -> None:
        proxies = Proxies(http="http://127.0.0.1:9", exempt=("localhost",))
        with Http(replace(options, proxies=proxies)) as http:
            assert http.get_bytes(server.on("/x", ok(b"yes"))).body == b"yes"

    def test_refusal(self, secure: FaultServer, options: HttpOptions) -> None:
        with Proxy(refuse="403 Forbidden") as proxy:
            through = replace(options, proxies=Proxies(https=proxy.url))
            with Http(through) as http, pytest.raises(NetworkError) as caught:
                http.get_bytes(secure.url + "/x")
        assert caught.value.details == (f"{secure.url}/x: the proxy refused: 403 Forbidden",)
        assert caught.value.hint == "check proxy under [network]"

    def test_untrusted_certificate_behind_it(self, secure: FaultServer) -> None:
        with Proxy() as proxy:
            through = HttpOptions(proxies=Proxies(https=proxy.url), patience=PATIENCE)
            with Http(through) as http, pytest.raises(NetworkError) as caught:
                http.get_bytes(secure.url + "/x")
        assert caught.value.details == (
            f"{secure.url}/x: its certificate is not trusted: unable to get local issuer"
            " certificate",
        )
