"""What must not matter (directory, locale, clock zone, umask, hash seed) and what must not happen.

Offline, checking, and with nothing to do, no verb opens a network socket or loads an HTTP library:
an audit hook of the interpreter watches every socket that is made.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.line import REPOSITORY, Line, copy_of, make_line

pytestmark = pytest.mark.integration

BOARD = "demo-x86_64"
WAIT = 300

WATCH = """
import atexit, json, os, sys
made = []
def look(event, arguments):
    if event == "socket.__new__" and arguments[1] not in (1, -1):
        made.append([event, str(arguments[1:])])
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        made.append([event, str(arguments)])
sys.addaudithook(look)
def tell():
    facts = {"sockets": made, "modules": sorted(sys.modules)}
    with open(os.environ["TOLD"], "w") as file:
        json.dump(facts, file)
atexit.register(tell)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What a command did."""

    status: int
    errors: str
    sockets: list[list[str]]
    modules: set[str]


def watched(line: Line, tmp_path: Path, *words: str) -> Watched:
    """Run a command in a process of its own and note the sockets that it makes."""
    (tmp_path / "watch").mkdir(exist_ok=True)
    (tmp_path / "watch/sitecustomize.py").write_text(WATCH)
    told = tmp_path / "told.json"
    done = subprocess.run(
        [sys.executable, "-B", "-m", "kutterlock", words[0],
         "--project", str(line.project), *words[1:]],
        env={**line.environ(), "TOLD": str(told),
             "PYTHONPATH": f"{tmp_path / 'watch'}:{REPOSITORY}"},
        capture_output=True, text=True, timeout=WAIT, check=False,
    )  # fmt: skip
    facts = json.loads(told.read_bytes())
    return Watched(
        status=done.returncode, errors=done.stderr, sockets=facts["sockets"],
        modules=set(facts["modules"]),
    )  # fmt: skip


def assert_no_network(line: Line, tmp_path: Path, *words: str, status: int = 0) -> None:
    did = watched(line, tmp_path, *words)
    assert did.status == status, did.errors
    assert did.sockets == [], words
    assert did.modules & {"httpx", "httpcore", "requests", "urllib.request"} == set(), words


@pytest.mark.parametrize(
    "words",
    [
        ("resolve", "--check"), ("resolve", "--offline"), ("vendor",), ("vendor", "--offline"),
        ("verify",), ("tree",), ("why", "linux"), ("outdated",), ("audit",), ("store", "check"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_verb_with_nothing_to_fetch_opens_no_socket(
    words: tuple[str, ...], line: Line, tmp_path: Path
) -> None:
    assert_no_network(line, tmp_path, *words)


def test_a_build_opens_no_socket_the_first_time_nor_the_second(line: Line, tmp_path: Path) -> None:
    assert_no_network(line, tmp_path, "build", "--offline", "--board", BOARD)
    assert_no_network(line, tmp_path, "build", "--board", BOARD)


def test_offline_with_something_missing_opens_no_socket_either(line: Line, tmp_path: Path) -> None:
    for blob in line.demonstration.directory.glob("store/sha256/*/*"):
        blob.unlink()
    for words in (("vendor", "--offline"), ("build", "--offline"), ("resolve", "--offline")):
        assert_no_network(line, tmp_path, *words, status=7)


def test_the_watch_sees_a_vendor_that_has_to_fetch(line: Line, tmp_path: Path) -> None:
    next(line.demonstration.directory.glob("store/sha256/*/*")).unlink()
    with line.connected():
        did = watched(line, tmp_path, "vendor")
    assert (did.status, did.errors) == (0, "")
    assert [event for event, _ in did.sockets]
    assert "httpx" in did.modules


ODD: Mapping[str, str] = {
    "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8", "TZ": "Pacific/Chatham",
    "PYTHONHASHSEED": "4711", "USER": "nobody", "LOGNAME": "nobody", "COLUMNS": "40",
    "SOURCE_DATE_EPOCH": "1", "MAKEFLAGS": "-j7", "CFLAGS": "-O0", "BR2_DL_DIR": "/nowhere",
}  # fmt: skip


def oddly(line: Line, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run a command in surroundings that must not matter."""
    return subprocess.run(
        [sys.executable, "-B", "-m", "kutterlock", words[0], "--project", str(line.project),
         *words[1:]],
        env={**line.environ(), **ODD, "PYTHONPATH": str(REPOSITORY)}, umask=0o077,
        cwd="/", capture_output=True, text=True, timeout=WAIT, check=True,
    )  # fmt: skip


def layout(store: Path) -> dict[str, tuple[int, str]]:
    """Describe the blobs of a store: name, mode, bytes."""
    return {
        str(path.relative_to(store)): (
            path.stat().st_mode & 0o7777,
            hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in sorted(store.glob("sha*/*/*"))
    }


def test_lock_and_store_are_the_same_in_other_surroundings(vendored: Line, tmp_path: Path) -> None:
    line = make_line(tmp_path / "an other place, ünusual" / "demo")
    (line.project / "overlays/demo/.git").mkdir()
    (line.project / "overlays/demo/.git/HEAD").write_text("ref: refs/heads/main\n")
    for path in (line.project / "overlays").rglob("*"):
        os.utime(path, (1, 1))
    with line.connected():
        oddly(line, "resolve", "-j1")
        oddly(line, "vendor", "-j7")
    assert line.lock.read_bytes() == vendored.lock.read_bytes()
    stores = [each.demonstration.directory / "store" for each in (line, vendored)]
    assert layout(stores[0]) == layout(stores[1])


def test_an_output_is_the_same_in_other_surroundings(vendored: Line, tmp_path: Path) -> None:
    usual = copy_of(vendored, tmp_path / "usual")
    odd = copy_of(vendored, tmp_path / "another place" / "with a longer name" / "demo")
    usual.must("build", "--offline", "--board", BOARD)
    oddly(odd, "build", "--offline", "--board", BOARD, "-j1")
    outputs = [(line.project / "output" / BOARD).resolve() for line in (usual, odd)]
    assert outputs[0].name == outputs[1].name
    for name in ("manifest.json", "derivation.json"):
        one, other = ((output / name).read_bytes() for output in outputs)
        assert one == other
        assert str(tmp_path).encode() not in one
