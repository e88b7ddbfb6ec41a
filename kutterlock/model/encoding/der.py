"""The little of DER that keys and signatures need: integers, octets, identifiers, sequences."""

_INTEGER, _OCTETS, _NULL, _IDENTIFIER, _SEQUENCE = 0x02, 0x04, 0x05, 0x06, 0x30


def sequence(*members: bytes) -> bytes:
    """Encode a SEQUENCE of encoded members."""
    return _encode(_SEQUENCE, b"".join(members))


def integer(number: int) -> bytes:
    """Encode a non-negative INTEGER."""
    return _encode(_INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def octets(data: bytes) -> bytes:
    """Encode an OCTET STRING."""
    return _encode(_OCTETS, data)


def null() -> bytes:
    """Encode NULL."""
    return _encode(_NULL, b"")


def identifier(dotted: str) -> bytes:
    """Encode an OBJECT IDENTIFIER."""
    first, second, *rest = (int(part) for part in dotted.split("."))
    body = bytes([40 * first + second])
    return _encode(_IDENTIFIER, body + b"".join(_base128(arc) for arc in rest))


def ecdsa_signature(r: int, s: int) -> bytes:
    """Encode an ECDSA signature as X9.62 has it."""
    return sequence(integer(r), integer(s))


def read_ecdsa_signature(data: bytes) -> tuple[int, int]:
    """Return r and s. Raises ValueError unless `data` is exactly their encoding."""
    if len(data) > 80 or len(data) < 8 or data[0] != _SEQUENCE or data[2] != _INTEGER:
        raise ValueError("not an ECDSA signature")
    length = data[3]
    r = int.from_bytes(data[4 : 4 + length], "big")
    s = int.from_bytes(data[6 + length :], "big")
    if ecdsa_signature(r, s) != data:
        raise ValueError("not an ECDSA signature")
    return r, s


def _encode(tag: int, body: bytes) -> bytes:
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + body


def _base128(number: int) -> bytes:
    groups = [number & 0x7F]
    while number := number >> 7:
        groups.append(0x80 | (number & 0x7F))
    return bytes(reversed(groups))
