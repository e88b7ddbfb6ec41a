"""Servers that misbehave, seen from the command line: the words, the exit code, the next run."""

import hashlib
from pathlib import Path

import pytest

from tests.support.fault_server import (
    Behaviour,
    answer,
    gzipped,
    hang_up,
    ok,
    partial,
    ranged,
    redirect,
    reset,
    silent,
    stalled,
    trickled,
    truncated,
)
from tests.support.line import Line

pytestmark = pytest.mark.integration

KERNEL = "kernel.example/pub/linux/kernel/v6.x/linux-6.12.901.tar.gz"
TREE = "buildroot.example/downloads/buildroot-2026.08.1.tar.gz"
BACKUP = "sources.buildroot.net/linux/linux-6.12.901.tar.gz"
NOBODY = "the proxy refused: 404 Not Found"
HINT = "hint: check proxy under [network]\n"


@pytest.fixture
def body(vendored: Line) -> bytes:
    return (vendored.demonstration.upstream / KERNEL).read_bytes()


@pytest.fixture
def lacking(line: Line, body: bytes) -> Line:
    """A vendored project whose kernel is gone from the store."""
    blob(line, body).unlink()
    return line


def blob(line: Line, data: bytes) -> Path:
    name = hashlib.sha256(data).hexdigest()
    return line.demonstration.directory / "store/sha256" / name[:2] / name


def refused(name: str) -> str:
    """Word what every other place says that a source is to be had from."""
    places = (f"https://kernel.example/{name}", "https://backup.example/linux/{file}",
              "https://backup.example/{file}", "URL/{backup}",
              "https://{backup}")  # fmt: skip
    lines = []
    for place in places:
        url = place.format(file=name.rpartition("/")[2], backup=BACKUP)
        said = "answered 404 Not Found" if url.startswith("URL") else NOBODY
        lines.append(f"    {url}: {said}\n")
    return "".join(lines)


def expected(body: bytes, cause: str) -> str:
    return (
        "error: 1 of 12 files could not be had\n"
        f"  linux/linux-6.12.901.tar.gz (sha256:{hashlib.sha256(body).hexdigest()}):\n"
        f"    URL/{KERNEL}: {cause}\n{refused(KERNEL.partition('/')[2])}{HINT}"
    )


def other_bytes(body: bytes, got: bytes, remark: str = "") -> str:
    wanted, found = (hashlib.sha256(data).hexdigest() for data in (body, got))
    return (
        f"has other bytes (expected sha256:{wanted}; got sha256:{found}; "
        f"after {len(got)} bytes){remark}"
    )


def patience(name: str) -> int:
    """Return how long to wait, in seconds: a busy machine may take its time."""
    return 1 if name in {"slow", "stalling", "silent"} else 600


def case(name: str, body: bytes) -> tuple[Behaviour, int, str]:
    """Return how the server misbehaves, the exit code, and what is said of it."""
    squeezed = b""
    if name == "compressed":
        import gzip

        squeezed = gzip.compress(body, mtime=0)
    return {
        "truncated": (truncated(body, 700), 8,
                      f"the answer ended early, after 700 of {len(body)} bytes"),
        "oversized": (ok(body + b"x"), 8,
                      f"has more than the {len(body)} bytes that are expected"),
        "wrong": (ok(b"w" * len(body)), 5, other_bytes(body, b"w" * len(body))),
        "slow": (trickled(body, 0.01), 8, "slower than 512 bytes a second for 1 s"),
        "stalling": (stalled(body, 500), 8, "nothing arrived for 1 s"),
        "silent": (silent(), 8, "nothing arrived for 1 s"),
        "circle": (redirect(f"/{KERNEL}"), 8, f"redirects in a circle, back to URL/{KERNEL}"),
        "compressed": (gzipped(body), 5, other_bytes(
            body, squeezed, ", sent compressed (gzip) though it was asked not to")),
        "500": (answer(500), 8, "answered 500 Internal Server Error"),
        "503": (answer(503, headers={"Retry-After": "3600"}), 8,
                "answered 503 Service Unavailable, and asks to wait 3600 s"),
        "reset": (reset(), 8, "connection reset by peer"),
        "hung up": (hang_up(), 8, "the connection was closed without an answer"),
        "unasked part": (partial(body, 700, f"bytes 700-{len(body) - 1}/{len(body)}"), 8,
                         "answered 206 Partial Content"),
    }[name]  # fmt: skip


