from pathlib import Path

from kutterlock.adapters.disk.files import CHUNK, hash_file
from kutterlock.build.compare import compare_outputs, first_difference
from kutterlock.model.output import OutputFile
from kutterlock.model.paths import RelativePath


def outputs(directory: Path, **contents: bytes) -> list[OutputFile]:
    directory.mkdir()
    files = []
    for name, data in contents.items():
        (directory / name).write_bytes(data)
        digest = hash_file(directory / name)
        files.append(OutputFile(path=RelativePath(name), size=len(data), digest=digest))
    return files


def test_equal_builds_have_no_difference(tmp_path: Path) -> None:
    one = outputs(tmp_path / "1", disk=b"abc")
    two = outputs(tmp_path / "2", disk=b"abc")
    assert compare_outputs(tmp_path / "1", tmp_path / "2", one, two) == []


def test_names_the_file_and_the_offset(tmp_path: Path) -> None:
    one = outputs(tmp_path / "1", disk=b"abcd", gone=b"x")
    two = outputs(tmp_path / "2", disk=b"abXd", new=b"x")
    found = compare_outputs(tmp_path / "1", tmp_path / "2", one, two)
    assert [str(difference) for difference in found] == [
        "disk: differs from byte 2 on (4 and 4 bytes)",
        "gone: only the first build made it",
        "new: only the second build made it",
    ]


def test_the_offset_counts_through_chunks_and_to_the_shorter_end(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * (CHUNK + 7))
    (tmp_path / "b").write_bytes(b"x" * (CHUNK + 5))
    assert first_difference(tmp_path / "a", tmp_path / "b") == CHUNK + 5
