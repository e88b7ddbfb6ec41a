"""Licences as a Debian package's copyright file names them. Pure, bounded, in Debian's words.

Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/ (DEP-5). A file in
another form is prose: whoever wants to know has to read it.
"""

import re
from collections.abc import Iterable, Iterator

PROSE = "see the package's copyright file"
LARGEST = 4 << 20
"""No copyright file is larger, in bytes; the largest that is real (of linux) has 200 kB."""

MOST = 40
"""Names that are listed; a file that names more is to be read."""

_FORMAT = re.compile(r"Format(-Specification)?:\s*\S*(copyright-format|dep5)", re.IGNORECASE)
_NAME = re.compile(r"License:[ \t]*([!-~][ -~]{0,119})\s*\Z", re.IGNORECASE)


def licences_of(data: bytes) -> str:
    """Return the short names of the licences in a copyright file, else PROSE."""
    lines = data[:LARGEST].decode("utf-8", "replace").lstrip("\ufeff").splitlines()
    first = next((line for line in lines if line.strip()), "")
    names = sorted(set(_names(lines)), key=lambda name: (name.lower(), name))
    if not _FORMAT.match(first) or not names:
        return PROSE
    more = [f"and {len(names) - MOST} more: {PROSE}"] if len(names) > MOST else []
    return ", ".join([*names[:MOST], *more])


def _names(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        if match := _NAME.match(line):
            yield " ".join(match[1].split())
