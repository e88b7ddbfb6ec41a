"""`kutterlock boot` over an output directory and a QEMU of our own on PATH."""

import json
from pathlib import Path

import pytest

from kutterlock.cli.main import main

MANIFEST = """
[project]
name = "test"
version = "1"
[inputs]
buildroot = "*"
[boards.pc]
arch = "x86_64"
defconfig = "pc_defconfig"
[boards.pc.boot]
kernel = "bzImage"
[boards.other]
arch = "x86_64"
defconfig = "pc_defconfig"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "kutter.toml").write_text(MANIFEST)
    program = tmp_path / "bin/qemu-system-x86_64"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nprintf 'starting\\npc login: '\nexec /bin/sleep 60\n")
    program.chmod(0o755)
    for name, value in (("PATH", program.parent), ("KUTTER_CACHE", tmp_path / "cache")):
        monkeypatch.setenv(name, str(value))
    return tmp_path


def built(project: Path) -> None:
    files = project / "output/pc/files"
    files.mkdir(parents=True)
    (files / "bzImage").touch()


def test_it_shows_the_console_and_when_the_text_came(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    built(project)
    assert main(["boot", "--board", "pc", "--project", str(project)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[:2] == ["starting", "pc login:"]
    assert printed[2].startswith(" boot        'login:' came after ")
    assert (project / "cache/boot/pc.log").read_bytes() == b"starting\npc login: "


def test_json_holds_the_facts_alone(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    built(project)
    assert main(["boot", "--board", "pc", "--project", str(project), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["board"], facts["expect"]) == ("pc", "login:")


def test_a_text_that_does_not_come_is_exit_13(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    built(project)
    argv = ["boot", "--board", "pc", "--expect", "never", "--timeout", "0.5"]
    assert main([*argv, "--project", str(project)]) == 13
    errors = capsys.readouterr().err.splitlines()
    assert errors[0] == "error: the console did not show 'never' within 0.5 s"


def test_before_a_build_there_is_nothing_to_boot(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["boot", "--board", "pc", "--project", str(project)]) == 7
    assert capsys.readouterr().err == (
        f"error: board pc has no output at {project}/output/pc\n"
        "hint: build it first: kutterlock build --board pc\n"
    )


def test_a_board_that_does_not_say_how(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["boot", "--board", "other", "--project", str(project)]) == 2
    assert capsys.readouterr().err == (
        "error: kutter.toml has no [boards.other.boot]\n"
        "hint: name the kernel and initrd, or the disk, that QEMU is to start\n"
    )
