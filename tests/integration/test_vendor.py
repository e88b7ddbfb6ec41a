"""`vendor` as a process among processes: killed, raced, interrupted, out of space, read-only."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from kutterlock.adapters.disk.store import Store
from kutterlock.model.digest import Digest
from tests.support.fault_server import Behaviour, FaultServer, Talk, endless, ok, ranged, stalled
from tests.support.projects import write_project

pytestmark = pytest.mark.integration

REPOSITORY = Path(__file__).resolve().parents[2]
SEED = 20261122
WAIT = 60
"""A program that has not ended after so many seconds hangs."""


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


def some_files(count: int, size: int) -> dict[str, bytes]:
    chance = random.Random(SEED)
    return {f"p{number}/p{number}.tar": chance.randbytes(size) for number in range(count)}


def unhurried(body: bytes) -> Behaviour:
    """Answer ranges as a good server does, in pieces, slowly enough to be killed on the way."""

    def behave(talk: Talk) -> None:
        match = re.fullmatch(r"bytes=(\d+)-", talk.request.headers.get("range", ""))
        first = int(match[1]) if match else 0
        extra = {"Content-Range": f"bytes {first}-{len(body) - 1}/{len(body)}"} if match else {}
        talk.head(206 if match else 200, {"Content-Length": str(len(body) - first), **extra})
        for start in range(first, len(body), 20_000):
            talk.send(body[start : start + 20_000])
            talk.server_closing.wait(0.01)

    return behave


def environment(project: Path) -> dict[str, str]:
    return {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(project),
        "PYTHONPATH": str(REPOSITORY),
        "KUTTER_STORE": str(project / "store"),
    }


def argv(project: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "kutterlock", *words, "--project", str(project)]


def start(project: Path, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        argv(project, *words), env=environment(project), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def run(command: Sequence[str], variables: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, env=dict(variables), capture_output=True, text=True, timeout=WAIT, check=False
    )


def kutterlock(project: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return run(argv(project, *words), environment(project))


def assert_whole(store: Store) -> int:
    """Every file that bears a blob's name is that blob, read-only; return how many there are."""
    count = 0
    for digest in store.blobs():
        store.verify(digest)
        assert store.path(digest).stat().st_mode & 0o7777 == 0o444
        count += 1
    return count


def test_killed_at_random_points_and_run_again_it_finishes(
    tmp_path: Path, server: FaultServer
) -> None:
    files = some_files(12, 300_000)
    project = write_project(tmp_path, files, server.url)
    for path, data in files.items():
        server.on(f"/{path}", unhurried(data))
    store = Store(tmp_path / "store")
    chance = random.Random(SEED)
    for _ in range(8):
        process = start(project, "vendor", "-j3")
        time.sleep(chance.uniform(0.1, 0.7))
        process.kill()
        process.communicate(timeout=WAIT)
        assert_whole(store)
    done = kutterlock(project, "vendor", "-j3")
    assert (done.returncode, done.stderr) == (0, "")
    assert assert_whole(store) == 12
    assert store.partials() == {}
    asked = [int(request.headers["range"][6:-1]) for request in server.requests
             if "range" in request.headers]  # fmt: skip
    assert all(0 < offset < 300_000 for offset in asked)


def test_two_processes_fetch_each_file_once(tmp_path: Path, server: FaultServer) -> None:
    files = some_files(10, 200_000)
    project = write_project(tmp_path, files, server.url)
    for path, data in files.items():
        server.on(f"/{path}", unhurried(data))
    both = [start(project, "vendor", "-j2") for _ in range(2)]
    for process in both:
        _, errors = process.communicate(timeout=WAIT)
        assert (process.returncode, errors) == (0, "")
    assert {path: len(server.seen(f"/{path}")) for path in files} == dict.fromkeys(files, 1)
    assert assert_whole(Store(tmp_path / "store")) == 10


def test_interrupted_it_says_so_and_goes_on_next_time(tmp_path: Path, server: FaultServer) -> None:
    (path, data), *_ = files = list(some_files(1, 100_000).items())
    project = write_project(tmp_path, dict(files), server.url)
    server.on(f"/{path}", stalled(data, 60_000), ranged(data))
    process = start(project, "vendor")
    partial = tmp_path / "store" / "partial" / f"sha256-{Digest.of(data).hex}"
    while not partial.exists() or partial.stat().st_size < 60_000:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=WAIT)
    assert process.returncode == 130
    assert errors == ("\ninterrupted: nothing was lost; run the same command again to go on\n")
    assert kutterlock(project, "vendor").returncode == 0
    assert server.requests[-1].headers["range"] == "bytes=60000-"


