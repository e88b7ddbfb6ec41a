"""Buildroot's `.hash` files: which digests are promised for which file name.

The format is `TYPE  HEX  FILE` a line, `#` starting a comment (manual, "The .hash file"; the
program that checks them is support/download/check-hash). Several lines may name one file.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from kutterlock.errors import HashMismatchError, KutterError
from kutterlock.model.digest import HEX_LENGTH, Digest
from kutterlock.model.lock import Trust
from kutterlock.model.trust import TRUST_LEVELS

KNOWN_TYPES = {"md5", "sha1", "sha224", "sha256", "sha384", "sha512", "none"}
LARGEST = 4 << 20
"""Bytes of a .hash file that are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """Somebody's word that a file has a digest, and how far it is trusted."""

    digest: Digest
    trust: Trust


def parse_hash_file(text: str, origin: str) -> dict[str, tuple[Promise, ...]]:
    """Return the promises by file name. Only sha256 and sha512 count; weaker ones are left out.

    Raises KutterError naming the line that Buildroot's own check would stumble over.
    """
    found: dict[str, list[Promise]] = {}
    trust = Trust(level="checksum", by=origin)
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.split(maxsplit=2)
        if not fields or fields[0].startswith("#"):
            continue
        if len(fields) != len(("type", "hex", "file")) or fields[0] not in KNOWN_TYPES:
            raise KutterError(
                f"{origin}, line {number}: {line!r} is not 'TYPE  HEX  FILE'",
                hint=f"Buildroot knows the types {', '.join(sorted(KNOWN_TYPES - {'none'}))}",
            )
        algorithm, value, name = fields
        if algorithm in HEX_LENGTH:
            digest = _digest(f"{algorithm}:{value.lower()}", origin, number)
            found.setdefault(name.strip(), []).append(Promise(digest=digest, trust=trust))
    return {name: tuple(promises) for name, promises in found.items()}


def agreed(path: str, promises: Iterable[Promise]) -> Promise | None:
    """Return what all promises agree on, by the strongest word: sha256, else sha512, else None.

    Raises HashMismatchError with both values when two of one algorithm differ.
    """
    known: dict[str, list[Promise]] = {}
    for promise in promises:
        first = known.setdefault(promise.digest.algorithm, [promise])[0]
        known[promise.digest.algorithm].append(promise)
        if first.digest != promise.digest:
            raise HashMismatchError(
                f"two hashes are promised for {path}",
                details=[f"{item.digest} by {item.trust.by}" for item in (first, promise)],
                hint="find out which is right: upstream may have replaced the file",
            )
    chosen = known.get("sha256") or known.get("sha512") or []
    return max(chosen, key=lambda item: TRUST_LEVELS.index(item.trust.level), default=None)


def _digest(text: str, origin: str, number: int) -> Digest:
    try:
        return Digest.parse(text)
    except ValueError as error:
        raise KutterError(f"{origin}, line {number}: {error}") from error
