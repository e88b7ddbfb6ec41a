"""Where a project cannot go, an import says so before it reads a volume."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kutterlock.bundle.landing import Landing
from kutterlock.bundle.take import take
from kutterlock.errors import UsageError
from kutterlock.model.progress import Silence
from tests.support.bundles import Far, Near
from tests.support.disks import ENTER
from tests.support.line import REPOSITORY

READ_ONLY = """
import sys
from pathlib import Path
from kutterlock.bundle.landing import Landing
from kutterlock.errors import KutterError
try:
    Landing(directory=Path(sys.argv[1])).require_place()
except KutterError as error:
    print(error.exit_code, error.as_text(), end="")
"""


@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize("name", ["afile", "afile/below/it"])
def test_a_file_is_no_directory(name: str, said: bool, tmp_path: Path) -> None:  # noqa: FBT001
    far = Far(tmp_path / "far")
    (tmp_path / "afile").write_text("somebody's")
    landing = Landing(directory=tmp_path / name, said=said)
    with pytest.raises(UsageError) as caught:
        take(Near(tmp_path / "near").create().paths, far.store, landing, far.judges(), Silence())
    assert caught.value.as_text() == (
        f"error: {tmp_path}/afile is no directory\nhint: name one with --into DIR"
    )
    assert far.is_empty()
    assert not list(far.directory.glob("store/incoming/*"))


def test_a_read_only_place(tmp_path: Path) -> None:
    if not shutil.which("unshare") or subprocess.run([*ENTER, "true"], check=False).returncode:
        pytest.skip("this machine lets this user make no namespaces")
    place = tmp_path / "place"
    place.mkdir()
    mount = 'mount -t tmpfs -o ro tmpfs "$1" && exec "$2" -c "$3" "$1/os"'
    done = subprocess.run(
        [*ENTER, "sh", "-c", mount, "sh", str(place), sys.executable, READ_ONLY],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "mount" in done.stderr:
        pytest.skip(f"this machine mounts nothing: {done.stderr}")
    assert done.stdout == (
        f"1 error: {place}: the project cannot be written there\n"
        "hint: name a writable directory with --into DIR"
    )
