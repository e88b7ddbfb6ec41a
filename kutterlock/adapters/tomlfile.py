"""TOML files: reading with line numbers in errors, writing deterministically."""

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli

from kutterlock.adapters.disk.files import explained, open_document, write_atomically
from kutterlock.adapters.disk.staging import sweep
from kutterlock.errors import KutterError, LockError, ManifestError
from kutterlock.model.encoding.table import Describe, Fault
from kutterlock.model.encoding.text import text_of
from kutterlock.model.lock import Lock
from kutterlock.model.lock_format import lock_to_dict, parse_lock

if TYPE_CHECKING:  # reading a lock must not cost the import of the manifest's specifiers
    from kutterlock.model.manifest import Manifest

LARGEST = 16 << 20
"""No manifest or lock is larger, in bytes; a hostile one is not read into memory."""

LARGEST_NUMBER = 2**63 - 1
"""TOML 1.0, Integer: 64 bits. Python reads longer hexadecimal ones, and cannot print them."""

HEADER = """\
# kutter.lock: every byte that goes into every board, by digest. Written by `kutterlock resolve`;
# do not edit. Mirrors never change it: URLs are hints, digests decide.

"""


def read_manifest(path: Path) -> "Manifest":
    """Read `kutter.toml`. Raises ManifestError naming keys and lines."""
    from kutterlock.model.manifest import parse_manifest

    text = _read(path, ManifestError, "run `kutterlock init` to write one")
    data = _parse(text, path, ManifestError, "correct the TOML syntax")
    return parse_manifest(data, _LineFinder(text))


def read_lock(path: Path) -> Lock:
    """Read `kutter.lock`. Raises LockError."""
    text = _read(path, LockError, "run `kutterlock resolve` to write it")
    return parse_lock(_parse(text, path, LockError, "take it back from version control"))


def parse_lock_bytes(data: bytes, path: Path) -> Lock:
    """Read a lock whose bytes were read already. Raises LockError."""
    try:
        text = text_of(data)
    except ValueError as fault:
        raise LockError(f"{path} {fault}", hint="take it back from version control") from fault
    return parse_lock(_parse(text, path, LockError, "take it back from version control"))


def lock_bytes(lock: Lock) -> bytes:
    """Return the lock as its file's bytes: the same lock, the same bytes."""
    return HEADER.encode() + table_bytes(lock_to_dict(lock))


def table_bytes(table: Mapping[str, Any]) -> bytes:
    """Return tables as a TOML file's bytes, in the order that they have."""
    import tomli_w

    return tomli_w.dumps(table).encode()


def write_lock(path: Path, lock: Lock) -> None:
    """Write `kutter.lock`, whole or not at all."""
    with explained(path):
        sweep(path.parent)
    write_atomically(path, lock_bytes(lock))


def read_table(path: Path) -> Mapping[str, Any]:
    """Read any other TOML file, such as the user's configuration."""
    text = _read(path, KutterError, "")
    return _parse(text, path, KutterError, "correct the TOML syntax")


def _read(path: Path, error: type[KutterError], hint: str) -> str:
    try:
        with open_document(path) as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise error(f"{path} is larger than {LARGEST} bytes")
        return text_of(data)
    except FileNotFoundError:
        raise error(f"there is no {path}", hint=hint) from None
    except OSError as fault:
        raise error(f"{path} cannot be read: {fault}") from fault
    except ValueError as fault:
        raise error(f"{path} {fault}", hint="save it as UTF-8 text, or take it back") from fault


def _parse(text: str, path: Path, error: type[KutterError], hint: str) -> Mapping[str, Any]:
    try:
        table = tomli.loads(text)
    except (tomli.TOMLDecodeError, RecursionError) as fault:
        raise error(f"{path} is not TOML: {fault}", hint=hint) from fault
    except ValueError as fault:  # more decimal digits than Python converts
        raise error(f"{path} {_TOO_LONG}", hint=hint) from fault
    if not _fits(table.values()):
        raise error(f"{path} {_TOO_LONG}", hint=hint)
    return table


_TOO_LONG = "is not TOML: a number in it is longer than 64 bits"


def _fits(values: Iterable[object]) -> bool:
    for value in values:
        if isinstance(value, int) and not ~LARGEST_NUMBER <= value <= LARGEST_NUMBER:
            return False
        inner = value.values() if isinstance(value, dict) else value
        if isinstance(inner, Iterable) and not isinstance(inner, str) and not _fits(inner):
            return False
    return True


class _LineFinder(Describe):
    """Finds the line on which a key stands, for files written in the usual way."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __call__(self, fault: Fault) -> str:
        line = self._find(fault.path)
        return f"line {line}: {fault}" if line else str(fault)

    def _find(self, path: tuple[str, ...]) -> int:
        """Return the first line of the key, else the last of a table that it is in, else 0."""
        first, last = self._places
        return first.get(path) or max(last.get(path[:n], 0) for n in range(len(path) + 1))

    @cached_property
    def _places(self) -> tuple[dict[tuple[str, ...], int], dict[tuple[str, ...], int]]:
        """The first and the last line of each key: a file may have as many faults as lines."""
        first: dict[tuple[str, ...], int] = {}
        last: dict[tuple[str, ...], int] = {}
        header: tuple[str, ...] = ()
        for number, line in enumerate(self._text.splitlines(), 1):
            text, equals, _ = line.strip().partition("=")
            table, closed, _ = line.strip().lstrip("[").partition("]")
            if line.lstrip().startswith("[") and table.strip() and closed:
                keys = header = _split(table)
            elif equals and text.strip() and "#" not in text:
                keys = (*header, *_split(text))
            else:
                continue
            first.setdefault(keys, number)
            last[keys] = number
        return first, last


def _split(dotted: str) -> tuple[str, ...]:
    parts = re.findall(r'"([^"]*)"|\'([^\']*)\'|([^.\s]+)', dotted)
    return tuple(a or b or c for a, b, c in parts)
