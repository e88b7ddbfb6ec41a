"""Strict reading of parsed TOML or JSON: typed getters that collect every fault.

A `Reader` belongs to one document. Each `Table` knows its path in it, so that a fault names the
key; asking `close()` reports keys that nobody read, with the nearest known one. Nothing raises
until `Reader.finish()`, which hands all faults to the caller's error class at once.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:  # bundles have no dates, and their import is to begin at once
    import datetime

T = TypeVar("T")

_KIND = {"str": "a string", "int": "an integer", "bool": "true or false", "list": "a list",
         "dict": "a table", "date": "a date", "float": "a number"}  # fmt: skip


class Fault(NamedTuple):
    """What is wrong with the value at `path` (keys from the root on)."""

    path: tuple[str, ...]
    reason: str

    @property
    def key(self) -> str:
        """The path as TOML writes it: `boards.pc.arch`."""
        return ".".join(quote(part) for part in self.path) or "the document"

    def __str__(self) -> str:
        return f"{self.key}: {self.reason}"


def quote(part: str) -> str:
    """Quote a key where TOML must."""
    bare = part.replace("-", "").replace("_", "")
    return part if bare.isascii() and bare.isalnum() else f'"{part}"'


class Describe:
    """Words a fault; the file's adapter overrides it to add the line."""

    def __call__(self, fault: Fault) -> str:
        """Return one line for a person."""
        return str(fault)


class Reader:
    """The faults of one document."""

    def __init__(self) -> None:
        """None were found yet."""
        self.faults: list[Fault] = []

    def root(self, data: Mapping[str, Any]) -> "Table":
        """Return the document's root table."""
        return Table(self, data, ())

    def finish(self, error: Callable[[tuple[Fault, ...]], Exception]) -> None:
        """Raise `error(faults)` when there are any."""
        if self.faults:
            raise error(tuple(self.faults))


class Table:
    """One table of a document, read key by key."""

    def __init__(self, reader: Reader, data: Mapping[str, Any], path: tuple[str, ...]) -> None:
        """`path` is where the table stands in its document."""
        self._reader = reader
        self._data = data
        self._path = path
        self._known: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._data

    def fault(self, key: str | None, reason: str) -> None:
        """Record that the value of `key` (or the table itself) is wrong."""
        path = self._path if key is None else (*self._path, key)
        self._reader.faults.append(Fault(path, reason))

    def text(self, key: str, default: str | None = None) -> str:
        """Read a string; without a default the key is required."""
        return self._get(key, str, default, "")

    def integer(
        self, key: str, default: int | None = None, *, between: tuple[int, int] | None = None
    ) -> int:
        """Read an integer, bounds included where there are any."""
        before = len(self._reader.faults)
        value = self._get(key, int, default, 0)
        if between and before == len(self._reader.faults) and not between[0] <= value <= between[1]:
            self.fault(key, f"expected {between[0]} to {between[1]}, found {value}")
        return value

    def flag(self, key: str, *, default: bool | None = None) -> bool:
        """Read a boolean."""
        return self._get(key, bool, default, fallback=False)

    def date(self, key: str, default: "datetime.date | None" = None) -> "datetime.date":
        """Read a TOML local date."""
        import datetime

        return self._get(key, datetime.date, default, datetime.date.min)

    def optional(self, key: str, read: Callable[[str], T]) -> T | None:
        """Call `read(key)` when the key is there, else None."""
        self._known.add(key)
        return read(key) if key in self._data else None

    def parsed(self, key: str, parse: Callable[[str], T], default: str | None = None) -> T | None:
        """Read a string through a parser that raises ValueError; None after a fault."""
        before = len(self._reader.faults)
        raw = self.text(key, default)
        return None if len(self._reader.faults) > before else self._parse(key, raw, parse)

    def texts(self, key: str, default: tuple[str, ...] | None = ()) -> tuple[str, ...]:
        """Read a list of strings; `default=None` makes it required."""
        values = self._get(key, list, None if default is None else list(default), [])
        for value in values:
            if not isinstance(value, str):
                self.fault(key, f"expected a list of strings, found {_name(value)}")
                return ()
        return tuple(values)

    def parsed_list(self, key: str, parse: Callable[[str], T]) -> tuple[T, ...]:
        """Read a list of strings through a parser that raises ValueError."""
        found = [self._parse(key, value, parse) for value in self.texts(key)]
        return tuple(value for value in found if value is not None)

    def table(self, key: str, *, required: bool = False) -> "Table":
        """Read a sub-table; an absent one is empty."""
        data = self._get(key, dict, None if required else {}, {})
        return Table(self._reader, data, (*self._path, key))

    def tables(self) -> Iterator[tuple[str, "Table"]]:
        """Read every value of this table as a table, in document order."""
        for key in self._data:
            yield key, self.table(key, required=True)

    def table_list(self, key: str) -> Iterator["Table"]:
        """Read a list of tables; an absent one is empty."""
        for number, value in enumerate(self._get(key, list, [], [])):
            if isinstance(value, dict):
                yield Table(self._reader, value, (*self._path, key, str(number)))
            else:
                self.fault(key, f"expected a list of tables, found {_name(value)}")

    def lists(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Read every value of this table as a list of strings."""
        for key in self._data:
            yield key, self.texts(key, None)

    def items(self, *keys: str) -> Iterator[tuple[str, str]]:
        """Read every value (of `keys`, else all) of this table as a string."""
        for key in keys or self._data:
            yield key, self.text(key)

    def check_name(self, parse: Callable[[str], object]) -> None:
        """Put the table's own key through a parser that raises ValueError."""
        try:
            parse(self._path[-1])
        except ValueError as error:
            self.fault(None, str(error))

    def value(self) -> Mapping[str, Any]:
        """Return the table as it came, for a parser of its own."""
        return self._data

    def close(self) -> None:
        """Report keys that nobody asked for."""
        for key in self._data:
            if key not in self._known:
                import difflib

                near = difflib.get_close_matches(key, sorted(self._known), n=1)
                hint = f", did you mean {quote(near[0])}?" if near else ""
                self.fault(key, f"unknown key{hint}")

    def _parse(self, key: str, raw: str, parse: Callable[[str], T]) -> T | None:
        try:
            return parse(raw)
        except ValueError as error:
            self.fault(key, str(error))
            return None

    def _get(self, key: str, kind: type[T], default: T | None, fallback: T) -> T:
        self._known.add(key)
        if key not in self._data:
            if default is None:
                self.fault(key, "is missing")
                return fallback
            return default
        value = self._data[key]
        if type(value) is not kind:
            self.fault(key, f"expected {_KIND[kind.__name__]}, found {_name(value)}")
            return fallback
        return value


def _name(value: object) -> str:
    name = type(value).__name__
    return _KIND.get(name, name)
