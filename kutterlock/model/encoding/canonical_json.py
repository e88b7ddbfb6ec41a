"""Canonical JSON as TUF signs it (OLPC): http://wiki.laptop.org/go/Canonical_JSON.

Keys sorted, no blanks, only the quote and the backslash escaped, whole numbers only.
"""

from collections.abc import Mapping, Sequence

# What nearly all of them are comes first: the abstract ones take their time.
_TABLES = (dict, Mapping)
_LISTS = (list, Sequence)


def canonical_json(value: object) -> bytes:
    """Return the one form of `value`. Raises ValueError for what the form does not know."""
    return _form(value).encode("utf-8")


def _form(value: object) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, _TABLES):
        return "{" + ",".join([_member(key, value[key]) for key in sorted(value)]) + "}"
    if isinstance(value, _LISTS):
        return "[" + ",".join([_form(item) for item in value]) + "]"
    raise ValueError(f"{type(value).__name__} has no canonical form")


def _member(key: object, value: object) -> str:
    if not isinstance(key, str):
        raise ValueError(f"key {key!r} has no canonical form")  # noqa: TRY004 -- one kind of error
    return f"{_text(key)}:{_form(value)}"


def _text(text: str) -> str:
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
