"""Every way in which a server can misbehave, over real sockets: what is said, what is kept."""

import re
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from kutterlock.adapters.http.client import NOT_THE_FILE, Http, HttpOptions
from kutterlock.errors import HashMismatchError, KutterError, NetworkError, PolicyError
from kutterlock.model.net.network import Patience
from tests.support.fault_server import (
    Behaviour,
    FaultServer,
    answer,
    chunked,
    endless,
    gzipped,
    hang_up,
    ok,
    partial,
    ranged,
    raw,
    redirect,
    reset,
    silent,
    stalled,
    trickled,
    truncated,
    until_close,
)
from tests.support.sinks import MemorySink

pytestmark = pytest.mark.integration

BODY = bytes(range(256)) * 40
PATIENT = Patience(stall=60, slowest=1, attempts=2, first_wait=0.0)
IMPATIENT = replace(PATIENT, stall=1, slowest=1000)
ABOUT_WAITING = re.compile(r"stalled|silent|trickling|\[head\]")
"""Tests of servers that do nothing. In all others a busy machine may take its time."""


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


@pytest.fixture
def naps() -> list[float]:
    return []


@pytest.fixture
def http(naps: list[float], request: pytest.FixtureRequest) -> Iterator[Http]:
    patience = IMPATIENT if ABOUT_WAITING.search(request.node.name) else PATIENT
    with Http(HttpOptions(patience=patience), sleep=naps.append) as door:
        yield door


def text_of(error: KutterError, server: FaultServer) -> str:
    lines = [error.reason, *error.details, *([error.hint] if error.hint else [])]
    return "\n".join(lines).replace(server.url, "URL")


@pytest.mark.parametrize(
    ("behaviours", "requests"),
    [
        pytest.param([ranged(BODY)], 1, id="well"),
        pytest.param([chunked(BODY)], 1, id="chunked"),
        pytest.param([until_close(BODY)], 1, id="without-length"),
        pytest.param([truncated(BODY, 5000), ranged(BODY)], 2, id="truncated-then-range"),
        pytest.param([truncated(BODY, 5000), ok(BODY)], 2, id="truncated-then-no-range"),
        pytest.param([chunked(BODY, end=b"junk"), ranged(BODY)], 2, id="chunks-broken"),
        pytest.param([stalled(BODY, 5000), ranged(BODY)], 2, id="stalled-then-range"),
        pytest.param([reset(), ok(BODY)], 2, id="reset"),
        pytest.param([hang_up(), ok(BODY)], 2, id="hung-up"),
        pytest.param([silent(), ok(BODY)], 2, id="silent"),
        pytest.param([raw(b"SMTP ready\r\n"), ok(BODY)], 2, id="not-http"),
        pytest.param([answer(503), ok(BODY)], 2, id="503"),
        pytest.param([answer(429), ok(BODY)], 2, id="429"),
        pytest.param([redirect("/other"), ok(BODY)], 1, id="redirected"),
    ],
)
def test_download_gets_there(
    behaviours: list[Behaviour], requests: int, server: FaultServer, http: Http
) -> None:
    server.on("/other", ok(BODY))
    sink = MemorySink(BODY)
    http.download([server.on("/file", *behaviours)], sink)
    assert bytes(sink.data) == BODY
    assert len(server.seen("/file")) == requests


def fetch_error(server: FaultServer, http: Http, *behaviours: Behaviour, limit: int) -> KutterError:
    with pytest.raises(KutterError) as caught:
        http.download([server.on("/file", *behaviours)], MemorySink(BODY), limit=limit)
    return caught.value


