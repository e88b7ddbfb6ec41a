"""Whether a lock still says what the manifest asks for: offline, in milliseconds, by name.

Compares the manifest's meaning with the lines that the lock kept of it, the overlays and patches
on disk with their digests, and trust with the level that the manifest demands.
"""

from collections.abc import Iterable
from pathlib import Path

from kutterlock.adapters.disk.files import contained, digest_tree, hash_file
from kutterlock.errors import KutterError, StaleLockError
from kutterlock.model.lock import Lock
from kutterlock.model.manifest import Manifest
from kutterlock.model.paths import RelativePath
from kutterlock.model.trust import TRUST_LEVELS


def stale_fields(manifest: Manifest, lock: Lock, project: Path) -> list[str]:
    """Return one line a stale field, in the order of the lock; empty when the lock is current."""
    return [
        *_changed_meaning(manifest.meaning(), dict(lock.meaning)),
        *_changed_overlays(manifest, lock, project),
        *_changed_patches(lock, project),
        *_too_little_trust(manifest, lock),
    ]


def require_current(manifest: Manifest, lock: Lock, project: Path) -> None:
    """Raise StaleLockError naming every stale field."""
    stale = stale_fields(manifest, lock, project)
    if stale:
        count = "one field" if len(stale) == 1 else f"{len(stale)} fields"
        raise StaleLockError(
            f"kutter.lock is stale in {count}",
            details=stale,
            hint="run `kutterlock resolve`, then look at the change with `kutterlock diff`",
        )


def _changed_meaning(wanted: dict[str, str], locked: dict[str, str]) -> Iterable[str]:
    for key in sorted({*wanted, *locked}):
        before, after = (texts.get(key) or "(nothing)" for texts in (locked, wanted))
        if key not in locked:
            yield f"{key}: {after} is new in kutter.toml"
        elif key not in wanted:
            yield f"{key}: was {before}, is gone from kutter.toml"
        elif before != after:
            yield f"{key}: was {before}, is {after}"


def overlay_path(project: Path, name: str) -> Path:
    """Return where an overlay of the project stands."""
    return contained(project, RelativePath(f"overlays/{name}"))


def _changed_overlays(manifest: Manifest, lock: Lock, project: Path) -> Iterable[str]:
    for name in manifest.overlays:
        path = overlay_path(project, name)
        if not path.is_dir():
            yield f"overlays.{name}: there is no directory overlays/{name}"
        elif name in lock.overlays and (found := digest_tree(path)) != lock.overlays[name]:
            yield f"overlays.{name}: was {lock.overlays[name]}, the tree is {found}"


def _changed_patches(lock: Lock, project: Path) -> Iterable[str]:
    for name, pin in sorted(lock.overrides.items()):
        for path, digest in pin.patches:
            try:
                found = hash_file(contained(project, path))
            except (OSError, KutterError):
                yield f"overrides.{name}.patches: there is no {path}"
                continue
            if found != digest:
                yield f"overrides.{name}.patches: {path} was {digest}, is {found}"


def _too_little_trust(manifest: Manifest, lock: Lock) -> Iterable[str]:
    least = TRUST_LEVELS.index(manifest.policy.minimum_trust)
    trusts = {key: pin.trust for key, pin in lock.sources.items()}
    trusts |= {key: pin.trust for key, pin in lock.images.items()}
    for key, trust in trusts.items():
        if TRUST_LEVELS.index(trust.level) < least:
            yield (
                f"{key}: trusted by {trust.level}, "
                f"policy.minimum-trust demands {manifest.policy.minimum_trust}"
            )
