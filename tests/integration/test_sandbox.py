"""Real sandboxes on this machine: the same view from each kind, no network, nothing left behind."""

import contextlib
import dataclasses
import json
import os
import pty
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kutterlock.adapters.sandbox.run import Sandbox, choose_sandbox
from kutterlock.errors import KutterError, NoSandboxError
from kutterlock.model.sandbox.plan import Bind, NetworkAttempt, Place, SandboxPlan, SandboxResult

pytestmark = pytest.mark.integration

PATH = "/usr/bin:/bin"
REPOSITORY = Path(__file__).parents[2]


def sandbox_or_skip(kind: str) -> Sandbox:
    try:
        return choose_sandbox(PATH, kind)
    except NoSandboxError as error:
        pytest.skip(f"no {kind} here: {error.details}")


@pytest.fixture(params=["bubblewrap", "unshare"])
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    return sandbox_or_skip(request.param)


def plan(*argv: str, binds: tuple[Bind, ...] = (), place: Place | None = None) -> SandboxPlan:
    return SandboxPlan(
        root=None,
        binds=binds,
        argv=argv,
        environment=(("PATH", "/usr/bin:/bin"),),
        place=place or Place(),
    )


def output(sandbox: Sandbox, wanted: SandboxPlan) -> tuple[str, SandboxResult]:
    lines: list[bytes] = []
    result = sandbox.run(wanted, lines.append)
    return b"".join(lines).decode(), result


LOOK = """
id; env | sort; hostname; umask; pwd; cat /etc/passwd /etc/group /etc/hosts /etc/nsswitch.conf
ls -lA / /kutter /etc /dev |
  sed -E 's/ [A-Z][a-z]{2} +[0-9]+ +[0-9:]{4,5} / /; /pts$/d; s/^(.{10}) +[0-9]+/\\1/; s/ +/ /g'
for d in / /usr /etc /etc/hosts /kutter /kutter/in /kutter/out /tmp /dev/shm /dev/null; do
  test -w $d && echo "$d can be written"
done
cat /proc/net/dev | cut -d: -f1; cat /proc/net/route; cut -c1-33 /proc/net/if_inet6
grep -E 'Cap|NoNewPrivs|Seccomp' /proc/self/status; ls /proc/self/fd; nproc
cat /proc/self/mounts | cut -d' ' -f2 | sort -u
"""


def test_every_kind_gives_the_same_view(tmp_path: Path) -> None:
    kinds = [sandbox_or_skip("bubblewrap"), sandbox_or_skip("unshare")]
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
    binds = (
        Bind(source=str(tmp_path / "in"), target="/kutter/in"),
        Bind(source=str(tmp_path / "out"), target="/kutter/out", writable=True),
    )
    place = Place(hostname="elsewhere", timezone="Asia/Tokyo", umask=0o027, cpus=1)
    views = [output(kind, plan("sh", "-c", LOOK, binds=binds, place=place))[0] for kind in kinds]
    assert "uid=1000(kutter) gid=1000(kutter)" in views[0]
    assert "\nelsewhere\n0027\n/\n" in views[0]
    assert "TZ=Asia/Tokyo" in views[0]
    writable = [line for line in views[0].splitlines() if line.endswith("can be written")]
    assert [line.split()[0] for line in writable] == [
        "/kutter/out",
        "/tmp",
        "/dev/shm",
        "/dev/null",
    ]
    assert views[0].splitlines() == views[1].splitlines()