@pytest.mark.parametrize(
    ("behaviour", "kind", "cause"),
    [
        pytest.param(
            truncated(BODY, 0),
            NetworkError,
            "the answer ended early, after 0 of 10240 bytes",
            id="truncated",
        ),
        pytest.param(
            chunked(BODY[:3000], end=b"zz\r\n"),
            NetworkError,
            "the answer ended early, after 3000 bytes",
            id="chunks-broken",
        ),
        pytest.param(
            ok(BODY + b"x"),
            NetworkError,
            "has more than the 10240 bytes that are expected",
            id="oversized",
        ),
        pytest.param(
            endless(),
            NetworkError,
            "has more than the 10240 bytes that are expected",
            id="endless",
        ),
        pytest.param(
            ok(b"wrong"),
            HashMismatchError,
            "has other bytes (expected sha256:"
            "e96760a87768717bcebcfd25ddc7d46b4dbc95a4b0014def080c08539f7d90d0; got sha256:"
            "8810ad581e59f2bc3928b261707a71308f7e139eb04820366dc4d5c18d980225)",
            id="wrong",
        ),
        pytest.param(stalled(BODY, 0), NetworkError, "nothing arrived for 1 s", id="stalled-body"),
        pytest.param(silent(), NetworkError, "nothing arrived for 1 s", id="silent"),
        pytest.param(
            trickled(BODY, 0.1, head=True), NetworkError, "nothing arrived for 1 s", id="head"
        ),
        pytest.param(
            gzipped(BODY),
            NetworkError,
            "sent the file compressed (gzip), though it was asked not to",
            id="compressed",
        ),
        pytest.param(answer(500), NetworkError, "answered 500 Internal Server Error", id="500"),
        pytest.param(
            answer(429, headers={"Retry-After": "7"}),
            NetworkError,
            "answered 429 Too Many Requests, and asks to wait 7 s",
            id="429",
        ),
        pytest.param(answer(404), NetworkError, "answered 404 Not Found", id="404"),
        pytest.param(
            partial(BODY, 0, "bytes 0-10239/10240"),
            NetworkError,
            "answered 206 Partial Content",
            id="unasked-part",
        ),
        pytest.param(
            redirect("/file"), NetworkError, "redirects in a circle, back to URL/file", id="circle"
        ),
        pytest.param(
            redirect("ftp://localhost/x"),
            NetworkError,
            "redirects to nowhere: URL 'ftp://localhost/x' is neither http nor https",
            id="elsewhere",
        ),
        pytest.param(reset(), NetworkError, "connection reset by peer", id="reset"),
        pytest.param(
            hang_up(), NetworkError, "the connection was closed without an answer", id="hung-up"
        ),
        pytest.param(
            raw(b"220 mail ready\r\n"),
            NetworkError,
            "the answer is not HTTP (BadStatusLine)",
            id="not-http",
        ),
        pytest.param(
            raw(b"HTTP/1.1 200 OK\r\n" + b"X-Filler: y\r\n" * 200 + b"\r\n"),
            NetworkError,
            "the answer is not HTTP (HTTPException)",
            id="too-many-headers",
        ),
        pytest.param(
            raw(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70000 + b"\r\n\r\n"),
            NetworkError,
            "the answer is not HTTP (LineTooLong)",
            id="header-too-long",
        ),
    ],
)
def test_download_says_what_is_wrong(
    behaviour: Behaviour, kind: type[KutterError], cause: str, server: FaultServer, http: Http
) -> None:
    error = fetch_error(server, http, behaviour, limit=len(BODY))
    assert type(error) is kind
    assert text_of(error, server) == f"URL/file could not be fetched\nURL/file: {cause}"


def test_a_trickling_body_is_given_up(server: FaultServer, http: Http) -> None:
    error = fetch_error(server, http, trickled(BODY, 0.005), limit=len(BODY))
    assert error.details[0].startswith(
        f"{server.url}/file: slower than 1000 bytes a second for 1 s"
    )


def test_redirects_end_after_ten(server: FaultServer, http: Http) -> None:
    for number in range(12):
        server.on(f"/{number}", redirect(f"/{number + 1}"))
    with pytest.raises(NetworkError) as caught:
        http.get_bytes(f"{server.url}/0")
    assert caught.value.details == (f"{server.url}/0: redirects more than 10 times",)
    assert len(server.requests) == 11


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(ok(BODY), id="200-instead-of-206"),
        pytest.param(partial(BODY, 3000, "bytes 3000-10239/10240"), id="other-start"),
        pytest.param(partial(BODY, 4000, ""), id="no-content-range"),
        pytest.param(partial(BODY, 4000, "bytes 4000-3/10240"), id="impossible-range"),
        pytest.param(answer(416, headers={"Content-Range": "bytes */10240"}), id="416-too-early"),
        pytest.param(answer(416), id="416-without-size"),
        pytest.param(
            partial(b"x" * 10240, 4000, "bytes 4000-10239/10240"), id="part-of-another-file"
        ),
    ],
)
def test_a_range_answered_wrongly_starts_over(
    second: Behaviour, server: FaultServer, http: Http
) -> None:
    sink = MemorySink(BODY, held=BODY[:4000])
    http.download([server.on("/file", second, ok(BODY))], sink, limit=len(BODY))
    assert bytes(sink.data) == BODY
    assert server.requests[0].headers["range"] == "bytes=4000-"
    assert sink.restarts == 1


