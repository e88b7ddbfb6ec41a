"""Licences as Buildroot words them, and their SPDX identifiers where they have one.

Buildroot separates by commas, adds notes in parentheses, and uses SPDX's older names of the GNU
licences (`GPL-2.0`, `GPL-2.0+`).
"""

import re
from collections.abc import Collection

_COMMA = re.compile(r",(?![^(]*\))")
_NOTE = re.compile(r"\s*\([^()]*\)")
_GNU = re.compile(r"(?P<base>A?GPL-\d\.\d|LGPL-\d\.\d|GFDL-\d\.\d)(?P<plus>\+?)\Z")


def split_licences(text: str) -> tuple[str, ...]:
    """Split a package's licences, notes left out, in order and once each."""
    pieces = [_NOTE.sub("", piece).strip() for piece in _COMMA.split(text)]
    return tuple(dict.fromkeys(piece for piece in pieces if piece))


def spdx_id(licence: str, known: Collection[str]) -> str | None:
    """Return the SPDX identifier of one licence, None where it has none."""
    match = _GNU.match(licence)
    if match:
        licence = match["base"] + ("-or-later" if match["plus"] else "-only")
    return licence if licence in known else None
