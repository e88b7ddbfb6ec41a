"""Licences out of Debian's copyright files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kutterlock.model.sbom.copyright import MOST, PROSE, licences_of

DEP5 = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: hello

Files: *
Copyright: 2001 Somebody
License: GPL-2+ or  Artistic

Files: lib/*
Copyright: 2002 Somebody else
License: Expat
 Permission is hereby granted ...
 .
 License: this is a line of the text

License: GPL-2+
 This program is free software ...
"""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (DEP5, "Expat, GPL-2+, GPL-2+ or Artistic"),
        ("\n" + DEP5.replace("https", "http"), "Expat, GPL-2+, GPL-2+ or Artistic"),
        (DEP5.replace("Format:", "Format-Specification:"), "Expat, GPL-2+, GPL-2+ or Artistic"),
        ("This package was debianized by ...\nLicense: GPL-2\n", PROSE),
        (DEP5.split("\n\n", maxsplit=1)[0], PROSE),
        ("", PROSE),
    ],
)
def test_short_names_are_listed(text: str, found: str) -> None:
    assert licences_of(text.encode()) == found


def test_a_file_that_names_too_many_is_to_be_read() -> None:
    names = "".join(f"\nLicense: L{number:04}\n" for number in range(MOST + 5))
    found = licences_of((DEP5.split("\n\n", maxsplit=1)[0] + "\n" + names).encode())
    assert found.endswith(f"L0039, and 5 more: {PROSE}")


@given(st.binary(max_size=300))
def test_whatever_is_in_it_comes_out_as_one_printable_line(noise: bytes) -> None:
    found = licences_of(DEP5.encode() + b"\nLicense: " + noise)
    assert found.isprintable()
    assert len(found) < 1000
