"""The bootstrap, as bare Python runs it: what was checked by hand, and nothing else."""

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from kutterlock.bundle import bootstrap

NAME = "kutterlock-1.0-py3-none-any.whl"
PROGRAM = """\
def run():
    print("it runs")
    return 0
"""


def wheel(members: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return buffer.getvalue()


@pytest.fixture
def checked(tmp_path: Path) -> Path:
    """A folder as it is after the check, of a bundle whose one wheel prints a line."""
    data = wheel({"kutterlock/__init__.py": "", "kutterlock/__main__.py": PROGRAM})
    tools = [
        {"name": "bootstrap.py", "sha256": "0" * 64},
        {"name": NAME, "sha256": hashlib.sha256(data).hexdigest()},
        {"name": "other-1.0-cp27-cp27m-win32.whl", "sha256": "0" * 64},
    ]
    place = tmp_path / "all"
    (place / "tools").mkdir(parents=True)
    (place / "tools" / NAME).write_bytes(data)
    (place / "bundle.json").write_text(json.dumps({"tools": tools}))
    return place


def run(*words: object) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-I", "-S", bootstrap.__file__, *map(str, words)]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def refusal(*words: object) -> str:
    ran = run(*words)
    assert (ran.returncode, ran.stdout) == (1, "")
    return ran.stderr


def test_it_sets_up_what_fits_and_that_runs(checked: Path, tmp_path: Path) -> None:
    ran = run(tmp_path / "kl", checked)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == f"{tmp_path}/kl/kutterlock is ready; wheels unpacked: 1\n"
    done = subprocess.run([tmp_path / "kl/kutterlock"], capture_output=True, text=True, check=True)
    assert done.stdout == "it runs\n"


def test_what_the_manifest_does_not_name_is_not_looked_at(checked: Path, tmp_path: Path) -> None:
    evil = wheel({"kutterlock/__main__.py": "raise SystemExit('evil')"})
    (checked / "tools/zz-1.0-py3-none-any.whl").write_bytes(evil)
    (checked / "tools/hashlib.py").write_text("raise SystemExit('evil')")
    assert run(tmp_path / "kl", checked).returncode == 0
    assert sorted(path.name for path in (tmp_path / "kl/lib").iterdir()) == ["kutterlock"]
    done = subprocess.run([tmp_path / "kl/kutterlock"], capture_output=True, text=True, check=True)
    assert done.stdout == "it runs\n"


def test_a_wheel_that_was_cut_is_joined(checked: Path, tmp_path: Path) -> None:
    whole = checked / "tools" / NAME
    data = whole.read_bytes()
    (checked / "parts").mkdir()
    for number, part in ((1, data[:99]), (2, data[99:])):
        (checked / f"parts/{hashlib.sha256(data).hexdigest()}.{number:04}").write_bytes(part)
    whole.unlink()
    assert run(tmp_path / "kl", checked).returncode == 0


def test_wheels_that_a_delta_leaves_out_come_from_its_base(checked: Path, tmp_path: Path) -> None:
    delta = tmp_path / "delta"
    delta.mkdir()
    (delta / "bundle.json").write_bytes((checked / "bundle.json").read_bytes())
    assert refusal(tmp_path / "kl", delta) == (
        f"error: not in {delta}: {NAME} (name the folder of the delta's base, too)\n"
    )
    assert run(tmp_path / "kl", delta, checked).returncode == 0


def test_a_wheel_with_other_bytes_is_none(checked: Path, tmp_path: Path) -> None:
    (checked / "tools" / NAME).write_bytes(wheel({"kutterlock/__main__.py": "evil"}))
    assert refusal(tmp_path / "kl", checked) == (
        f"error: not in {checked}: {NAME} (name the folder of the delta's base, too)\n"
    )
    assert not (tmp_path / "kl").exists()


def test_what_is_there_is_not_mixed_with(checked: Path, tmp_path: Path) -> None:
    assert run(tmp_path / "kl", checked).returncode == 0
    assert refusal(tmp_path / "kl", checked) == (
        f"error: {tmp_path}/kl/lib is there already: name a new directory\n"
    )


def test_mistakes_are_sentences(checked: Path, tmp_path: Path) -> None:
    assert refusal(tmp_path / "kl", tmp_path / "none") == (
        f"error: [Errno 2] No such file or directory: '{tmp_path}/none/bundle.json'\n"
    )
    (tmp_path / "file").write_text("")
    assert refusal(tmp_path / "file", checked) == (
        f"error: [Errno 20] Not a directory: '{tmp_path}/file/lib.unfinished'\n"
    )
    (checked / "bundle.json").write_text("{")
    assert refusal(tmp_path / "kl", checked).startswith("error: Expecting property name")
    (checked / "bundle.json").write_text("[]")
    assert refusal(tmp_path / "kl", checked).startswith("error: list indices must be")


def test_usage() -> None:
    for words in ((), ("kl",)):
        ran = run(*words)
        assert (ran.returncode, ran.stdout) == (2, "")
        assert ran.stderr == "usage: python3 -I bootstrap.py DIR CHECKED [BASE...]\n"
    ran = run("--help")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("usage: python3 -I bootstrap.py DIR CHECKED [BASE...]\n\nCHECKED")
