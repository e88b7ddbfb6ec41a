"""Newer facts over older ones: what is missing is filled, what differs stops the run.

Pure. A hash, once known, never changes: two values for one file are an error that shows both.
Support dates move, so the newer word counts.
"""

from collections.abc import Mapping
from typing import Any

from kutterlock.catalog.entries import UNKNOWN, read_digest
from kutterlock.errors import HashMismatchError
from kutterlock.model.trust import TRUST_LEVELS

NOT_HASHES = frozenset({"released", "facts", "from", "sizes", "trust", "images"})


def merge_input(name: str, base: Mapping[str, Any], update: Mapping[str, Any]) -> dict[str, Any]:
    """Merge an update of one input's file into it. Raises HashMismatchError."""
    releases = dict(base.get("releases", {}))
    for version, entry in update.get("releases", {}).items():
        known = releases.get(version)
        what = f"{name} {version}"
        releases[version] = entry if known is None else _merge_release(what, known, entry)
    return {
        **base,
        "releases": releases,
        "series": {**base.get("series", {}), **update.get("series", {})},
    }


def merge_images(base: Mapping[str, Any], update: Mapping[str, Any]) -> dict[str, Any]:
    """Merge an update of images.toml into it. Raises HashMismatchError."""
    images = dict(base.get("images", {}))
    for reference, entry in update.get("images", {}).items():
        known = images.get(reference)
        images[reference] = entry if known is None else _merge_image(reference, known, entry)
    return {**base, "images": images}


def _merge_release(
    what: str, known: Mapping[str, Any], update: Mapping[str, Any]
) -> dict[str, Any]:
    merged = dict(known)
    for role in sorted(update.keys() - NOT_HASHES):
        merged[role] = _merge_role(f"{what} {role}", known, update, role)
        merged["trust"] = {**merged.get("trust", {}), **_stronger_trust(role, known, update)}
    for key in ("facts", "sizes"):
        if key in update:
            merged[key] = {**update[key], **known.get(key, {})}
    if "released" in update:
        merged.setdefault("released", update["released"])
    return merged


def _merge_role(
    what: str, known: Mapping[str, Any], update: Mapping[str, Any], role: str
) -> str | dict[str, str]:
    old, new = known.get(role, UNKNOWN), update[role]
    if isinstance(old, dict) or isinstance(new, dict):
        old = old if isinstance(old, dict) else {}
        arches = sorted({*old, *new})
        return {
            arch: _one(f"{what} {arch}", old.get(arch), new.get(arch), known, update)
            for arch in arches
        }
    return _one(what, old, new, known, update)


def _one(
    what: str,
    old: str | None,
    new: str | None,
    known: Mapping[str, Any],
    update: Mapping[str, Any],
) -> str:
    if new is None or new == UNKNOWN:
        return old or UNKNOWN
    if old is None or old == UNKNOWN:
        return new
    before, after = read_digest(old), read_digest(new)
    if before and after and before.algorithm == after.algorithm and before != after:
        raise contradiction(what, f"{before} ({_origin(known)})", f"{after} ({_origin(update)})")
    return old


def _merge_image(
    reference: str, known: Mapping[str, Any], update: Mapping[str, Any]
) -> Mapping[str, Any]:
    old, new = known["digest"], update["digest"]
    if old == UNKNOWN:
        return update
    if new not in (UNKNOWN, old, *known.get("also-seen", ())):
        raise contradiction(reference, f"{old} ({_origin(known)})", f"{new} ({_origin(update)})")
    trust = {**known.get("trust", {}), **_stronger_trust("digest", known, update)}
    return {**known, "trust": trust} if trust else known


def contradiction(what: str, old: str, new: str) -> HashMismatchError:
    """Word two values for one hash; each comes with its origin."""
    return HashMismatchError(
        f"two hashes are claimed for {what}",
        details=[f"catalog: {old}", f"update:  {new}"],
        hint="trust neither before you know why: the file may have been replaced upstream, or on"
        " the way. Remove the update from the cache to go on with the catalog",
    )


def _origin(entry: Mapping[str, Any]) -> str:
    stated = sorted(set(entry.get("trust", {}).values()))
    return "; ".join(stated) or ", ".join(entry.get("from", ())) or "origin not recorded"


def _stronger_trust(
    role: str, known: Mapping[str, Any], update: Mapping[str, Any]
) -> dict[str, str]:
    new = update.get("trust", {}).get(role)
    if new is None:
        return {}
    old = known.get("trust", {}).get(role)
    if old is None:
        old = "first-use" if _unknown(known.get(role)) else "catalog"
    return {role: new} if _level(new) >= _level(old) else {}


def _unknown(value: str | Mapping[str, str] | None) -> bool:
    values = value.values() if isinstance(value, Mapping) else [value or UNKNOWN]
    return all(item == UNKNOWN for item in values)


def _level(stated: str) -> int:
    level = stated.partition(":")[0]
    return TRUST_LEVELS.index(level) if level in TRUST_LEVELS else -1