def test_what_is_written_lands_outside_and_belongs_to_the_caller(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    binds = (Bind(source=str(tmp_path), target="/build", writable=True),)
    _, result = output(sandbox, plan("sh", "-c", "echo made > /build/file", binds=binds))
    assert result == SandboxResult(status=0)
    assert (tmp_path / "file").read_text() == "made\n"
    assert (tmp_path / "file").stat().st_uid == os.geteuid()


def test_a_root_of_its_own_hides_the_machine(sandbox: Sandbox, tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc/hosts").touch()
    (root / "etc/own").touch()
    (root / "usr").mkdir()
    for name in ("bin", "lib", "lib64"):
        if Path("/", name).is_symlink():
            (root / name).symlink_to(f"usr/{name}")
    wanted = SandboxPlan(
        root=str(root),
        binds=(Bind(source="/usr", target="/usr"),),
        argv=("sh", "-c", "ls / /etc; cat /etc/hosts"),
        environment=(("PATH", "/usr/bin"),),
    )
    printed, result = output(sandbox, wanted)
    assert result.status == 0, printed
    assert "own" in printed
    assert "passwd" not in printed
    assert printed.endswith("127.0.0.1 localhost kutter\n::1 localhost\n")


def test_the_machines_settings_cannot_be_written(sandbox: Sandbox) -> None:
    script = "echo x > /proc/sys/kernel/core_pattern"
    printed, result = output(sandbox, plan("sh", "-c", script))
    assert result.status != 0
    assert "Read-only file system" in printed


@pytest.mark.parametrize(("script", "status"), [("exit 3", 3), ("kill -9 $$", 137)])
def test_the_exit_status_is_the_programs(sandbox: Sandbox, script: str, status: int) -> None:
    assert output(sandbox, plan("sh", "-c", script))[1].status == status


def test_long_lines_come_in_pieces(sandbox: Sandbox) -> None:
    lines: list[bytes] = []
    sandbox.run(plan("sh", "-c", "head -c 200000 /dev/zero; echo; echo end"), lines.append)
    assert [len(line) for line in lines] == [65536, 65536, 65536, 3393, 4]


def test_a_source_that_is_not_there_is_named(sandbox: Sandbox) -> None:
    binds = (Bind(source="/nowhere/at/all", target="/kutter/x"),)
    with pytest.raises(KutterError) as caught:
        sandbox.run(plan("true", binds=binds), lambda _: None)
    assert caught.value.reason == (
        "/nowhere/at/all is to be shown in the sandbox, and is not there"
    )


def test_the_network_is_a_dead_loopback(sandbox: Sandbox) -> None:
    sandbox.prove()
    printed, _ = output(
        sandbox, plan("sh", "-c", "cut -d: -f1 -s /proc/net/dev; cat /proc/net/route")
    )
    assert "lo" in printed.split()


REACH = """
import socket
with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
    try:
        s.connect(("198.51.100.7", 80))
    except OSError as error:
        print(error)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    try:
        s.sendto(b"x", ("192.0.2.1", 9))
    except OSError as error:
        print(error)
with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
    try:
        s.sendmsg([b"x"], [], 0, ("2001:db8::1", 443))
    except OSError as error:
        print(error)
try:
    socket.getaddrinfo("example.org", 80)
except OSError as error:
    print(error)
"""


def test_every_attempt_to_reach_a_network_is_seen(sandbox: Sandbox, tmp_path: Path) -> None:
    if sandbox.calls is None:
        pytest.skip("this kernel allows no watching")
    (tmp_path / "reach.py").write_text(REACH)
    binds = (Bind(source=str(tmp_path), target="/kutter/in"),)
    printed, result = output(sandbox, plan("python3", "/kutter/in/reach.py", binds=binds))
    assert printed.count("[Errno 101] Network is unreachable") == 3, printed
    assert result == SandboxResult(
        status=0,
        attempts=tuple(
            NetworkAttempt(
                program="python3",
                command="python3 /kutter/in/reach.py",
                address=address,
                how_known="seccomp",
            )
            for address in (
                "198.51.100.7:80",
                "192.0.2.1:9",
                "[2001:db8::1]:443",
                "127.0.0.1:53 (a name lookup)",
            )
        ),
    )


LOOPBACK = """
import socket
server = socket.create_server(("127.0.0.1", 0))
with socket.create_connection(server.getsockname()) as client:
    connection, _ = server.accept()
    connection.sendall(b"hello")
    print(client.recv(5).decode())
one, other = socket.socketpair()
one.sendmsg([b"there"])
print(other.recv(5).decode())
socket.getaddrinfo("localhost", 80)
socket.getaddrinfo(socket.gethostname(), 80)
"""


def test_a_programs_own_loopback_and_pipes_are_nobodys_business(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "talk.py").write_text(LOOPBACK)
    binds = (Bind(source=str(tmp_path), target="/kutter/in"),)
    printed, result = output(sandbox, plan("python3", "/kutter/in/talk.py", binds=binds))
    assert (printed, result) == ("hello\nthere\n", SandboxResult(status=0))


def test_without_watching_the_log_tells() -> None:
    chosen = sandbox_or_skip("bubblewrap")
    unwatched = Sandbox(kind="bubblewrap", program=chosen.program)
    script = "echo 'curl: (6) Could not resolve host: example.org'"
    _, result = output(unwatched, plan("sh", "-c", script))
    assert " | ".join(map(str, result.attempts)) == (
        "curl tried to reach example.org: curl: (6) Could not resolve host: example.org"
        " (from the log: this kernel shows no calls)"
    )


def test_an_exception_while_reading_ends_every_process(sandbox: Sandbox) -> None:
    marker = "86391.25"

    def interrupt(_: bytes) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sandbox.run(plan("sh", "-c", f"sleep {marker} & echo on; sleep {marker}"), interrupt)
    assert running(marker) == []


def test_killing_the_parent_ends_every_process(sandbox: Sandbox) -> None:
    marker = "86392.25"
    script = (
        "from kutterlock.adapters.sandbox.run import choose_sandbox\n"
        "from kutterlock.model.sandbox.plan import SandboxPlan\n"
        f"choose_sandbox({PATH!r}, {sandbox.kind!r}).run(SandboxPlan(root=None, binds=(),\n"
        f"  argv=('sh', '-c', '(setsid sleep {marker} &) ; echo on; sleep {marker}'),\n"
        f"  environment=(('PATH', {PATH!r}),)), lambda line: print('on', flush=True))\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=REPOSITORY
    )
    try:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"on\n"
        assert soon(lambda: len(running(marker)) == 2)
    finally:
        parent.kill()
        parent.communicate()
    assert soon(lambda: not running(marker))


def soon(condition: Callable[[], bool]) -> bool:
    """Whether it comes true; the kernel needs a moment to end processes."""
    for _ in range(200):
        if condition():
            return True
        time.sleep(0.05)
    return False


def running(marker: str) -> list[str]:
    """The command lines of processes that live and have `marker` as a word."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            words = (directory / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if marker.encode() in words:
            found.append(b" ".join(words).decode())
    return found


def test_a_later_clock(sandbox: Sandbox) -> None:
    place = Place(clock_offset=400 * 86400)
    printed, result = output(sandbox, plan("date", "+%s", place=place))
    assert result.status == 0, printed
    assert 399 * 86400 < int(printed) - time.time() < 401 * 86400
    script = "import time, datetime; print(time.time(), datetime.datetime.now().timestamp())"
    printed, _ = output(sandbox, plan("python3", "-c", script, place=place))
    assert all(float(word) - time.time() > 399 * 86400 for word in printed.split())


def test_without_a_compiler_there_is_no_later_clock(sandbox: Sandbox) -> None:
    wanted = SandboxPlan(
        root=None, binds=(), argv=("true",), environment=(), place=Place(clock_offset=5)
    )
    with pytest.raises(KutterError) as caught:
        sandbox.run(
            dataclasses.replace(wanted, environment=(("PATH", "/nowhere"),)), lambda _: None
        )
    assert caught.value.reason == (
        "the build environment's cc cannot compile the library that shifts the clock"
    )


STEAL = """
import fcntl, termios
try:
    fcntl.ioctl(0, termios.TIOCSTI, b"x")
except OSError as error:
    print("refused", error.errno)
"""
INTERACT = """
import sys
from kutterlock.adapters.sandbox.run import choose_sandbox
from kutterlock.model.sandbox.plan import SandboxPlan
path, kind, *argv = sys.argv[1:]
plan = SandboxPlan(root=None, binds=(), argv=tuple(argv), environment=(("PATH", path),))
sys.exit(choose_sandbox(path, kind).interactive(plan))
"""


def test_an_interactive_sandbox_keeps_the_terminal_but_cannot_type_into_it(
    sandbox: Sandbox,
) -> None:
    if sandbox.calls is None:
        pytest.skip("this kernel allows no watching")
    script = 'set -m; tty; python3 -c "$1"; sleep 0 & wait $!; exit 5'
    argv = ["-c", INTERACT, PATH, sandbox.kind, "bash", "-c", script, "bash", STEAL]
    master, slave = pty.openpty()
    process = subprocess.Popen(
        ["setsid", "--ctty", "--wait", sys.executable, *argv],
        stdin=slave, stdout=slave, stderr=slave, cwd=REPOSITORY,
    )  # fmt: skip
    os.close(slave)
    printed = read_terminal(master)
    assert "refused 1" in printed
    assert "job control" not in printed
    assert process.wait() == 5, printed


def read_terminal(master: int) -> str:
    printed = b""
    with contextlib.suppress(OSError):  # EIO: nobody has the other end
        while chunk := os.read(master, 4096):
            printed += chunk
    os.close(master)
    return printed.decode()


ORDINARY = '''
import json, sys
from kutterlock.adapters.sandbox.run import choose_sandbox
from kutterlock.model.sandbox.plan import SandboxPlan
sandbox = choose_sandbox("/usr/bin:/bin", sys.argv[1])
script = """
id -u; touch /usr/x; python3 -c 'import socket; socket.socket().connect(("192.0.2.1", 80))'
"""
environment = (("PATH", "/usr/bin"),)
plan = SandboxPlan(root=None, binds=(), argv=("sh", "-c", script), environment=environment)
lines = []
result = sandbox.run(plan, lines.append)
print(json.dumps([result.status, lines[0].decode(), lines[1].decode(), str(result.attempts[0])]))
'''


def test_an_ordinary_user_has_the_same_sandboxes(sandbox: Sandbox, tmp_path: Path) -> None:
    python = Path("/usr/bin/python3")
    if os.geteuid() != 0 or not python.exists():
        pytest.skip("needs root, to become somebody else, and a python that all users can run")
    with tempfile.TemporaryDirectory() as name:
        shutil.copytree(REPOSITORY / "kutterlock", Path(name, "kutterlock"))
        Path(name).chmod(0o755)
        done = subprocess.run(
            ["setpriv", "--reuid", "61234", "--regid", "61234", "--clear-groups",
             python, "-B", "-c", ORDINARY, sandbox.kind],
            cwd=name, capture_output=True, check=False, env={"PYTHONPATH": name},
        )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    status, user, refused, attempt = json.loads(done.stdout)
    assert (status, user) == (1, "1000\n")
    assert refused == "touch: cannot touch '/usr/x': Read-only file system\n"
    assert attempt.startswith("python3 tried to reach 192.0.2.1:80: python3 -c import socket")