def test_a_part_that_is_complete_asks_nobody(server: FaultServer, http: Http) -> None:
    http.download([server.on("/file", ranged(BODY))], MemorySink(BODY, held=BODY))
    assert server.requests == []


def test_a_part_as_long_as_the_file_but_wrong_starts_over(server: FaultServer, http: Http) -> None:
    """The server answers 416: it has nothing beyond what we hold."""
    sink = MemorySink(BODY, held=b"x" * len(BODY))
    http.download([server.on("/file", ranged(BODY))], sink)
    assert bytes(sink.data) == BODY
    assert [request.headers.get("range") for request in server.requests] == ["bytes=10240-", None]


def test_a_wrong_part_is_not_blamed_on_the_server(server: FaultServer, http: Http) -> None:
    sink = MemorySink(BODY, held=b"junk")
    http.download([server.on("/file", ranged(BODY))], sink)
    assert bytes(sink.data) == BODY


def test_progress_counts_back_what_is_dropped(server: FaultServer, http: Http) -> None:
    counts: list[int] = []
    sink = MemorySink(BODY, held=BODY[:4000])
    http.download([server.on("/file", ok(BODY))], sink, on_bytes=counts.append)
    assert counts[0] == -4000
    assert sum(counts) == len(BODY) - 4000


def test_gzip_of_a_gz_file_is_its_own_type(server: FaultServer, http: Http) -> None:
    """Apache's AddEncoding labels a .tar.gz so and sends its bytes as they are."""
    url = server.on("/a.tar.gz", ok(BODY, {"Content-Encoding": "x-gzip"}))
    sink = MemorySink(BODY)
    http.download([url], sink)
    assert bytes(sink.data) == BODY


def test_retry_after_is_waited_for(server: FaultServer, http: Http, naps: list[float]) -> None:
    busy = answer(429, headers={"Retry-After": "7"})
    assert http.get_bytes(server.on("/x", busy, ok(b"yes"))).body == b"yes"
    assert naps == [7.0]


def test_retry_after_as_a_date_is_read_by_the_servers_clock(
    server: FaultServer, http: Http, naps: list[float]
) -> None:
    headers = {
        "Date": "Sun, 22 Nov 2026 10:00:00 GMT",
        "Retry-After": "Sun, 22 Nov 2026 10:01:30 GMT",
    }
    http.get_bytes(server.on("/x", answer(503, headers=headers), ok(b"yes")))
    assert naps == [90.0]


def test_too_long_a_wait_is_an_error(server: FaultServer, http: Http, naps: list[float]) -> None:
    url = server.on("/x", answer(429, headers={"Retry-After": "3600"}))
    with pytest.raises(NetworkError) as caught:
        http.get_bytes(url)
    assert caught.value.details == (
        f"{url}: answered 429 Too Many Requests, and asks to wait 3600 s",
    )
    assert naps == []


def test_back_off_doubles(server: FaultServer) -> None:
    naps: list[float] = []
    patience = Patience(attempts=4, first_wait=1.0, longest_wait=3.0)
    http = Http(HttpOptions(patience=patience), sleep=naps.append)
    with http, pytest.raises(NetworkError):
        http.get_bytes(server.on("/x", answer(503)))
    assert naps == [1.0, 2.0, 3.0]
    assert len(server.requests) == 4


def test_connections_are_kept(server: FaultServer, http: Http) -> None:
    server.on("/gone", answer(404, b"x" * 100))
    for _ in range(3):
        http.get_bytes(server.on("/x", redirect("/y", 301)), missing_ok=True)
        http.download([server.on("/file", ok(BODY))], MemorySink(BODY))
        http.get_bytes(server.url + "/gone", missing_ok=True)
    assert server.connections == 1


def test_a_connection_that_went_away_while_idle_is_replaced(
    server: FaultServer, http: Http
) -> None:
    def say_and_leave(talk: object) -> None:
        ok(b"one")(talk)  # type: ignore[arg-type]
        hang_up()(talk)  # type: ignore[arg-type]

    for _ in range(3):
        assert http.get_bytes(server.on("/x", say_and_leave)).body == b"one"
    assert len(server.requests) == 3


