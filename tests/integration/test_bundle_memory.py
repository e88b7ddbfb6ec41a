"""Streaming: the memory that a crossing takes does not grow with what crosses."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kutterlock.adapters.disk.files import hash_file
from kutterlock.adapters.disk.store import Store
from kutterlock.adapters.tomlfile import read_manifest, write_lock
from tests.support.line import REPOSITORY
from tests.support.projects import lock_of

pytestmark = pytest.mark.integration

LARGE = int(os.environ.get("KUTTER_TEST_LARGE", str(200 * 10**6)))
"""Bytes of the large bundle; CI asks for two gigabytes."""

ALLOWED = 16 << 20

PROGRAM = """
import sys
from kutterlock.cli.main import main
status = main()
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(peak.split()[1], file=sys.stderr)
sys.exit(status)
"""

MANIFEST = """\
[project]
name = "demo"
version = "1"
[inputs]
buildroot = "*"
[build-environment]
kind = "host"
[boards.pc]
arch = "x86_64"
defconfig = "pc_defconfig"
outputs = ["disk.img"]
"""


def make_project(place: Path, size: int) -> None:
    """Make a project whose one source has `size` bytes, and its store."""
    place.mkdir()
    source = place / "source"
    with source.open("wb") as file:
        for number in range(size // 10**6):
            file.write(number.to_bytes(8, "big") * 125_000)
    digest = hash_file(source)
    Store(place / "store").add_file(source, digest)
    source.unlink()
    project = place / "project"
    project.mkdir()
    (project / "kutter.toml").write_text(MANIFEST)
    lock = lock_of({"a/a.tar": b""}, "https://upstream.example")
    pins = {key: pin._replace(digest=digest) for key, pin in lock.sources.items()}
    meaning = read_manifest(project / "kutter.toml").meaning()
    board = lock.boards["pc"]._replace(overlays=())
    plain = lock._replace(sources=pins, overlays={}, overrides={}, boards={"pc": board})
    write_lock(project / "kutter.lock", plain._replace(meaning=meaning))


def peak(place: Path, store: str, *words: str) -> int:
    """Run a command and return the most memory that it had, in bytes."""
    environ = {
        "PATH": os.environ["PATH"], "HOME": str(place), "PYTHONPATH": str(REPOSITORY),
        "KUTTER_STORE": str(place / store),
    }  # fmt: skip
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, "bundle", *words],
        env=environ, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return int(ran.stderr.splitlines()[-1]) << 10


def cross(place: Path, size: int) -> tuple[int, int]:
    """Return the peaks of create and import."""
    make_project(place, size)
    target, cut = str(place / "b.tar"), str(max(size // 3, 10**6))
    made = peak(place, "store", "create", "--project", str(place / "project"), "-o", target,
                "--volume-size", cut)  # fmt: skip
    volumes = sorted(map(str, place.glob("b*.tar")))
    assert len(volumes) >= 3
    shutil.rmtree(place / "store")  # at most two copies of the large bundle are on the disk at once
    taken = peak(place, "far", "import", "--unsigned", "--project", str(place / "os"), *volumes)
    return made, taken


def test_memory_stays_flat(tmp_path: Path) -> None:
    small, large = cross(tmp_path / "small", 4 * 10**6), cross(tmp_path / "large", LARGE)
    assert large[0] - small[0] < ALLOWED
    assert large[1] - small[1] < ALLOWED
