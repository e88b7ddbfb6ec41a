from pathlib import Path

import pytest

from kutterlock.adapters.tomlfile import read_manifest
from kutterlock.cli.main import main


def test_the_template_is_a_manifest(tmp_path: Path) -> None:
    assert main(["init", "--project", str(tmp_path), "--name", "edge"]) == 0
    manifest = read_manifest(tmp_path / "kutter.toml")
    assert manifest.name == "edge"
    assert list(manifest.boards) == ["pc-x86_64"]


def test_every_commented_key_is_one_that_is_read(tmp_path: Path) -> None:
    main(["init", "--project", str(tmp_path)])
    text = (tmp_path / "kutter.toml").read_text()
    opened = [_open(line) for line in text.splitlines()]
    (tmp_path / "kutter.toml").write_text("\n".join(opened))
    assert read_manifest(tmp_path / "kutter.toml").packages["libopenssl"].version == "3.4.5"


def _open(line: str) -> str:
    if line.startswith("# [") or ("# " in line[:2] and " = " in line and line[2].islower()):
        bare = line[2:]
        return bare.replace('sha256 = "..."', f'sha256 = "{"0" * 64}"')
    return line


def test_an_existing_manifest_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "kutter.toml").write_text("mine")
    assert main(["init", "--project", str(tmp_path)]) == 2
    assert (tmp_path / "kutter.toml").read_text() == "mine"
    assert capsys.readouterr().err == (
        f"error: {tmp_path / 'kutter.toml'} exists\n"
        "hint: remove it first, or look with `init --print`\n"
    )


@pytest.mark.parametrize("name", ["", "a/b", 'quo"te', "two\nlines"])
def test_a_name_that_no_manifest_can_hold(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", "--project", str(tmp_path), "--name", name]) == 2
    assert capsys.readouterr().err == (
        f"error: --name: {name!r} is not a name: letters, digits and . _ + - are allowed, "
        "a letter or digit first\n"
    )
    assert list(tmp_path.iterdir()) == []
