"""Render what make knows about packages as JSON: ``make show-info`` pipes its records in.

A record is a series of ``key=value`` fields, each ended by the unit separator, and is itself ended
by the record separator. The keys are those of the real program, but for ``entry`` (the name that
the record goes by) and ``download`` (a file name and its URIs).
"""

import json
import sys
from collections.abc import Iterator
from typing import TypeAlias

Value: TypeAlias = str | bool | list[str] | list[dict[str, str | list[str]]] | None

LISTS = {"dependencies", "reverse_dependencies", "license_files", "hashes", "patches"}
LISTS_IF_ANY = {"ignore_cves", "provides"}
TEXTS_IF_ANY = {"cpe-id"}
NOT_VALUES = {"entry", "download"}
FLAGS = {"virtual", "redistributable", "install_target", "install_staging", "install_images"}


def main() -> None:
    """Read records from standard input, print one JSON object."""
    records = sys.stdin.read().split("\x1e")
    entries = dict(read_record(record) for record in records if record.strip())
    print(json.dumps(entries))


def read_record(record: str) -> tuple[str, dict[str, Value]]:
    """Turn one record into the entry's name and its JSON object."""
    fields = [field.strip().partition("=") for field in record.split("\x1f") if field.strip()]
    facts = [(key, value.strip()) for key, _, value in fields]
    entry = dict(_values(facts))
    if "version" in entry:
        entry["downloads"] = [_download(value) for key, value in facts if key == "download"]
    return next(value for key, value in facts if key == "entry"), entry


def _values(facts: list[tuple[str, str]]) -> Iterator[tuple[str, Value]]:
    for key, value in facts:
        if key in NOT_VALUES or (not value and key in LISTS_IF_ANY | TEXTS_IF_ANY):
            continue
        if key in FLAGS:
            yield key, value == "YES"
        elif key in LISTS | LISTS_IF_ANY:
            yield key, value.split()
        elif key == "image_name":
            yield key, value or None
        else:
            yield key, value


def _download(value: str) -> dict[str, str | list[str]]:
    source, *uris = value.split()
    return {"source": source, "uris": uris}


if __name__ == "__main__":
    main()
