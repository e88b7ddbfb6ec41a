"""Paths that came from outside: relative, normal, and unable to leave their root."""

from typing import Self


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
