"""Paths that came from outside: relative, normal, and unable to leave their root."""

import re
from typing import Self

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*\Z")


class RelativePath(str):
    """A POSIX path below some root, in normal form. Making one checks it.

    Raises ValueError for what is absolute, empty, has `.`/`..`/empty segments, NUL, or a newline.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Check `text` and keep it as it is."""
        fault = _fault(text)
        if fault:
            raise ValueError(f"path {text!r} {fault}")
        return super().__new__(cls, text)

    @property
    def parts(self) -> tuple[str, ...]:
        """The path's segments."""
        return tuple(self.split("/"))

    @property
    def name(self) -> str:
        """The last segment."""
        return self.parts[-1]


def plain_name(text: str) -> str:
    """Check a name that stands in paths and on command lines, and return it. Raises ValueError."""
    if not _NAME.match(text):
        raise ValueError(
            f"{text!r} is not a name: letters, digits and . _ + - are allowed, "
            "a letter or digit first"
        )
    return text


def _fault(text: str) -> str:
    if not text:
        return "is empty"
    if text.startswith("/"):
        return "is absolute"
    if any(character in text for character in "\0\n\r\\"):
        return "has a control character or a backslash"
    segments = text.split("/")
    if ".." in segments:
        return "leaves its directory with '..'"
    if "" in segments or "." in segments:
        return "is not in normal form"
    return ""
