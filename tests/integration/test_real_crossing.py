"""The real examples/mini across the gap, to a machine that has Python and no network, and built.

It fetches the closure's Debian packages (150 MB) and builds a kernel, so it runs only where
KUTTER_TEST_MIRROR names a folder with the sources (and perhaps the .debs).
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kutterlock.demo.project import Demonstration
from tests.support.line import REPOSITORY, Line

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        "KUTTER_TEST_MIRROR" not in os.environ, reason="KUTTER_TEST_MIRROR is unset"
    ),
]

DERIVATION = "a3c4789fdd73ae201a550acce8af80bb-mini"
OUTPUTS = {
    "bzImage": "ef49607664dff36a55736e89b2d440ee3d4c554b16bbf75b9a5a3a79bcf69fe9",
    "rootfs.cpio.gz": "20fad6548c1e802eade0e94e80cdafce8c811d0d7a2cc30b21ac6f77bbeeef51",
}
"""What docs/proof.md names: the same bytes came out of every build of this lock."""

PROGRAMS = (
    "cat", "comm", "cut", "dirname", "find", "grep", "mkdir", "sh", "sha256sum", "sort", "tar",
)  # fmt: skip
"""All that the far side has beside Python: no compiler, no make, no bubblewrap, no pip."""

FAR_SIDE = """
set -e
tar xf os.001.tar SHA256SUMS signatures
mkdir all && for volume in os.*.tar; do tar xf $volume -C all; done
(cd all && sha256sum --quiet -c ../SHA256SUMS) && echo right
find all ! -type d | cut -c5- |
    grep -Ev '^((roots|signatures)/|(volume[.]json|SHA256SUMS)$)' | sort > found
cut -c67- SHA256SUMS | sort | comm -13 - found
python3 -I all/tools/bootstrap.py kl all
./kl/kutterlock bundle import os.*.tar --into os --root-digest "$1"
./kl/kutterlock verify --project os
./kl/kutterlock resolve --check --project os
./kl/kutterlock build --offline --project os
"""


@pytest.fixture(scope="module")
def near(tmp_path_factory: pytest.TempPathFactory) -> Line:
    """The real project: its lock as it is in the repository, vendored and signed."""
    line = Line(Demonstration(directory=tmp_path_factory.mktemp("near")))
    shutil.copytree(REPOSITORY / "examples/mini", line.project)
    (line.demonstration.directory / "config.toml").write_text("")
    line.must("resolve", "--check")
    line.must("vendor", "--mirror", os.environ["KUTTER_TEST_MIRROR"], "--debian-mirror", "auto")
    line.must("key", "generate", "release", "--no-passphrase")
    line.must("trust", "init", "--key", "release", "--add", "release=release",
              "--require", "lock", "--require", "bundle")  # fmt: skip
    line.must("sign", "--key", "release")
    return line


def test_the_real_closure_crosses_and_is_built_by_bare_python(near: Line, tmp_path: Path) -> None:
    digest = re.findall(r"sha256:[0-9a-f]{64}", near.must("trust", "show").output)[0]
    near.must("trust", "pin", "--digest", digest)
    near.must("bundle", "create", "--key", "release", "--volume-size", "200M",
              "--python", f"{sys.version_info.major}.{sys.version_info.minor}",
              "-o", str(tmp_path / "os.tar"))  # fmt: skip
    near.must("bundle", "rehearse", *map(str, sorted(tmp_path.glob("os.*.tar"))))
    programs = bare_machine(tmp_path / "bin")
    seen = tmp_path / "seen.txt"
    with seen.open("wb") as file:
        ran = subprocess.run(
            [shutil.which("unshare") or "", "-rn", "sh", "-c", FAR_SIDE, "sh", digest],
            env={"PATH": str(programs), "HOME": str(tmp_path / "home")}, cwd=tmp_path,
            stdout=file, stderr=file, check=False,
        )  # fmt: skip
    assert ran.returncode == 0, seen.read_text()
    made = tmp_path / "os/output" / DERIVATION / "files"
    for name, sha256 in OUTPUTS.items():
        summed = subprocess.run(["sha256sum", made / name], capture_output=True, check=True)
        assert summed.stdout.decode().split()[0] == sha256


def bare_machine(directory: Path) -> Path:
    """Make a PATH with Python, without any package of its own, and very little else."""
    directory.mkdir()
    for name in PROGRAMS:
        (directory / name).symlink_to(shutil.which(name) or "")
    python = getattr(sys, "_base_executable", sys.executable)
    (directory / "python3").write_text(f'#!/bin/sh\nexec {python} -I -S "$@"\n')
    (directory / "python3").chmod(0o755)
    return directory
