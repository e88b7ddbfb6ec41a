"""Check a file against .hash files, with the real program's verdicts and its blind spots.

A line is ``algorithm  hex  name``. Every line that names the file must match. A name that no line
mentions is an error, unless no .hash file exists at all: then anything goes, with a warning.
"""

import hashlib
import sys
from collections.abc import Collection, Iterable, Iterator
from enum import IntEnum
from pathlib import Path

ALGORITHMS = {"md5", "sha1", "sha224", "sha256", "sha384", "sha512"}


class Verdict(IntEnum):
    """What a check says; the values are the real program's exit codes."""

    ACCEPTED = 0
    WRONG = 2
    UNLISTED = 3
    UNKNOWN_ALGORITHM = 4


def check(file: Path, name: str, hash_files: Iterable[Path], exempt: Collection[str]) -> Verdict:
    """Check the file as if it were called ``name``; ``exempt`` names may go without a hash."""
    existing = [path for path in hash_files if path.is_file()]
    if not existing:
        _say(f"WARNING: no hash file for {name}")
        return Verdict.ACCEPTED
    listed = False
    for path in existing:
        for algorithm, expected in _lines_for(path, name):
            verdict = _check_one(file, name, algorithm, expected, path)
            if verdict is not Verdict.ACCEPTED:
                return verdict
            listed = True
    if not listed and name not in exempt:
        _say(f"ERROR: No hash found for {name}")
        return Verdict.UNLISTED
    return Verdict.ACCEPTED


def _lines_for(path: Path, name: str) -> Iterator[tuple[str, str]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        algorithm, expected, listed = [*line.split(None, 2), "", "", ""][:3]
        if not algorithm.startswith("#") and listed.strip() == name:
            yield algorithm, expected


def _check_one(file: Path, name: str, algorithm: str, expected: str, source: Path) -> Verdict:
    if algorithm not in ALGORITHMS:
        _say(f"ERROR: unknown hash '{algorithm}' for '{name}'")
        return Verdict.UNKNOWN_ALGORITHM
    with file.open("rb") as stream:
        actual = hashlib.file_digest(stream, algorithm).hexdigest()
    if actual == expected:
        print(f"{name}: OK ({algorithm}: {actual})", flush=True)
        return Verdict.ACCEPTED
    _say(f"ERROR: while checking hashes from {source}")
    _say(f"ERROR: {name} has wrong {algorithm} hash:")
    _say(f"ERROR: expected: {expected}")
    _say(f"ERROR: got     : {actual}")
    return Verdict.WRONG


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
