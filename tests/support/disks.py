"""Commands on disks of their own: mounts that only they see."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.support.line import REPOSITORY, Line

FULL = "hint: free some space, or name another disk: --store, --output, KUTTER_CACHE\n"
READ_ONLY = "hint: name a writable place: --store, --output, KUTTER_CACHE\n"
ENTER = ["unshare", "-m" if os.geteuid() == 0 else "-rm"]
WAIT = 300


def mounted(line: Line, script: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    """Run a script with mounts of its own; $K is kutterlock, $D the demonstration's directory.

    A remount in it names device and place: with the place alone, mount(8) would add the options of
    /proc, and their `uid=` is a user that the namespace of an ordinary user does not have.
    """
    can = shutil.which("unshare") and subprocess.run([*ENTER, "true"], check=False).returncode == 0
    if not can:
        pytest.skip("this machine lets this user make no namespaces")
    environment = {
        **line.environ(), "PYTHONPATH": str(REPOSITORY), "K": f"{sys.executable} -B -m kutterlock",
        "D": str(line.demonstration.directory), **environ,
    }  # fmt: skip
    return subprocess.run(
        [*ENTER, "sh", "-c", script], cwd=line.project, env=environment, capture_output=True,
        text=True, timeout=WAIT, check=False,
    )  # fmt: skip


def last_words(line: Line, text: str) -> str:
    """Return the error alone, the demonstration's directory as D."""
    found = text[text.index("error: ") :]
    return found.replace(str(line.demonstration.directory), "D")
