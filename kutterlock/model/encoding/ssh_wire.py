"""The strings and numbers of the SSH protocols (RFC 4251, section 5), bounded by their buffer."""

import struct


def string(data: bytes) -> bytes:
    """Encode a string."""
    return struct.pack(">I", len(data)) + data


def mpint(number: int) -> bytes:
    """Encode a non-negative multiple precision integer."""
    return string(number.to_bytes(number.bit_length() // 8 + 1, "big") if number else b"")


def split_string(data: bytes) -> tuple[bytes, bytes]:
    """Return the first string and what follows it. Raises ValueError."""
    if len(data) < 4:
        raise ValueError("cut off")
    (size,) = struct.unpack_from(">I", data)
    if size > len(data) - 4:
        raise ValueError("cut off")
    return data[4 : 4 + size], data[4 + size :]


def read_strings(data: bytes) -> list[bytes]:
    """Read strings to the end. Raises ValueError."""
    found = []
    while data:
        first, data = split_string(data)
        found.append(first)
        if len(found) > 16:
            raise ValueError("too many fields")
    return found
