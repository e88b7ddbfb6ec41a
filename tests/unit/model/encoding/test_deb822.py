import pytest

from kutterlock.model.encoding.deb822 import parse_stanza, parse_stanzas


def test_fields_and_continuations_are_read() -> None:
    text = "Package: make\r\nDescription: builds\n  things\n .\n\tand more\nEmpty:\n"
    assert parse_stanza(text) == {
        "package": "make",
        "description": "builds\nthings\n.\nand more",
        "empty": "",
    }


def test_stanzas_are_separated_by_empty_lines() -> None:
    lines = ["", "A: 1", " ", "", "A: 2"]
    assert list(parse_stanzas(lines)) == [{"a": "1"}, {"a": "2"}]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "expected one stanza, found 0"),
        ("A: 1\n\nA: 2\n", "expected one stanza, found 2"),
        (" A: 1\n", "' A: 1' continues no field"),
        ("A\n", "'A' is not of the form 'Field: value'"),
        (": 1\n", "': 1' is not of the form 'Field: value'"),
        ("A B: 1\n", "'A B: 1' is not of the form 'Field: value'"),
        ("Ä: 1\n", "'Ä: 1' is not of the form 'Field: value'"),
        ("A: 1\na: 2\n", "field 'a' stands twice in one stanza"),
        ("A:" + " " * (16 << 20), "a stanza is longer than 16777216 characters"),
    ],
)
def test_what_is_no_stanza_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_stanza(text)
    assert str(caught.value) == reason