def test_junk_after_an_answer_never_reaches_the_next(server: FaultServer, http: Http) -> None:
    answers = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none"
    smuggled = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"

    def smuggle(talk: object) -> None:
        talk.send(answers + smuggled)  # type: ignore[attr-defined]

    assert http.get_bytes(server.on("/x", smuggle)).body == b"one"
    assert http.get_bytes(server.on("/y", ok(b"two"))).body == b"two"


def test_json_that_is_none(server: FaultServer, http: Http) -> None:
    with pytest.raises(NetworkError) as caught:
        http.get_json(server.on("/x", ok(b"<html>")))
    assert text_of(caught.value, server) == (
        "URL/x did not answer with JSON: Expecting value: line 1 column 1 (char 0)\n" + NOT_THE_FILE
    )


def test_json_that_is_no_text(server: FaultServer, http: Http) -> None:
    with pytest.raises(NetworkError) as caught:
        http.get_json(server.on("/x", ok(b'{"a": "\xe9"}')))
    assert text_of(caught.value, server) == (
        f"URL/x is not text (byte 0xe9 at offset 7)\n{NOT_THE_FILE}"
    )


def test_small_answers_are_bounded(server: FaultServer, http: Http) -> None:
    for name, behaviour in (("/a", ok(BODY)), ("/b", endless()), ("/c", chunked(BODY))):
        with pytest.raises(NetworkError) as caught:
            http.get_bytes(server.on(name, behaviour), limit=99)
        assert caught.value.details[0].startswith(f"{server.url}{name}: has ")
        assert "99" in caught.value.details[0]


def test_close_wakes_a_thread_that_waits(server: FaultServer) -> None:
    """Ctrl-C: the main thread closes the door, workers end at once."""
    errors: list[KutterError] = []
    http = Http(HttpOptions(patience=Patience(stall=60)))
    sink = MemorySink(BODY)

    def work() -> None:
        try:
            http.download([server.on("/file", stalled(BODY, 5000))], sink)
        except KutterError as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    while len(sink.data) < 5000:
        thread.join(0.01)
    http.close()
    thread.join(10)
    assert not thread.is_alive()
    assert [error.reason for error in errors] == [f"{server.url}/file: the work was given up"]
    assert bytes(sink.data) == BODY[:5000]


def test_whole_requests(server: FaultServer, http: Http) -> None:
    server.on("/upload", answer(202, b"", {"Location": "/next"}))
    response = http.request("POST", server.url + "/upload", content=b"data")
    assert (response.status, response.headers["location"]) == (202, "/next")
    http.request("PUT", server.url + "/upload", content=iter([b"one", b"two"]))
    assert [(request.method, request.body) for request in server.requests] == [
        ("POST", b"data"),
        ("PUT", b"onetwo"),
    ]
    head = http.request("HEAD", server.on("/file", ok(BODY)))
    assert (head.headers["content-length"], head.body) == ("10240", b"")


def test_a_post_is_not_repeated(server: FaultServer, http: Http) -> None:
    with pytest.raises(NetworkError):
        http.request("POST", server.on("/x", answer(503), ok(b"")), content=b"data")
    assert len(server.requests) == 1


def test_plain_http_needs_a_digest_or_a_reason(http: Http) -> None:
    with pytest.raises(PolicyError) as caught:
        http.get_bytes("http://192.0.2.1/list")
    assert caught.value.reason == "http://192.0.2.1/list could not be fetched"
    assert caught.value.details == (
        "http://192.0.2.1/list: http://192.0.2.1 is not encrypted, and no digest or signature "
        "checks what it says",
    )
    assert caught.value.hint == "use https, or name the host as a mirror"


def test_hosts_can_be_restricted(server: FaultServer) -> None:
    with FaultServer() as other:
        target = other.on("/x", ok(b"")).replace("localhost", "127.0.0.1")
        options = HttpOptions(patience=PATIENT, allowed_hosts=("localhost",))
        with Http(options) as http, pytest.raises(PolicyError) as caught:
            http.get_bytes(server.on("/x", redirect(target)))
        assert text_of(caught.value, server) == (
            "URL/x could not be fetched\n"
            "URL/x: host 127.0.0.1 is not allowed (allowed: localhost)\n"
            "add it to allowed-hosts under [network], or name a mirror"
        )
        assert other.requests == []
