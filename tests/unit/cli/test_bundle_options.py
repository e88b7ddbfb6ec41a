"""`bundle create`: options that cannot be meant are refused before anything is read."""

from pathlib import Path

import pytest

from kutterlock.cli.bundling import read_base
from kutterlock.cli.main import main
from kutterlock.errors import HashMismatchError

PYTHON = "--python {}: kutterlock runs on Python 3.11 and newer\nhint: write it like 3.12"
MISTAKES = {
    "--python 3.7": PYTHON.format("3.7"),
    "--python 3.10": PYTHON.format("3.10"),
    "--python 3.12.1": PYTHON.format("3.12.1"),
    "--python 3.11 --arch amd64": "--arch amd64: write x86_64 or aarch64",
    "--previous a.tar": "--previous is what the page of --review compares with: name that, too",
    "--passphrase-env PW": "--passphrase-env is for the key of --key, and none was named",
    "--agent me --passphrase-file f": (
        "--passphrase-file is for the key of --key, and none was named"
    ),
    "--arch x86_64": "--arch goes with --python: it says where that Python runs",
}


@pytest.mark.parametrize("words", MISTAKES)
def test_an_option_that_cannot_be_meant(
    words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = {"HOME": str(tmp_path)}
    assert main(["bundle", "create", "--project", str(tmp_path), *words.split()], environ) == 2
    assert capsys.readouterr().err == f"error: {MISTAKES[words]}\n"


def test_an_abort_of_one_bundle_drops_nothing_of_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = tmp_path / "store/incoming" / ("a" * 64)
    begun.mkdir(parents=True)
    words = ["bundle", "import", "--abort", "b.tar", "--store", str(tmp_path / "store")]
    assert main(words, {"HOME": str(tmp_path)}) == 2
    assert capsys.readouterr().err == (
        "error: --abort takes no FILE: it drops what arrived of every unfinished import\n"
        "hint: say `kutterlock bundle import --abort` if that is meant\n"
    )
    assert begun.is_dir()


def test_a_base_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("{}")
    with pytest.raises(HashMismatchError) as caught:
        read_base(path)
    assert caught.value.reason == f"{path} cannot be used as it stands"
    assert caught.value.details[1] == "type: this kutterlock reads kutterlock-bundle/1"
    path.write_text('{"type":"kutterlock-inventory/1"}')
    with pytest.raises(HashMismatchError) as caught:
        read_base(path)
    assert caught.value.as_text() == (
        f"error: {path} cannot be used as it stands\n"
        "  content: is missing\n"
        "hint: take the bundle once more from where it was made"
    )