def test_gc_keeps_off_while_another_process_fetches(tmp_path: Path, server: FaultServer) -> None:
    (path, data), *_ = files = list(some_files(1, 1000).items())
    project = write_project(tmp_path, dict(files), server.url)
    server.on(f"/{path}", stalled(data, 500))
    process = start(project, "vendor")
    while not server.requests:
        assert process.poll() is None
        time.sleep(0.02)
    done = kutterlock(project, "store", "gc")
    process.kill()
    process.communicate(timeout=WAIT)
    assert done.returncode == 1
    assert done.stderr == (
        f"error: another kutterlock is using the store {tmp_path}/store\n"
        "hint: run this again when it is done\n"
    )
    assert kutterlock(project, "store", "gc").returncode == 0


def test_a_wrong_file_upstream_is_a_hash_mismatch(tmp_path: Path, server: FaultServer) -> None:
    files = some_files(3, 1000)
    project = write_project(tmp_path, files, server.url)
    names = list(files)
    flipped = bytes([files[names[0]][0] ^ 1]) + files[names[0]][1:]
    (tmp_path / "kutter.toml").unlink(missing_ok=True)
    for path, data in files.items():
        server.on(f"/{path}", ok(flipped if path == names[0] else data))
    block_backup = {**environment(project), "https_proxy": server.url}
    done = run(argv(project, "vendor", "--keep-going"), block_backup)
    assert done.returncode == 5, done.stderr
    assert f"{server.url}/{names[0]}: has other bytes" in done.stderr
    assert assert_whole(Store(tmp_path / "store")) == 2


# A program that fails when anything in it asks for a socket.
NO_SOCKETS = """
import sys
def refuse(event, arguments):
    if event.startswith("socket."):
        raise SystemExit(f"a socket was asked for: {event}")
sys.addaudithook(refuse)
from kutterlock.cli.main import main
status = main(sys.argv[1:])
assert "httpx" not in sys.modules
assert "socket" not in sys.modules
raise SystemExit(status)
"""


@pytest.mark.parametrize(
    "words", [["vendor"], ["vendor", "--offline"], ["verify"], ["verify", "store"]]
)
def test_with_nothing_to_fetch_no_socket_is_made(
    tmp_path: Path, server: FaultServer, words: list[str]
) -> None:
    files = some_files(2, 100)
    project = write_project(tmp_path, files, server.url)
    for data in files.values():
        Store(tmp_path / "store").add_bytes(data)
    command = [sys.executable, "-c", NO_SOCKETS, *words, "--project", str(project)]
    done = run(command, environment(project))
    assert (done.returncode, done.stderr) == (0, "")


def test_offline_with_something_missing_no_socket_is_made(
    tmp_path: Path, server: FaultServer
) -> None:
    project = write_project(tmp_path, some_files(2, 100), server.url)
    command = [sys.executable, "-c", NO_SOCKETS, "vendor", "--offline", "--project", str(project)]
    assert run(command, environment(project)).returncode == 7
    assert server.connections == 0


def namespaced(project: Path, script: str) -> "subprocess.CompletedProcess[str]":
    """Run a shell script that may mount, as root of namespaces of its own; $K is kutterlock."""
    if not shutil.which("unshare"):
        pytest.skip("unshare is not installed")
    # remounts name device and place: see tests/support/disks.py
    enter = ["unshare", "-m" if os.geteuid() == 0 else "-rm"]
    if run([*enter, "true"], environment(project)).returncode:
        pytest.skip("this machine lets this user make no namespaces")
    variables = {**environment(project), "K": f"{sys.executable} -m kutterlock"}
    return run([*enter, "sh", "-c", f"cd {project}\n{script}"], variables)


def test_a_full_disk_says_so_and_the_next_run_finishes(tmp_path: Path, server: FaultServer) -> None:
    files = some_files(4, 600_000)
    project = write_project(tmp_path, files, server.url)
    for path, data in files.items():
        server.on(f"/{path}", ranged(data))
    done = namespaced(
        project,
        """
        mkdir store && mount -t tmpfs -o size=1m tmpfs store || exit 99
        $K vendor -j1; echo $?
        mount -o remount,size=16m tmpfs store || exit 99
        $K vendor -j1; echo $?
        $K store check; echo $?
        ls store/partial
        """,
    )
    free = re.search(r"(\d+) free", done.stderr)
    assert free is not None
    assert int(free[1]) < 600_000
    first, second, *_, last = done.stderr.splitlines()  # Buildroot's own mirror is asked as well
    assert [first, second, last] == [
        f"error: {server.url}/p1/p1.tar could not be fetched",
        f"  {server.url}/p1/p1.tar: 600000 bytes are to come, and "
        f"{project}/store/partial has {free[1]} free",
        "hint: free some space, or name another disk: --store, --output, KUTTER_CACHE",
    ]
    assert done.stdout == (
        "14\n"
        " closure     4 files: 3 fetched (1.8 MB)\n0\n"
        " store       4 files, 2.4 MB: all present, all digests right\n0\n"
    )


