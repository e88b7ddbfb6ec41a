r"""Checksum files in every shape that upstreams publish. Pure, bounded, refusing ambiguity.

The shapes: hex alone; `HEX  NAME` and `HEX *NAME` (coreutils); `SHA256 (NAME) = HEX` (BSD,
openssl); `SHA256: HEX  NAME` (Buildroot's .sign). Only sha256 and sha512 count; md5 and sha1
lines are passed over, and so are lines of prose. A line that has a long hex number and no known
shape is an error: better no answer than half of one.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from kutterlock.model.digest import HEX_LENGTH, Digest
from kutterlock.model.signing.armor import is_clearsigned

LARGEST = 8 << 20
"""No checksum file is longer, in characters: kernel.org's for a whole series has about one."""

_BARE = re.compile(r"([0-9A-Fa-f]+)\Z")
_COREUTILS = re.compile(r"([0-9A-Fa-f]{32,128}) [ *]([^\s*].*)\Z")
_BSD = re.compile(r"([A-Z0-9/-]+) ?\((.+)\) ?= ?([0-9A-Fa-f]{32,128})\Z")
_LABELLED = re.compile(r"([A-Z0-9-]+): +([0-9A-Fa-f]{32,128})  (\S.*)\Z")
_HEX_RUN = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{32,}(?![0-9A-Za-z])")

_LABELS = {"SHA256": "sha256", "SHA2-256": "sha256", "SHA512": "sha512", "SHA2-512": "sha512"}
_OTHER_LABELS = {"MD5", "SHA1", "SHA224", "SHA384", "SHA2-224", "SHA2-384", "RMD160"}
_LENGTHS = {length: algorithm for algorithm, length in HEX_LENGTH.items()}
_OTHER_LENGTHS = {32, 40, 56, 96}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checksums:
    """What a checksum file says: the digests by name, or one digest for the only file it means."""

    bare: Digest | None = None
    named: Mapping[tuple[str, str], Digest] = field(default_factory=dict)

    def digest(self, name: str, algorithm: str = "sha256") -> Digest:
        """Return the digest of a file by exact name. Raises ValueError when it has none."""
        if self.bare is not None and self.bare.algorithm == algorithm:
            return self.bare
        found = self.named.get((algorithm, name))
        if found is None:
            raise ValueError(f"has no {algorithm} for {name}")
        return found


def parse_checksums(text: str) -> Checksums:
    """Read a checksum file. Raises ValueError with a reason that follows the file's name."""
    if len(text) > LARGEST:
        raise ValueError(f"is longer than {LARGEST} characters")
    if is_clearsigned(text):
        raise ValueError("is signed: its text is to be taken out by the verifier first")
    if match := _BARE.match(text.strip()):
        return Checksums(bare=_bare(match[1]))
    named: dict[tuple[str, str], Digest] = {}
    for name, digest in _entries(text):
        known = named.setdefault((digest.algorithm, name), digest)
        if known != digest:
            raise ValueError(f"has two digests for {name}: {known} and {digest}")
    if not named:
        raise ValueError("has no checksum in it")
    return Checksums(named=named)


def _bare(text: str) -> Digest:
    algorithm = _LENGTHS.get(len(text))
    if algorithm is None:
        raise ValueError(f"has {len(text)} hex digits, which is neither sha256 nor sha512")
    return Digest(algorithm, text.lower())


def _entries(text: str) -> Iterator[tuple[str, Digest]]:
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.rstrip("\r")
        try:
            found = _entry(line)
        except ValueError as error:
            raise ValueError(f"line {number} {error}") from error
        if found:
            yield found


def _entry(line: str) -> tuple[str, Digest] | None:
    if match := _COREUTILS.match(line):
        return _checked(match[2], _by_length(match[1]), match[1])
    if match := _BSD.match(line):
        return _checked(match[2], _by_label(match[1]), match[3])
    if match := _LABELLED.match(line):
        return _checked(match[3], _by_label(match[1]), match[2])
    if _HEX_RUN.search(line):
        raise ValueError("has a hash, but not in a known shape")
    return None


def _checked(name: str, algorithm: str | None, text: str) -> tuple[str, Digest] | None:
    if algorithm is None:
        return None
    if len(text) != HEX_LENGTH[algorithm]:
        raise ValueError(
            f"has {len(text)} hex digits where {algorithm} has {HEX_LENGTH[algorithm]}"
        )
    bare = name.removeprefix("./")
    if not bare or bare != bare.strip() or not bare.isprintable():
        raise ValueError("has a name that cannot be one")
    return bare, Digest(algorithm, text.lower())


def _by_length(text: str) -> str | None:
    if len(text) not in _LENGTHS and len(text) not in _OTHER_LENGTHS:
        raise ValueError(f"has {len(text)} hex digits, which is no known hash")
    return _LENGTHS.get(len(text))


def _by_label(label: str) -> str | None:
    if label not in _LABELS and label not in _OTHER_LABELS:
        raise ValueError(f"names an unknown hash algorithm, {label}")
    return _LABELS.get(label)
