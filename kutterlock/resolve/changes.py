"""What changed between two locks, pin by pin: for the summary of `resolve` and for `diff`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kutterlock.model.digest import HEX_LENGTH
from kutterlock.model.lock import Lock
from kutterlock.model.lock_format import lock_to_dict

DIGITS = 24
LONGEST = 80

_HELD = {"packages": "package", "sources": "source", "patches": "patch"}
_PIN_TABLES = ("inputs", "overlays", "overrides", "sources", "images", "boards")
_SCALARS = ("as-of", "source-date-epoch", "buildroot")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One pin that is new, gone, or says something else, in words for people.

    `parts` say what differs within a pin that has several values; else `before` and `after` do.
    """

    table: str
    name: str
    before: str = ""
    after: str = ""
    parts: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = f"{self.table}.{self.name}" if self.name else self.table
        if self.parts:
            return f"~ {where}: {'; '.join(self.parts)}"
        if not self.before:
            return f"+ {where}: {self.after}"
        if not self.after:
            return f"- {where}: {self.before}"
        return f"~ {where}: {self.before} -> {self.after}"


def changes(before: Lock | None, after: Lock) -> list[Change]:
    """Return every pin that differs, in the order of the lock."""
    old = lock_to_dict(before) if before else {}
    new = lock_to_dict(after)
    return list(_diff(_flat(old), _flat(new)))


def count_pins(lock: Lock) -> int:
    """Return how many pins a lock holds, each counted as `changes` counts it."""
    return len(_flat(lock_to_dict(lock)))


def _flat(tables: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
    flat: dict[tuple[str, str], Any] = {(key, ""): tables[key] for key in _SCALARS if key in tables}
    for table in _PIN_TABLES:
        flat |= {(table, name): value for name, value in tables.get(table, {}).items()}
    environment = tables.get("environment", {})
    for key, value in environment.items():
        if key == "packages":
            flat |= {("environment.packages", name): pin for name, pin in value.items()}
        else:
            flat["environment", key] = value
    return flat


def _diff(
    old: Mapping[tuple[str, str], Any], new: Mapping[tuple[str, str], Any]
) -> Iterable[Change]:
    for key in [*new, *(key for key in old if key not in new)]:
        before, after = old.get(key), new.get(key)
        if before != after:
            yield _change(key, before, after)


def _change(key: tuple[str, str], before: object, after: object) -> Change:
    table, name = key
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        differing = [k for k in {**before, **after} if before.get(k) != after.get(k)]
        parts = tuple(_part(k, before.get(k), after.get(k)) for k in differing)
        return Change(table=table, name=name, parts=parts)
    return Change(table=table, name=name, before=_whole(before), after=_whole(after))


def _part(key: str, before: object, after: object) -> str:
    """Say what differs in one value of a pin; of lists and tables only what came and went."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        names = [
            name for name in sorted({**before, **after}) if before.get(name) != after.get(name)
        ]
        return f"{key} " + ", ".join(_moved(n, before.get(n), after.get(n)) for n in names)
    if isinstance(before, list) and isinstance(after, list):
        gone = [f"-{_short(item)}" for item in before if item not in after]
        come = [f"+{_short(item)}" for item in after if item not in before]
        return f"{key} " + (", ".join(gone + come) or "in another order")
    return f"{key} {_short(before)} -> {_short(after)}"


def _moved(name: str, before: object, after: object) -> str:
    if before is None:
        return f"+{name} {_short(after)}".rstrip()
    if after is None:
        return f"-{name} {_short(before)}".rstrip()
    return f"{name} {_short(before)} -> {_short(after)}"


def _whole(value: object) -> str:
    """Name a pin that came or went: by its version or digest, or by what it holds."""
    if value is None:
        return ""
    if not isinstance(value, Mapping):
        return _short(value)
    for key in ("version", "digest"):
        if value.get(key):
            return _short(value[key])
    held = [
        f"{len(value[plural])} {plural}" if len(value[plural]) > 1 else f"one {single}"
        for plural, single in _HELD.items()
        if value.get(plural)
    ]
    return ", ".join(held) or "empty"


def _short(value: object) -> str:
    """Word a value on one line; a digest needs no more than tells it from another."""
    text = str(value)
    algorithm, colon, hexadecimal = text.partition(":")
    if colon and algorithm in HEX_LENGTH:
        return f"{algorithm}:{hexadecimal[:DIGITS]}..."
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
