"""The crossing on the command line: kills, races, full disks, and a far side with bare Python."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kutterlock.adapters.tomlfile import read_lock
from kutterlock.bundle.contents import project_files
from kutterlock.demo.project import Demonstration
from tests.support.line import REPOSITORY, Line, make_line

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not shutil.which("make"), reason="make is not on this machine"),
    pytest.mark.skipif(not shutil.which("cc"), reason="a C compiler is not on this machine"),
]

KILLS = int(os.environ.get("KUTTER_TEST_KILLS", "8"))
"""How many points `create` and `import` are killed at, each; CI asks for a hundred."""


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Line:
    """A project that was resolved, vendored and signed."""
    made = make_line(tmp_path_factory.mktemp("bundle") / "demo")
    with made.connected():
        made.must("resolve")
        made.must("vendor")
    made.must("key", "generate", "release", "--no-passphrase")
    made.must("trust", "init", "--key", "release", "--add", "release=release")
    made.must("sign", "--key", "release")
    made.must("trust", "pin", "--digest", root_digest(made))
    return made


@pytest.fixture(scope="module")
def bundle(line: Line) -> Path:
    path = line.demonstration.directory / "out/demo.tar"
    line.must("bundle", "create", "--key", "release", "-o", str(path))
    return path


@pytest.fixture
def far(tmp_path: Path) -> Line:
    """The other side: nothing there yet, nothing pinned."""
    return far_side(tmp_path / "far")


def far_side(directory: Path) -> Line:
    directory.mkdir()
    (directory / "config.toml").write_text("")
    return Line(Demonstration(directory=directory))


def root_digest(line: Line) -> str:
    facts = json.loads(line.must("trust", "show", "--json").output)
    digest: str = facts["offered"]["digest"]
    return digest


def blobs(line: Line) -> dict[str, bytes]:
    store = line.demonstration.directory / "store"
    return {str(p.relative_to(store)): p.read_bytes() for p in store.glob("sha*/*/*")}


def sent(line: Line) -> dict[str, bytes]:
    """Return what a store has after an import: the closure, and the project's files."""
    project, lock = line.project, read_lock(line.lock)
    found = blobs(line)
    for file in project_files(project, lock):
        path = project / file.path
        data = os.fsencode(path.readlink()) if file.kind == "link" else path.read_bytes()
        found[f"sha256/{file.sha256[:2]}/{file.sha256}"] = data
    return found


def test_a_first_crossing_and_what_works_after_it(line: Line, bundle: Path, far: Line) -> None:
    refused = far.run("bundle", "import", str(bundle))
    assert refused.status == 6
    assert f"it carries root 1: {root_digest(line)}" in refused.errors
    wrong = far.run("bundle", "import", str(bundle), "--root-digest", "sha256:" + "0" * 64)
    assert wrong.status == 6
    assert blobs(far) == {}
    far.must("bundle", "import", str(bundle), "--root-digest", root_digest(line))
    assert blobs(far) == sent(line)
    far.must("verify")
    far.must("resolve", "--check")
    far.must("build", "--offline", "--board", "demo-x86_64")
    far.must("bundle", "import", str(bundle))


def test_the_inventory_of_the_far_side_makes_the_smallest_delta(
    line: Line, bundle: Path, far: Line, tmp_path: Path
) -> None:
    far.must("bundle", "import", str(bundle), "--root-digest", root_digest(line))
    inventory, delta = tmp_path / "inventory.json", tmp_path / "delta.tar"
    (lost,) = (far.demonstration.directory / "store").glob("sha512/*/*")
    lost.unlink()
    far.must("bundle", "inventory", "-o", str(inventory))
    words = ("bundle", "create", "--key", "release", "-o", str(delta))
    facts = json.loads(line.must(*words, "--since", str(inventory), "--json").output)
    assert (facts["blobs"], facts["left-out"]) == (1, 22)
    assert line.run("bundle", "rehearse", str(delta)).status == 15
    line.must("bundle", "rehearse", str(delta), "--after", str(bundle))
    far.must("bundle", "import", str(delta))
    assert blobs(far) == sent(line)


def test_a_rehearsal_builds_from_the_bundle_alone(line: Line, bundle: Path) -> None:
    ran = line.must("bundle", "rehearse", "--build", "--board", "demo-x86_64", str(bundle))
    assert ran.output.splitlines()[-1] == (
        " rehearsed   the bundle is enough: imported into an empty store, verified, its lock "
        "current, built; no network"
    )
    assert not list(line.demonstration.directory.glob("cache/rehearsal-*"))


