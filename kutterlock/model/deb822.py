"""Debian's control format: stanzas of `Field: value` lines, read with bounds.

Rules: Debian policy 5.1 (https://www.debian.org/doc/debian-policy/ch-controlfields.html).
Field names are kept in lower case, for they are case-insensitive. A continuation line keeps its
text, joined by newlines. Comments are not known here: no file of an archive has them.
"""

from collections.abc import Iterable, Iterator

LONGEST_STANZA = 16 << 20
"""Characters; a Release file's table of hashes is the largest that is real (about 1 MB)."""

Stanza = dict[str, str]


def parse_stanzas(lines: Iterable[str], wanted: frozenset[str] | None = None) -> Iterator[Stanza]:
    """Read stanzas one after another; `wanted` (lower case) limits which fields are kept.

    Raises ValueError for what is not the format; the memory used is that of one stanza.
    """
    stanza: Stanza = {}
    size = 0
    field = ""
    for line in lines:
        text = line.rstrip("\r\n")
        if not text.strip():
            if stanza:
                yield stanza
            stanza, size, field = {}, 0, ""
            continue
        size += len(text)
        if size > LONGEST_STANZA:
            raise ValueError(f"a stanza is longer than {LONGEST_STANZA} characters")
        field = _add(stanza, field, text, wanted)
    if stanza:
        yield stanza


def parse_stanza(text: str) -> Stanza:
    """Read exactly one stanza."""
    stanzas = list(parse_stanzas(text.splitlines()))
    if len(stanzas) != 1:
        raise ValueError(f"expected one stanza, found {len(stanzas)}")
    return stanzas[0]


def _add(stanza: Stanza, field: str, text: str, wanted: frozenset[str] | None) -> str:
    if text[0] in " \t":
        return _continue(stanza, field, text, wanted)
    name, colon, value = text.partition(":")
    field = name.lower()
    if not colon or not name or not name.isascii() or any(c.isspace() for c in name):
        raise ValueError(f"{text[:80]!r} is not of the form 'Field: value'")
    if wanted is not None and field not in wanted:
        stanza.setdefault("", "")
        return field
    if field in stanza:
        raise ValueError(f"field {name!r} stands twice in one stanza")
    stanza[field] = value.strip()
    return field


def _continue(stanza: Stanza, field: str, text: str, wanted: frozenset[str] | None) -> str:
    if not field:
        raise ValueError(f"{text[:80]!r} continues no field")
    if wanted is None or field in wanted:
        stanza[field] = f"{stanza[field]}\n{text.strip()}"
    return field
