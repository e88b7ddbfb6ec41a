"""Numbers of things, in words."""

from kutterlock.model.encoding.text import counted


def test_one_is_not_many() -> None:
    assert [counted(number, "file") for number in (0, 1, 2)] == ["0 files", "1 file", "2 files"]
    assert counted(1, "pin differs", "pins differ") == "1 pin differs"
    assert counted(3, "pin differs", "pins differ") == "3 pins differ"