def test_a_release_never_goes_back(line: Line, bundle: Path, far: Line, tmp_path: Path) -> None:
    old = tmp_path / "old.tar"
    shutil.copy(bundle, old)
    newer = Line(Demonstration(directory=tmp_path / "copy"))
    shutil.copytree(line.demonstration.directory, tmp_path / "copy", symlinks=True)
    newer.must("sign", "--key", "release", "--release", "7")
    new = tmp_path / "new.tar"
    newer.must("bundle", "create", "--key", "release", "-o", str(new))
    far.must("bundle", "import", str(new), "--root-digest", root_digest(line))
    refused = far.run("bundle", "import", str(old), "--into", str(tmp_path / "elsewhere"))
    assert refused.status == 6
    assert "release 1 of kutter-demo is older than release 7" in refused.errors
    assert not (tmp_path / "elsewhere").exists()
    far.must("bundle", "import", str(old), "--allow-rollback")


def test_inspect_needs_the_first_volume_only(line: Line, far: Line, tmp_path: Path) -> None:
    words = ("bundle", "create", "--key", "release", "-o", str(tmp_path / "v.tar"))
    line.must(*words, "--volume-size", "200K", "--sbom")
    first = tmp_path / "v.001.tar"
    ran = line.must("bundle", "inspect", str(tmp_path / "v.002.tar"))
    assert " licences    in volume 1: `bundle inspect` shows them there\n" in ran.output
    for other in tmp_path.glob("v.00[2-9].tar"):
        other.unlink()
    ran = line.must("bundle", "inspect", str(first), "--files")
    assert "kutter-demo 1, boards demo-arm64, demo-x86_64" in ran.output
    assert "linux/linux-6.12.901.tar.gz" in ran.output
    facts = json.loads(line.must("bundle", "inspect", str(first), "--json").output)
    assert facts["versions"]["linux"] == "6.12.901"
    assert facts["release"] == 1
    assert f"\n release  1\n expires  {facts['expires']}\n" in ran.output
    assert "Apache-2.0" in facts["licences"].values()
    again = ("bundle", "import", str(first), "--root-digest", root_digest(line))
    assert far.run(*again).status == 9
    assert far.must("bundle", "import", "--abort").output == " dropped     1 unfinished import\n"
    assert not list(far.demonstration.directory.glob("store/incoming/*"))


def moments(seconds: float) -> Iterator[float]:
    """Yield points in the life of a command that takes so long."""
    for number in range(KILLS):
        yield seconds * (number + 0.5) / KILLS


def kill_after(process: "subprocess.Popen[bytes]", seconds: float) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_a_killed_create_leaves_the_old_bundle_or_the_new(line: Line, tmp_path: Path) -> None:
    target = tmp_path / "b.tar"
    words = ("bundle", "create", "--key", "release", "-o", str(target))
    started = time.monotonic()
    line.must(*words)
    seconds = (time.monotonic() - started) * 3 + 0.5
    whole = target.read_bytes()
    for moment in moments(seconds):
        kill_after(line.start(*words), moment)
        assert target.read_bytes() == whole
    line.must(*words)
    assert sorted(tmp_path.iterdir()) == [target]


def test_a_killed_import_shows_nothing_and_goes_on(
    line: Line, bundle: Path, tmp_path: Path
) -> None:
    seconds = 0.0
    for number, moment in enumerate([60.0, *moments(1)]):
        far = far_side(tmp_path / f"far{number}")
        words = ("bundle", "import", str(bundle), "--root-digest", root_digest(line))
        started = time.monotonic()
        kill_after(far.start(*words), moment * (seconds or 1))
        seconds = seconds or time.monotonic() - started
        there, lock = blobs(far), far.lock.exists()
        assert there.items() <= sent(line).items()
        assert not lock or there == sent(line)
        far.must(*words)
        assert blobs(far) == sent(line)
        assert not list(far.demonstration.directory.glob("store/incoming/*"))


@pytest.mark.parametrize("count", [2, 5])
def test_imports_at_once_make_one(line: Line, bundle: Path, far: Line, count: int) -> None:
    words = ("bundle", "import", str(bundle), "--root-digest", root_digest(line))
    running = [far.start(*words) for _ in range(count)]
    errors = [process.communicate(timeout=300)[1].decode() for process in running]
    assert [process.returncode for process in running] == [0] * count, errors
    assert blobs(far) == sent(line)
    assert not list(far.demonstration.directory.glob("store/incoming/*"))


