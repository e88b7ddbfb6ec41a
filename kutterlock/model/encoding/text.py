"""Bytes that are to be text and what is said when they are none; numbers of things. Pure."""


def text_of(data: bytes) -> str:
    """Read UTF-8. Raises ValueError with a reason that follows the name of what was read."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"is not text (byte 0x{data[error.start]:02x} at offset {error.start})"
        ) from error


def counted(count: int, one: str, many: str = "") -> str:
    """Word a number of things: `1 file`, `2 files`; `many` where it is not `one` with an s."""
    return f"{count} {one if count == 1 else many or one + 's'}"
