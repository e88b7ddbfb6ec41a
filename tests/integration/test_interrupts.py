"""Ctrl-C in the middle of every long verb: one sentence, no process left, the next run finishes.

The moment is an event, not a time: the upstream is asked for a file, or the log has a line.
"""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.interrupting import (
    SAID,
    SIGNALS,
    WAIT,
    hesitant,
    interrupt,
    processes_of,
    wait_for,
)
from tests.support.line import REPOSITORY, Line, make_line

pytestmark = pytest.mark.integration

BUILD = ("build", "--offline", "--board", "demo-x86_64")
TREE = "buildroot.example/downloads/buildroot-2026.08.1.tar.gz"
KERNEL = "kernel.example/pub/linux/kernel/v6.x/linux-6.12.901.tar.gz"


def work(line: Line) -> Path:
    return line.demonstration.directory / "cache/work"


@pytest.mark.parametrize("number", SIGNALS)
def test_vendor(number: int, line: Line) -> None:
    for blob in line.demonstration.directory.glob("store/sha256/*/*"):
        blob.unlink()
    asked: list[str] = []
    with line.misconnected({KERNEL: [hesitant(asked)]}):
        interrupt(line, lambda: asked, "vendor", number=number)
    with line.connected():
        line.must("vendor")
    line.must("verify")


def test_resolve_while_it_fetches(tmp_path: Path) -> None:
    line = make_line(tmp_path / "demo")
    asked: list[str] = []
    with line.misconnected({TREE: [hesitant(asked)]}):
        interrupt(line, lambda: asked, "resolve")
    assert not line.lock.exists()
    with line.connected():
        line.must("resolve")


@pytest.mark.parametrize("number", SIGNALS)
def test_resolve_while_buildroot_is_asked(number: int, line: Line, vendored: Line) -> None:
    cache = line.demonstration.directory / "cache"
    for path in (cache / "evaluations").iterdir():
        path.rename(cache / f"old-{path.name}")
    line.lock.unlink()

    def asking() -> object:
        return list(cache.glob("evaluations/.unverified-*/build/out"))

    interrupt(line, asking, "resolve", "--offline", number=number)
    assert not line.lock.exists()
    assert list(cache.rglob(".unverified-*")) == []
    line.must("resolve", "--offline")
    assert line.lock.read_bytes() == vendored.lock.read_bytes()


def test_what_a_killed_resolve_left_is_gone_after_the_next(line: Line, vendored: Line) -> None:
    cache = line.demonstration.directory / "cache"
    shutil.rmtree(cache / "evaluations")
    line.lock.unlink()
    process = line.start("resolve", "--offline")
    wait_for(lambda: list(cache.glob("evaluations/.unverified-*/build/out")), process)
    process.kill()
    process.communicate(timeout=WAIT)
    assert process.returncode == -signal.SIGKILL
    assert list(cache.rglob(".unverified-*"))
    line.must("resolve", "--offline")
    assert list(cache.rglob(".unverified-*")) == []
    assert line.lock.read_bytes() == vendored.lock.read_bytes()


@pytest.mark.parametrize("number", SIGNALS)
def test_build(number: int, line: Line) -> None:
    def building() -> object:
        return list(work(line).glob("*/build/out/build/*/Makefile"))

    interrupt(line, building, *BUILD, number=number)
    outputs = line.project / "output"
    assert [path.name for path in outputs.iterdir() if not path.name.endswith(".lock")] == []
    line.must(*BUILD)


def test_a_build_killed_after_make_is_kept_by_the_next_run(line: Line) -> None:
    with (line.project / "overlays/demo/board/common/post-image.sh").open("a") as script:
        script.write("head -c 300000000 /dev/zero >disk.img\n")  # copying it takes a moment
    line.must("resolve", "--offline")
    process = line.start(*BUILD)
    wait_for(lambda: list(work(line).glob("*-1/build.json")), process)
    process.kill()
    process.communicate(timeout=WAIT)
    assert process.returncode == -signal.SIGKILL
    assert not (line.project / "output/demo-x86_64").exists()
    ran = line.must(*BUILD)
    assert (
        " the last build of demo-x86_64 ended well and was not kept: keeping it now\n"
    ) in ran.errors
    assert "building" not in ran.errors
    assert (line.project / "output/demo-x86_64/files/disk.img").stat().st_size == 300_000_000
    assert list(line.project.rglob(".unverified-*")) == []


def test_rebuild_keeps_the_first_output(line: Line) -> None:
    def rebuilding() -> object:
        return list(work(line).glob("again/*/build/out/build/*/Makefile"))

    interrupt(line, rebuilding, *BUILD, "--rebuild")
    assert (line.project / "output/demo-x86_64/manifest.json").is_file()
    assert "was built before" in line.must(*BUILD).output


def test_verify(line: Line) -> None:
    store = line.demonstration.directory / "store"
    blob = next(store.glob("sha256/*/*"))
    blob.chmod(0o644)
    with blob.open("r+b") as file:
        file.truncate(8 << 30)  # sparse: takes seconds to hash, and no room
    process = line.start("verify")

    def reading() -> object:
        return str(blob) in "".join(open_files(process.pid))

    wait_for(reading, process)
    process.send_signal(signal.SIGINT)
    errors = process.communicate(timeout=WAIT)[1].decode()
    assert (process.returncode, errors) == (130, SAID)


def open_files(process: int) -> list[str]:
    found = []
    for path in Path(f"/proc/{process}/fd").glob("*"):
        try:
            found.append(str(path.readlink()))
        except OSError:
            continue
    return found


def test_boot(line: Line, tmp_path: Path) -> None:
    """A QEMU that says nothing: Ctrl-C ends it, too."""
    programs = tmp_path / "bin"
    programs.mkdir()
    started = tmp_path / "started"
    fake = programs / "qemu-system-x86_64"
    fake.write_text(f'#!/bin/sh\n: {line.demonstration.directory}\ntouch "{started}"\nsleep 1000\n')
    fake.chmod(0o755)
    with line.manifest.open("a") as manifest:
        manifest.write('\n[boards.demo-x86_64.boot]\nkernel = "kernel.bin"\n')
    files = line.project / "output/demo-x86_64/files"
    files.mkdir(parents=True)
    (files / "kernel.bin").touch()
    process = subprocess.Popen(
        ["env", f"PATH={programs}:{os.environ['PATH']}", *line_argv(line, "boot")],
        env=line_environ(line), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    wait_for(started.exists, process)
    process.send_signal(signal.SIGINT)
    errors = process.communicate(timeout=WAIT)[1].decode()
    assert (process.returncode, errors) == (130, SAID)
    assert processes_of(line) == []


def line_argv(line: Line, verb: str) -> list[str]:
    return [sys.executable, "-B", "-m", "kutterlock", verb, "--project", str(line.project),
            "--board", "demo-x86_64"]  # fmt: skip


def line_environ(line: Line) -> dict[str, str]:
    return {**line.environ(), "PYTHONPATH": str(REPOSITORY)}


def test_demo_leaves_nothing(tmp_path: Path) -> None:
    line = make_line(tmp_path / "demo")
    process = subprocess.Popen(
        [sys.executable, "-B", "-m", "kutterlock", "demo"],
        env={**line_environ(line), "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    for text in process.stdout:
        if b"$ kutterlock build" in text:
            break
    process.send_signal(signal.SIGINT)
    errors = process.communicate(timeout=WAIT)[1].decode()
    assert process.returncode == 130, errors
    assert errors.endswith(SAID)
    assert list(tmp_path.glob("kutter-demo-*")) == []
