"""docs/air-gap.md: its commands, run as they stand, on the embedded upstream."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.line import REPOSITORY, Line, make_line

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not shutil.which("make"), reason="make is not on this machine"),
    pytest.mark.skipif(not shutil.which("cc"), reason="a C compiler is not on this machine"),
    pytest.mark.skipif(not shutil.which("minisign"), reason="minisign is not on this machine"),
    pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not on this machine"),
]

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
NEAR = {
    "key generate release": "key generate release --no-passphrase",
    "--python 3.11 --python 3.13 --arch x86_64": f"--python {PYTHON}",
    "--volume-size 4G": "--volume-size 5M",
}
"""What differs from the page: no prompt, the Python that is here, several volumes."""


def blocks() -> list[list[tuple[str, str]]]:
    """Return each block's commands with the side that they are for."""
    text = (REPOSITORY / "docs/air-gap.md").read_text()
    found = []
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        pieces = re.split(r"^(near|far)\$ +", block, flags=re.MULTILINE)[1:]
        found.append(list(zip(pieces[::2], pieces[1::2], strict=True)))
    return found


class Sides:
    """The two sides: directories, and a shell on each."""

    def __init__(self, line: Line, far: Path) -> None:
        self.line = line
        self.far = far
        programs = line.demonstration.directory / "bin"
        programs.mkdir()
        (programs / "kutterlock").write_text(
            f'#!/bin/sh\nPYTHONPATH={REPOSITORY} exec {sys.executable} -B -m kutterlock "$@"\n'
        )
        (programs / "kutterlock").chmod(0o755)
        self.programs = programs
        self.digest = "sha256:..."
        self.key_id = "ID"
        self.usb = far.parent / "usb"
        self.usb.mkdir()

    def run(self, side: str, command: str) -> subprocess.CompletedProcess[str]:
        words = command.replace("sha256:...", self.digest)
        return self._near(words) if side == "near" else self._far(words)

    def carry(self, pattern: str, place: Path) -> None:
        """Carry files from near to a place that far can read."""
        for path in self.line.project.glob(pattern):
            shutil.copy(path, place)

    def _near(self, words: str) -> subprocess.CompletedProcess[str]:
        for old, new in NEAR.items():
            words = words.replace(old, new)
        environ = self.line.environ()
        environ["PATH"] = f"{self.programs}:{environ['PATH']}"
        return _shell(["sh", "-ec", words], self.line.project, environ)

    def _far(self, words: str) -> subprocess.CompletedProcess[str]:
        words = re.sub(r"(^|\| )kutterlock", r"\1./kl/kutterlock", words)
        words = words.replace("/media/usb/", f"{self.usb}/").replace(".ID.", f".{self.key_id}.")
        environ = {"PATH": "/usr/bin:/bin:/usr/sbin", "HOME": str(self.far / "home")}
        return _shell(["unshare", "-rn", "sh", "-ec", words], self.far, environ)


def _shell(
    argv: list[str], place: Path, environ: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv, cwd=place, env=environ, capture_output=True, text=True, check=False, timeout=300
    )


def test_the_whole_crossing_from_the_page_alone(tmp_path: Path) -> None:
    if subprocess.run(["unshare", "-rn", "true"], check=False).returncode:
        pytest.skip("this machine makes no network namespaces")
    far = tmp_path / "far"
    far.mkdir()
    line = make_line(tmp_path / "demo")
    sides = Sides(line, far)
    with line.connected():
        for commands in blocks():
            for side, command in commands:
                ran = sides.run(side, command)
                if ran.returncode == 8 and "pip could not" in ran.stderr:
                    pytest.skip("pip cannot fetch wheels here")
                assert ran.returncode == 0, f"{side}$ {command}\n{ran.stdout}{ran.stderr}"
                _note(sides, command, ran.stdout)
    assert (far / "os/output").is_dir()
    assert (line.project / "out/next.tar").stat().st_size < 200_000


def _note(sides: Sides, command: str, printed: str) -> None:
    if command.startswith("kutterlock trust init"):
        (sides.digest,) = set(re.findall(r"sha256:[0-9a-f]{64}", printed))
    elif command.startswith("kutterlock bundle rehearse"):
        sides.carry("out/*.tar", sides.usb)
        sides.carry("release.*", sides.far)
    elif command.startswith("ls signatures"):
        (sides.key_id,) = re.findall(r"^SHA256SUMS\.(\w+)\.minisig$", printed, re.MULTILINE)
    elif "sha256sum" in command:
        assert printed == "right\n"
    elif "comm -13" in command:
        assert printed == ""
    elif "bundle inventory" in command:
        shutil.copy(sides.far / "inventory.json", sides.line.project)
