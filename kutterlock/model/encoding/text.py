"""Bytes that are to be text, and what is said of them when they are none. Pure."""


def text_of(data: bytes) -> str:
    """Read UTF-8. Raises ValueError with a reason that follows the name of what was read."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"is not text (byte 0x{data[error.start]:02x} at offset {error.start})"
        ) from error