BLIND = """
import sys
import kutterlock.bundle.staging
kutterlock.bundle.staging.free_bytes = lambda _: 1 << 40
from kutterlock.cli.main import main
sys.exit(main())
"""
SEEING = "import sys; from kutterlock.cli.main import main; sys.exit(main())"


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
@pytest.mark.parametrize(
    ("program", "text"),
    [
        (SEEING, "bytes are to come, 1048576 more have to stay free, and"),
        (BLIND, "no space left while writing"),
    ],
    ids=["before", "while writing"],
)
def test_a_disk_that_fills_ends_with_14_and_nothing_is_seen(
    line: Line, bundle: Path, far: Line, tmp_path: Path, program: str, text: str
) -> None:
    script = 'mount -t tmpfs -o size=200k none $1 && shift && "$@"; code=$?; find "$STORE" -type f'
    store = tmp_path / "store"
    store.mkdir()
    place = ["--project", str(far.project), "--store", str(store)]
    words = ["bundle", "import", *place, str(bundle), "--root-digest", root_digest(line)]
    ran = subprocess.run(
        ["unshare", "-m", "sh", "-c", f"{script}; exit $code", "sh", str(store),
         sys.executable, "-c", program, *words],
        env={**far.environ(), "PYTHONPATH": str(REPOSITORY), "STORE": str(store)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "mount" in ran.stderr:
        pytest.skip(f"this machine mounts nothing: {ran.stderr}")
    assert ran.returncode == 14, ran.stderr
    assert text in ran.stderr
    assert "/sha256/" not in ran.stdout
    assert not far.project.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_disk_that_fills_under_create_ends_with_14_and_leaves_nothing(
    line: Line, tmp_path: Path
) -> None:
    script = 'mount -t tmpfs -o size=200k none $1 && out=$1 && shift && "$@"; code=$?; ls -A $out'
    out = tmp_path / "disk"
    out.mkdir()
    words = ["bundle", "create", "--key", "release", "--project", str(line.project)]
    ran = subprocess.run(
        ["unshare", "-m", "sh", "-c", f"{script}; exit $code", "sh", str(out),
         sys.executable, "-c", SEEING, *words, "-o", str(out / "b.tar")],
        env={**line.environ(), "PYTHONPATH": str(REPOSITORY)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "mount" in ran.stderr:
        pytest.skip(f"this machine mounts nothing: {ran.stderr}")
    assert ran.returncode == 14, ran.stderr
    assert "no space left while writing" in ran.stderr
    assert ".tar" not in ran.stdout


def test_a_killed_co_signature_leaves_every_volume_good(line: Line, tmp_path: Path) -> None:
    line.must("bundle", "create", "--key", "release", "--volume-size", "300K",
              "-o", str(tmp_path / "v.tar"))  # fmt: skip
    paths = sorted(map(str, tmp_path.glob("v.*.tar")))
    if not Path(line.demonstration.directory / "keys/second.pem").exists():
        line.must("key", "generate", "second", "--no-passphrase")
    words = ("sign", "bundle", *paths, "--key", "second")
    started = time.monotonic()
    line.must(*words)
    for moment in moments((time.monotonic() - started) * 3 + 0.5):
        kill_after(line.start(*words), moment)
        line.must("verify", "bundle", *paths)
    line.must(*words)
    assert sorted(map(str, tmp_path.iterdir())) == paths


FAR_SIDE = """
set -e
tar xf "$1" SHA256SUMS roots signatures
tar xf "$1" --one-top-level=all
(cd all && sha256sum --quiet -c ../SHA256SUMS)
"$3" -I -S all/tools/bootstrap.py kl all
./kl/kutterlock bundle import "$1" --into os --root-digest "$2"
./kl/kutterlock verify --project os
./kl/kutterlock build --offline --project os --board demo-x86_64
"""


def test_bare_python_without_a_network_builds_from_the_bundle_alone(
    line: Line, tmp_path: Path
) -> None:
    bare = getattr(sys, "_base_executable", sys.executable)
    if subprocess.run(["unshare", "-rn", "true"], check=False).returncode:
        pytest.skip("this machine makes no network namespaces")
    path = tmp_path / "b.tar"
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    made = line.run("bundle", "create", "--key", "release", "-o", str(path), "--python", python)
    if made.status == 8:
        pytest.skip(f"pip cannot fetch wheels here: {made.errors}")
    assert made.status == 0, made.errors
    environ = {"PATH": "/usr/bin:/bin:/usr/sbin", "HOME": str(tmp_path / "home")}
    ran = subprocess.run(
        ["unshare", "-rn", "sh", "-c", FAR_SIDE, "sh", str(path), root_digest(line), bare],
        env=environ, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "demo-x86_64: built" in ran.stdout
