"""Debian's control format: a stanza of `Field: value` lines, read with bounds.

Rules: Debian policy 5.1 (https://www.debian.org/doc/debian-policy/ch-controlfields.html).
Field names are kept in lower case, for they are case-insensitive. A continuation line keeps its
text, joined by newlines. Comments are not known here: no file of an archive has them.
"""

from collections.abc import Iterable, Iterator

LONGEST_STANZA = 16 << 20
"""Characters; a Release file's table of hashes is the largest that is real (about 1 MB)."""

Stanza = dict[str, str]


def parse_stanza(text: str) -> Stanza:
    """Read exactly one stanza. Raises ValueError for what is not the format."""
    if len(text) > LONGEST_STANZA:
        raise ValueError(f"a stanza is longer than {LONGEST_STANZA} characters")
    stanzas = list(parse_stanzas(text.splitlines()))
    if len(stanzas) != 1:
        raise ValueError(f"expected one stanza, found {len(stanzas)}")
    return stanzas[0]


def parse_stanzas(lines: Iterable[str]) -> Iterator[Stanza]:
    """Read stanzas, with empty lines between them. Raises ValueError."""
    values: dict[str, list[str]] = {}
    field = ""
    for line in lines:
        if line.strip():
            field = _add(values, field, line)
        elif values:
            yield _joined(values)
            values, field = {}, ""
    if values:
        yield _joined(values)


def _joined(values: dict[str, list[str]]) -> Stanza:
    return {field: "\n".join(lines) for field, lines in values.items()}


def _add(values: dict[str, list[str]], field: str, line: str) -> str:
    if line[0] in " \t":
        if not field:
            raise ValueError(f"{line[:80]!r} continues no field")
        values[field].append(line.strip())
        return field
    name, colon, value = line.partition(":")
    if not colon or not name or not name.isascii() or any(c.isspace() for c in name):
        raise ValueError(f"{line[:80]!r} is not of the form 'Field: value'")
    if name.lower() in values:
        raise ValueError(f"field {name!r} stands twice in one stanza")
    values[name.lower()] = [value.strip()]
    return name.lower()
