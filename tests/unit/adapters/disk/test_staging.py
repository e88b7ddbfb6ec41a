import os
import subprocess
import sys
from pathlib import Path

from kutterlock.adapters.disk.files import UnverifiedFile
from kutterlock.adapters.disk.staging import staging, sweep

KILLED = """
import os, signal, sys
from pathlib import Path
from kutterlock.adapters.disk.files import UnverifiedFile
from kutterlock.adapters.disk.staging import staging
with staging(Path(sys.argv[1])) as work, UnverifiedFile(Path(sys.argv[1], "file")) as file:
    (work / "deep/er").mkdir(parents=True)
    (work / "deep/er/file").write_bytes(b"half")
    (work / "deep").chmod(0o500)
    file.write(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_directory_goes_unless_it_was_given_a_name(tmp_path: Path) -> None:
    parent = tmp_path / "made" / "too"
    with staging(parent) as work:
        (work / "file").write_bytes(b"")
    assert names(parent) == []
    with staging(parent) as work:
        (work / "file").write_bytes(b"")
        work.rename(parent / "final")
    assert names(parent) == ["final"]
    assert names(parent / "final") == ["file"]


def test_what_a_killed_process_left_is_swept_by_the_next(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-B", "-c", KILLED, str(tmp_path)], check=False)
    assert done.returncode == -9
    assert len(names(tmp_path)) == 2
    with staging(tmp_path) as work:
        assert names(tmp_path) == [work.name]


def test_what_somebody_works_on_stays(tmp_path: Path) -> None:
    with staging(tmp_path) as work, UnverifiedFile(tmp_path / "file") as file:
        file.write(b"whole")
        sweep(tmp_path)
        with staging(tmp_path):
            assert work.is_dir()
        file.commit()
    assert names(tmp_path) == ["file"]
    assert (tmp_path / "file").read_bytes() == b"whole"


def test_only_leftovers_of_this_form_are_swept(tmp_path: Path) -> None:
    kept = [".unverified-disk.img", ".unverified-0123456789abcdef0", "0123456789abcdef"]
    for name in kept:
        (tmp_path / name).write_bytes(b"")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"")
    (tmp_path / ".unverified-0123456789abcdef").symlink_to(elsewhere)
    os.mkfifo(tmp_path / ".unverified-0123456789abcde0")
    sweep(tmp_path)
    assert names(tmp_path) == sorted([*kept, ".unverified-0123456789abcdef", "elsewhere"])
