"""TOML files: what the reader of a manifest, a lock or a configuration makes of numbers."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kutterlock.adapters.tomlfile import read_lock, read_manifest, read_table
from kutterlock.errors import KutterError, LockError, ManifestError, UsageError

READERS: dict[str, tuple[Callable[[Path], object], type[KutterError], str]] = {
    "manifest": (read_manifest, ManifestError, "correct the TOML syntax"),
    "lock": (read_lock, LockError, "take it back from version control"),
    "table": (read_table, KutterError, "correct the TOML syntax"),
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(
    "text",
    [f"lock-version = {'9' * 5000}", f"lock-version = 0x{'f' * 5000}", "a = [{b = [-1, 1]}]\n"
     f"c = [[{{d = {2**63}}}]]"],
)  # fmt: skip
def test_a_number_that_is_longer_than_64_bits_is_refused(
    name: str, text: str, tmp_path: Path
) -> None:
    read, error, hint = READERS[name]
    path = tmp_path / "file.toml"
    path.write_text(text)
    with pytest.raises(error) as caught:
        read(path)
    assert caught.value.as_text() == (
        f"error: {path} is not TOML: a number in it is longer than 64 bits\nhint: {hint}"
    )


def test_numbers_of_64_bits_are_read(tmp_path: Path) -> None:
    path = tmp_path / "file.toml"
    path.write_text(f"a = {2**63 - 1}\nb = [{{c = {-(2**63)}}}]\n")
    assert read_table(path) == {"a": 2**63 - 1, "b": [{"c": -(2**63)}]}


@pytest.mark.parametrize("name", READERS)
def test_a_fifo_is_not_waited_for(name: str, tmp_path: Path) -> None:
    path = tmp_path / "file.toml"
    os.mkfifo(path)
    with pytest.raises(UsageError) as caught:
        READERS[name][0](path)
    assert caught.value.as_text() == (
        f"error: {path} is a FIFO, not a file\nhint: put a file there, or remove it"
    )


def test_a_pipe_of_the_shell_is_read() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"a = 1\n")
    os.close(writer)
    assert read_table(Path(f"/dev/fd/{reader}")) == {"a": 1}
    os.close(reader)


def test_a_manifest_may_have_as_many_faults_as_lines(tmp_path: Path) -> None:
    """Finding their lines takes one look at the file: it took minutes."""
    path = tmp_path / "kutter.toml"
    blanks = f'text = """\n{" " * 20_000}x\n[{" " * 20_000}x\n"""\n'
    path.write_text(blanks + "".join(f"k{number} = 1\n" for number in range(10_000)))
    with pytest.raises(ManifestError) as caught:
        read_manifest(path)
    assert caught.value.details[-1] == "line 10004: k9999: unknown key"
    assert len(caught.value.details) == 10_005
