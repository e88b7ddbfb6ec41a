"""Plain ustar, as bundles are written: one header a member, with nothing in it that varies.

POSIX.1-1988 (pax "Extended description", ustar interchange format): 512-byte blocks, names of at
most 100 bytes behind a prefix of at most 155. No user, no time, no link, no extension: a header is
a function of name and size, so that a reader can compare it byte for byte.
"""

BLOCK = 512
LARGEST = (1 << 33) - 1
"""Eleven octal digits, in bytes."""

END = bytes(2 * BLOCK)
"""Two empty blocks end an archive."""

_KINDS = {
    b"1": "a hard link", b"2": "a symlink", b"3": "a device", b"4": "a device",
    b"5": "a directory", b"6": "a pipe", b"x": "a pax header", b"g": "a pax header",
    b"L": "a GNU long name", b"K": "a GNU long name", b"S": "a sparse file",
}  # fmt: skip


def header(name: str, size: int) -> bytes:
    """Return the one header of a member. Raises ValueError for what ustar cannot say."""
    prefix, short = _split(name.encode())
    if not 0 <= size <= LARGEST:
        raise ValueError(f"{size} bytes are too many for a member")
    fields = [
        short.ljust(100, b"\0"), b"0000644\0", b"0000000\0", b"0000000\0",
        b"%011o\0" % size, b"00000000000\0", b" " * 8, b"0", bytes(100), b"ustar\x0000",
        bytes(64), b"0000000\0" * 2, prefix.ljust(155, b"\0"), bytes(12),
    ]  # fmt: skip
    block = b"".join(fields)
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def padding(size: int) -> int:
    """Return the zero bytes that follow `size` bytes of content."""
    return -size % BLOCK


def room(size: int) -> int:
    """Return the bytes that a member of `size` takes in an archive."""
    return BLOCK + size + padding(size)


def read_header(block: bytes) -> tuple[str, int]:
    """Return name and size of a header of ours. Raises ValueError saying what else it is."""
    if len(block) != BLOCK:
        raise ValueError("ends too early")
    name, size = _name(block), _size(block)
    try:
        right = header(name, size)
    except ValueError as error:
        raise ValueError(f"has a member {name!r}: {error}") from error
    if right != block:
        raise ValueError(_difference(block, name))
    return name, size


def _difference(block: bytes, name: str) -> str:
    stored = block[148:156].strip(b" \0")
    if stored != b"%06o" % (sum(block) - sum(block[148:156]) + 8 * 0x20):
        return "has a header with a wrong checksum"
    kind = block[156:157]
    if kind != b"0":
        return f"has {_KINDS.get(kind, 'a member of an unknown kind')} in it: {name!r}"
    return f"has a header that kutterlock does not write: {name!r}"


def _split(name: bytes) -> tuple[bytes, bytes]:
    if not name or b"\0" in name:
        raise ValueError("there is no such name in a tar")
    if len(name) <= 100:
        return b"", name
    at = name.find(b"/", len(name) - 101)
    if not 0 < at <= 155 or at == len(name) - 1:
        raise ValueError("its path is too long for a plain tar (100 bytes behind 155)")
    return name[:at], name[at + 1 :]


def _name(block: bytes) -> str:
    short = block[:100].partition(b"\0")[0]
    prefix = block[345:500].partition(b"\0")[0]
    try:
        return (prefix + b"/" + short if prefix else short).decode()
    except UnicodeDecodeError:
        raise ValueError("has a name that is not UTF-8") from None


def _size(block: bytes) -> int:
    digits = block[124:135]
    if digits.strip(b"01234567") or not digits:
        raise ValueError("has a header with a wrong size")
    return int(digits, 8)
