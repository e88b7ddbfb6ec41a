"""What changed between two locks, pin by pin: for the summary of `resolve` and for `diff`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kutterlock.model.lock import Lock
from kutterlock.model.lock_format import lock_to_dict

_PIN_TABLES = ("inputs", "overlays", "overrides", "sources", "images", "boards")
_SCALARS = ("as-of", "source-date-epoch", "buildroot")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One pin that is new, gone, or says something else; `before` and `after` are for people."""

    table: str
    name: str
    before: str
    after: str

    def __str__(self) -> str:
        where = f"{self.table}.{self.name}" if self.name else self.table
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
            yield Change(
                table=key[0], name=key[1], before=_word(before, after), after=_word(after, before)
            )


def _word(value: object, other: object) -> str:
    """Name the value by what differs from `other`: a version or digest where that says it."""
    if value is None:
        return ""
    if not isinstance(value, Mapping):
        return _short(value)
    if not isinstance(other, Mapping):
        other, keys = {}, ["version"] if "version" in value else ["digest"]
    else:
        keys = [key for key in value if value[key] != other.get(key)]
    if keys == ["version"]:
        return str(value["version"])
    return ", ".join(f"{key} {_short(value[key])}" for key in keys if key in value) or "(less)"


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:37] + "..."
