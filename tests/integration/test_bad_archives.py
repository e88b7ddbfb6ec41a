"""A Debian archive that misbehaves, seen from the command line: no lock, one sentence, exit 8 or 6.

What the package lists say is checked at unit level; here it is what becomes of `resolve`.
"""

import re

import pytest

from tests.support.fault_server import (
    Behaviour,
    answer,
    endless,
    gzipped,
    ok,
    partial,
    stalled,
    trickled,
    truncated,
)
from tests.support.line import Line

pytestmark = pytest.mark.integration

TARGET = "/debian/dists/trixie/InRelease"
BODY = b"-----BEGIN PGP SIGNED MESSAGE-----\n" + b"x" * 5000
HOST = 'kind = "host"                   # this machine\'s own compiler: quick, and impure'
SIGNED = (
    b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nOrigin: Debian\n"
    b"-----BEGIN PGP SIGNATURE-----\n\niQEz\n-----END PGP SIGNATURE-----\n"
)


def resolved(line: Line, behaviour: Behaviour, *, timeout: int) -> tuple[int, str, str]:
    """Resolve against an archive whose InRelease misbehaves."""
    with line.misconnected({}, timeout=timeout) as server:
        server.on(TARGET, behaviour)
        ran = line.run("resolve", "--debian-mirror", f"{server.url}/debian/")
        text = ran.errors.replace(server.url, "URL")
    return ran.status, ran.output, re.sub(r"\d{8}T\d{6}Z", "TIME", text)


@pytest.fixture
def pinned(line: Line) -> Line:
    """A project whose environment is Debian's, and whose lock was made before it was."""
    line.change({HOST: 'kind = "debian"\nsuite = "trixie"'})
    return line


@pytest.mark.parametrize(
    ("behaviour", "cause"),
    [
        (truncated(BODY, 900), "the answer ended early, after 900 of 5035 bytes"),
        (endless(), "has more than the 8388608 bytes that are expected"),
        (trickled(BODY, 0.01), "slower than 512 bytes a second for 1 s"),
        (stalled(BODY, 500), "nothing arrived for 1 s"),
        (gzipped(BODY), "sent the file compressed (gzip), though it was asked not to"),
        (answer(503), "answered 503 Service Unavailable"),
        (partial(BODY, 3, "bytes 3-5034/5035"), "answered 206 Partial Content"),
    ],
    ids=["truncated", "oversized", "slow", "stalling", "compressed", "503", "unasked part"],
)
def test_an_archive_that_misbehaves_leaves_the_lock(
    behaviour: Behaviour, cause: str, pinned: Line
) -> None:
    before = pinned.lock.read_bytes()
    snapshot = "https://snapshot.debian.org/archive/debian/TIME/dists/trixie/InRelease"
    timeout = 1 if cause.endswith("for 1 s") else 600
    assert resolved(pinned, behaviour, timeout=timeout) == (8, "", (
        f"error: {snapshot} could not be fetched\n  URL{TARGET}: {cause}\n"
        f"  {snapshot}: the proxy refused: 404 Not Found\nhint: check proxy under [network]\n"
    ))  # fmt: skip
    assert pinned.lock.read_bytes() == before


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (b"<html>Please log in</html>",
         "InRelease of trixie: 0 clearsigned messages where one is expected"),
        (b"Origin: Debian\nSuite: trixie\n",
         "InRelease of trixie: 0 clearsigned messages where one is expected"),
        (SIGNED, "InRelease of trixie: gpgv found no valid signature"),
    ],
    ids=["a page to log in", "unsigned", "forged"],
)  # fmt: skip
def test_an_archive_that_nobody_signed_is_not_trusted(page: bytes, said: str, pinned: Line) -> None:
    before = pinned.lock.read_bytes()
    status, output, errors = resolved(pinned, ok(page), timeout=600)
    first, *_, last = errors.splitlines()
    assert (status, output, first) == (6, "", f"error: {said}")
    assert last.startswith("hint: ")
    assert pinned.lock.read_bytes() == before
