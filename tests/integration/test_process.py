"""The process around a command: broken streams, signals, surroundings that are gone."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.line import REPOSITORY
from tests.support.projects import write_project

pytestmark = pytest.mark.integration

PYTHON = f"{sys.executable} -B"
WAIT = 60


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "project", {"a/a.tar": b"a"}, "https://upstream.example")


def shell(
    script: str, project: Path, variables: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run a shell script in which $K is kutterlock."""
    return subprocess.run(
        ["bash", "-c", script], cwd=project, check=False, capture_output=True, text=True,
        timeout=WAIT, env={
            "PATH": os.environ["PATH"], "HOME": str(project), "PYTHONPATH": str(REPOSITORY),
            "K": f"{PYTHON} -m kutterlock", **(variables or {}),
        },
    )  # fmt: skip


def test_a_full_disk_under_the_output_is_exit_14(project: Path) -> None:
    done = shell("$K tree > /dev/full", project)
    assert (done.returncode, done.stderr) == (14, (
        "error: no space left while writing standard output\n"
        "hint: free some space, or name another disk: --store, --output, KUTTER_CACHE\n"
    ))  # fmt: skip


def test_a_reader_that_has_seen_enough_is_no_error(project: Path) -> None:
    done = shell("set -o pipefail; $K tree --json | head -c1; echo $?", project)
    assert (done.stdout.splitlines()[0], done.stderr) == ("{0", "")


@pytest.mark.parametrize("words", ["tree", "tree --json", "vendor --offline"])
def test_closed_streams_are_no_reason_to_fall_over(project: Path, words: str) -> None:
    expected = shell(f"$K {words}", project).returncode
    assert shell(f"$K {words} >&-", project).returncode == expected
    done = shell(f"$K {words} 2>&-", project)
    assert (done.returncode, done.stderr) == (expected, "")


def test_a_terminal_without_the_letters_gets_them_escaped(project: Path) -> None:
    done = shell("$K tree --project küche", project, {"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (3, (
        f"error: there is no {project}/k\\xfcche/kutter.lock\n"
        "hint: run `kutterlock resolve` to write it\n"
    ))  # fmt: skip


def test_a_working_directory_that_is_gone(project: Path) -> None:
    done = shell('mkdir x; cd x; rmdir "$PWD"; $K tree', project)
    assert (done.returncode, done.stderr) == (2, (
        "error: the working directory is gone\nhint: cd to one that exists\n"
    ))  # fmt: skip


def test_a_fault_of_our_own_is_a_sentence_and_a_traceback_only_when_asked(project: Path) -> None:
    script = """
import sys, types
command = types.ModuleType("kutterlock.cli.commands.tree")
command.add = lambda commands: commands.add_parser("tree")
def run(*_):
    raise LookupError("surprise")
command.run = run
sys.modules[command.__name__] = command
from kutterlock.__main__ import run
raise SystemExit(run())
"""
    (project / "broken.py").write_text(script)
    done = shell(f"{PYTHON} broken.py tree", project)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", (
        "error: kutterlock met what it did not expect: LookupError: surprise\n"
        "  at broken.py:6\n"
        "hint: this is a fault of kutterlock: report it, with what KUTTER_TRACEBACK=1 shows\n"
    ))  # fmt: skip
    done = shell(f"KUTTER_TRACEBACK=1 {PYTHON} broken.py tree", project)
    assert done.stderr.startswith("Traceback (most recent call last):\n")
    assert "\nLookupError: surprise\nerror: kutterlock met" in done.stderr


SLEEPY = """
import sys, time, types
command = types.ModuleType("kutterlock.cli.commands.tree")
command.add = lambda commands: commands.add_parser("tree")
def run(*_):
    try:
        print("ready", flush=True)
        time.sleep(60)
    finally:
        print("tidying", flush=True)
        time.sleep(0.5)
        print("tidied", flush=True)
command.run = run
sys.modules[command.__name__] = command
from kutterlock.__main__ import run
raise SystemExit(run())
"""

SAID = "\ninterrupted: nothing was lost; run the same command again to go on\n"


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_the_work_in_order_and_a_second_one_does_not_disturb(
    project: Path, number: signal.Signals, status: int
) -> None:
    (project / "sleepy.py").write_text(SLEEPY)
    with subprocess.Popen(
        [sys.executable, "-B", "sleepy.py", "tree"], cwd=project, text=True,
        env={"PYTHONPATH": str(REPOSITORY), "HOME": str(project)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in ("ready\n", "tidying\n"):
            assert process.stdout.readline() == line
            process.send_signal(number)
        output, errors = process.communicate(timeout=WAIT)
    assert (output, errors, process.returncode) == ("tidied\n", SAID, status)


def test_ctrl_c_while_modules_load_is_no_traceback(project: Path) -> None:
    """Interrupt before the command is known: the process simply ends by the signal."""
    script = "import os, signal, sys; import kutterlock.__main__ as m\n"
    script += "sys.modules['kutterlock.cli.main'] = None\n"
    script += "class Finder:\n  def find_spec(self, name, *_):\n"
    script += "    if name == 'kutterlock.cli.main': os.kill(os.getpid(), signal.SIGINT)\n"
    script += "del sys.modules['kutterlock.cli.main']; sys.meta_path.insert(0, Finder())\n"
    script += "m.run()\n"
    done = subprocess.run(
        [sys.executable, "-B", "-c", script], cwd=project, check=False, capture_output=True,
        env={"PYTHONPATH": str(REPOSITORY)}, timeout=WAIT,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, b"", b"")
