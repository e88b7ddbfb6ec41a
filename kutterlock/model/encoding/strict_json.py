"""JSON that came from outside: one reading only, in bounded time and memory.

Duplicate keys are refused because two parsers may read them differently; fractions because no
signed document here has any. Size and depth are bounded before anything is looked at.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from kutterlock.errors import KutterError
from kutterlock.model.encoding.text import text_of

LARGEST = 4 << 20
"""No signed document is larger, in bytes."""

DEEPEST = 64
"""Levels of nesting that any document here needs, and many more."""

# A string without an end runs to the end of the data, so that no byte is looked at twice.
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_NO_MARKS = bytes(set(range(256)) - set(b'[]{}"'))


def read_object(
    data: bytes, what: str, error: type[KutterError] = KutterError, largest: int = LARGEST
) -> Mapping[str, Any]:
    """Read a JSON object; `what` names the document in errors. Raises `error`."""
    if len(data) > largest:
        raise error(f"{what} is larger than {largest} bytes")
    try:
        _check_depth(data)
        value = json.loads(
            text_of(data), object_pairs_hook=_unique, parse_float=_refuse, parse_constant=_refuse
        )
        if b"\\u" in data:
            json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate has no bytes
    except (ValueError, RecursionError) as fault:
        raise error(f"{what} is not proper JSON: {fault}") from fault
    if not isinstance(value, dict):
        raise error(f"{what} is not a JSON object")
    return value


def write_document(value: object) -> bytes:
    """Return the bytes of a document of ours: sorted keys, one space of indent, final newline."""
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands in it twice")
    return found


def _refuse(text: str) -> Any:  # noqa: ANN401 -- what json asks for
    raise ValueError(f"{text[:20]} is not a whole number")


def _check_depth(data: bytes) -> None:
    if b"\\" not in data:  # then what a string says cannot matter, and most of it need not be read
        data = data.translate(None, _NO_MARKS)
    depth = 0
    for bracket in _STRING.sub(b"", data).translate(None, _NO_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > DEEPEST:
            raise ValueError(f"it is nested more than {DEEPEST} deep")
