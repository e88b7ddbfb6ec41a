from pathlib import Path

import pytest

from kutterlock.adapters.disk.sizes import SizeBook
from kutterlock.model.digest import Digest
from kutterlock.vendor.wants import Want, sized

ONE, TWO = Digest.of(b"1"), Digest.of(b"2")


def test_sizes_are_kept_and_added_to(tmp_path: Path) -> None:
    book = SizeBook(tmp_path / "cache/sizes.json")
    assert book.read() == {}
    book.note({ONE: 1})
    book.note({TWO: 2})
    assert book.read() == {str(ONE): 1, str(TWO): 2}


@pytest.mark.parametrize("data", [b"", b"[1]", b'{"a": "x"}', b"\xff", b"[" * 9999])
def test_a_damaged_book_counts_for_nothing(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "sizes.json").write_bytes(data)
    assert SizeBook(tmp_path / "sizes.json").read() == {}


def test_a_cache_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    SizeBook(tmp_path / "file/sizes.json").note({ONE: 1})
    assert (tmp_path / "file").read_bytes() == b""


def test_a_want_takes_the_known_size() -> None:
    wants = [Want(digest=ONE, name="one"), Want(digest=TWO, name="two", size=7)]
    assert [want.size for want in sized(wants, {str(ONE): 1, str(TWO): 2})] == [1, 7]