@pytest.mark.parametrize(
    "name",
    ["truncated", "oversized", "wrong", "slow", "stalling", "silent", "circle", "compressed",
     "500", "503", "reset", "hung up", "unasked part"],
)  # fmt: skip
def test_vendor_says_what_the_server_did_and_the_next_run_finishes(
    name: str, lacking: Line, body: bytes
) -> None:
    behaviour, status, cause = case(name, body)
    with lacking.misconnected({KERNEL: [behaviour]}, timeout=patience(name)) as server:
        ran = lacking.run("vendor")
        assert (ran.status, ran.output) == (status, "")
        assert ran.errors.replace(server.url, "URL") == expected(body, cause)
    assert not blob(lacking, body).exists()
    with lacking.connected():
        assert lacking.must("vendor").output == " closure     12 files: 1 fetched (21 kB)\n"
    lacking.must("verify")


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(["bytes 0-{last}/{size}"], id="from-the-start"),
        pytest.param(["bytes 900-{last}/{size}"], id="further-on"),
        pytest.param([""], id="without-saying-which"),
        pytest.param(["bytes 700-{last}/5"], id="of-another-file"),
        pytest.param(["lines 1-2/3"], id="in-other-units"),
    ],
)
def test_a_range_answered_wrongly_is_asked_for_as_a_whole(
    wrong: list[str], lacking: Line, body: bytes
) -> None:
    words = wrong[0].format(last=len(body) - 1, size=len(body))
    behaviours = [truncated(body, 700), partial(body, 700, words), ok(body)]
    with lacking.misconnected({KERNEL: behaviours}, attempts=2) as server:
        assert lacking.run("vendor").errors == ""
        asked = [seen.headers.get("range") for seen in server.seen(f"/{KERNEL}")]
    assert asked == [None, "bytes=700-", None]
    lacking.must("verify")


def test_what_arrived_before_a_failure_is_kept_for_the_next_run(lacking: Line, body: bytes) -> None:
    with lacking.misconnected({KERNEL: [truncated(body, 700)]}):
        assert lacking.run("vendor").status == 8
    with lacking.misconnected({KERNEL: [ranged(body)]}) as server:
        lacking.must("vendor")
        assert [seen.headers.get("range") for seen in server.requests] == ["bytes=700-"]


@pytest.mark.parametrize("name", ["truncated", "wrong", "stalling"])
def test_resolve_writes_no_lock_when_the_tree_cannot_be_had(name: str, line: Line) -> None:
    tree = (line.demonstration.upstream / TREE).read_bytes()
    blob(line, tree).unlink()
    before = line.lock.read_bytes()
    line.lock.unlink()
    behaviour, status, cause = case(name, tree)
    with line.misconnected({TREE: [behaviour]}, timeout=patience(name)) as server:
        ran = line.run("resolve")
        assert (ran.status, ran.output) == (status, "")
        assert ran.errors.replace(server.url, "URL") == (
            "error: 1 of 1 files could not be had\n"
            f"  buildroot-2026.08.1.tar.gz (sha256:{hashlib.sha256(tree).hexdigest()}):\n"
            f"    URL/{TREE}: {cause}\n"
            f"    https://{TREE}: {NOBODY}\n{HINT}"
        )
    assert not line.lock.exists()
    with line.connected():
        line.must("resolve")
    assert line.lock.read_bytes() == before


def test_build_fetches_what_is_missing_and_says_the_same_when_it_cannot(
    lacking: Line, body: bytes
) -> None:
    with lacking.misconnected({KERNEL: [answer(500)]}) as server:
        ran = lacking.run("build", "--board", "demo-x86_64")
        assert ran.status == 8
        text = ran.errors.replace(server.url, "URL")
        assert text == expected(body, "answered 500 Internal Server Error").replace("12", "11", 1)
    assert not (lacking.project / "output").exists()
