"""Symlinks that lead in a circle, where a command is given a place: one sentence, nothing done."""

from pathlib import Path

import pytest

from kutterlock.cli.main import main
from tests.support.projects import write_project

MANIFEST = """\
[project]
name = "demo"
[inputs]
buildroot = "*"
[build-environment]
kind = "host"
[boards.pc]
arch = "x86_64"
overlays = ["own"]
defconfig = "pc_defconfig"
"""


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (
            ("tree", "--project", "LOOP"),
            3,
            "error: LOOP/kutter.lock cannot be read: [Errno 40] Too many levels of symbolic links: "
            "'LOOP/kutter.lock'\n",
        ),
        (
            ("audit", "--kernel", "--board", "pc", "--project", "PROJECT"),
            2,
            "error: no overlay of board 'pc' has pc_defconfig\n",
        ),
        (
            ("demo", "--keep", "LOOP"),
            1,
            "error: LOOP exists\nhint: name a directory that is not there yet\n",
        ),
    ],
)
def test_a_circle_of_symlinks_is_named(
    words: tuple[str, ...],
    status: int,
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    project = write_project(tmp_path / "project", {"a/a.tar": b"a"}, "https://upstream.example")
    (project / "kutter.toml").write_text(MANIFEST)
    (project / "overlays").mkdir()
    for loop in (tmp_path / "loop", project / "overlays/own"):
        loop.symlink_to(loop.name)
    places = {"LOOP": str(tmp_path / "loop"), "PROJECT": str(project)}
    assert main([places.get(word, word) for word in words], {"HOME": str(tmp_path)}) == status
    assert capsys.readouterr().err == said.replace("LOOP", places["LOOP"])