def test_an_answer_without_an_end_is_given_up_before_the_disk_is_full(
    tmp_path: Path, server: FaultServer
) -> None:
    project = write_project(tmp_path, some_files(1, 10), server.url)
    server.on("/p0/p0.tar", endless())
    done = namespaced(
        project,
        """
        mkdir store && mount -t tmpfs -o size=192m tmpfs store || exit 99
        $K vendor; echo $?
        find store/partial -type f; du -s store/partial | cut -f 1
        """,
    )
    words = re.fullmatch(
        r"error: (\d+) bytes of sha256:[0-9a-f]{64} came without a word of how many there are, "
        r"and (\S+)/store/partial has (\d+) left\n"
        r"hint: free some space, or name another disk: --store, --output, KUTTER_CACHE\n",
        done.stderr,
    )
    assert words, done.stderr
    assert words[2] == str(project)
    assert 0 < int(words[3]) < 64 << 20
    assert int(words[1]) + int(words[3]) <= 192 << 20
    assert done.stdout.split() == ["14", "0"]


def test_a_read_only_store_serves_what_it_has_and_says_why_it_takes_no_more(
    tmp_path: Path, server: FaultServer
) -> None:
    files = some_files(1, 1000)
    project = write_project(tmp_path, files, server.url)
    more = write_project(tmp_path / "more", some_files(2, 1000), server.url)
    for path, data in some_files(2, 1000).items():
        server.on(f"/{path}", ranged(data))
    done = namespaced(
        project,
        f"""
        mkdir store && mount -t tmpfs -o size=1m tmpfs store || exit 99
        $K vendor || exit 99
        mount -o remount,ro tmpfs store || exit 99
        $K vendor; echo $?
        $K store check; echo $?
        $K vendor --project {more}; echo $?
        """,
    )
    assert done.stdout == (
        " closure     1 file: 1 fetched (1.0 kB)\n"
        " closure     1 file: all present\n0\n"
        " store       1 file, 1.0 kB: all present, all digests right\n0\n"
        "1\n"
    )
    second = Digest.of(some_files(2, 1000)["p1/p1.tar"]).hex
    assert done.stderr == (
        f"error: {project}/store/partial/sha256-{second} is on a read-only file system\n"
        "hint: name a writable place: --store, --output, KUTTER_CACHE\n"
    )


MEASURE = """
import os, sys
process = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(process, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def peak_memory(command: Sequence[str], variables: Mapping[str, str]) -> int:
    """Run a command to its end and return the most memory that it had, in bytes.

    A small process starts it: the kernel counts what a process had before its exec as its own,
    and a test run is large.
    """
    argv = [sys.executable, "-I", "-S", "-c", MEASURE, *command]
    done = subprocess.run(argv, env=dict(variables), capture_output=True, check=True, text=True)
    return int(done.stdout.splitlines()[-1]) * 1024


def test_memory_stays_flat_whatever_the_size(tmp_path: Path, server: FaultServer) -> None:
    size = 400 << 20
    huge = tmp_path / "huge" / "p0.tar"
    huge.parent.mkdir()
    with huge.open("wb") as file:
        file.truncate(size)
    from kutterlock.adapters.disk.files import hash_file

    digest = hash_file(huge)
    project = write_project(tmp_path, {"p0/p0.tar": b""}, server.url)
    lock = tmp_path / "kutter.lock"
    lock.write_text(lock.read_text().replace(Digest.of(b"p0/p0.tar").hex, digest.hex))
    words = ["vendor", "--offline", "--mirror", str(huge.parent)]
    assert peak_memory(argv(project, *words), environment(project)) < 100 << 20
    assert peak_memory(argv(project, "verify"), environment(project)) < 100 << 20
    blob = Store(tmp_path / "store").path(digest)
    partial = tmp_path / "store" / "partial" / f"sha256-{digest.hex}"
    blob.rename(partial)
    assert peak_memory(argv(project, "vendor", "--offline"), environment(project)) < 100 << 20
