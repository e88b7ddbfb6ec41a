"""Documents survive a round trip, and whatever stands in them ends in a value or one error."""

import contextlib
import copy
import datetime
import json
from typing import Any

import pytest
import tomli
from hypothesis import given, settings
from hypothesis import strategies as st

from kutterlock.adapters.tomlfile import lock_bytes
from kutterlock.errors import KutterError, LockError, ManifestError
from kutterlock.model.digest import Digest
from kutterlock.model.encoding.table import Describe
from kutterlock.model.lock import SourcePin, Trust
from kutterlock.model.lock_format import lock_to_dict, parse_lock
from kutterlock.model.manifest import parse_manifest
from kutterlock.model.output import OutputFile, OutputManifest, parse_output_manifest
from kutterlock.model.paths import RelativePath
from tests.support import samples

pytestmark = pytest.mark.property

SEGMENT = st.text(st.characters(codec="utf-8", exclude_characters="/\\\0\n\r#"), min_size=1).filter(
    lambda text: text not in (".", "..")
)
PATHS = st.lists(SEGMENT, min_size=1, max_size=3).map(lambda parts: RelativePath("/".join(parts)))
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,9}", fullmatch=True)
DIGESTS = st.binary(max_size=4).map(Digest.of)
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]))
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def source_pins(draw: st.DrawFn) -> SourcePin:
    path = draw(PATHS)
    return SourcePin(
        key=path,
        path=path,
        digest=draw(DIGESTS),
        urls=tuple(draw(st.lists(TEXT, max_size=2))),
        trust=Trust(level="pgp", by=draw(TEXT)),
        packages=tuple(sorted(draw(st.sets(NAMES, max_size=2)))),
    )


@given(st.lists(source_pins(), max_size=3))
def test_a_lock_reads_back_as_itself_whatever_the_sources_are_called(pins: list[SourcePin]) -> None:
    lock = samples.lock()
    sources = {**lock.sources, **{pin.key: pin for pin in pins}}
    lock = lock._replace(sources=sources)
    written = lock_bytes(lock)
    again = parse_lock(tomli.loads(written.decode()))
    assert again == lock
    assert lock_bytes(again) == written


@given(st.lists(st.builds(OutputFile, path=PATHS, size=st.integers(0), digest=DIGESTS), max_size=4))
def test_an_output_manifest_reads_back_as_itself(files: list[OutputFile]) -> None:
    unique = tuple(sorted({file.path: file for file in files}.values()))
    nothing = Digest.of(b"")
    manifest = OutputManifest(board="pc", derivation=nothing, lock=nothing, pure=True, files=unique)
    assert parse_output_manifest(manifest.to_bytes()) == manifest


def _places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else []
    return [path, *(place for key, inner in children for place in _places(inner, (*path, key)))]


LOCK_TABLES = lock_to_dict(samples.lock())
LOCK_PLACES = _places(LOCK_TABLES)[1:]


@settings(max_examples=300)
@given(st.sampled_from(LOCK_PLACES), VALUES)
def test_any_value_anywhere_in_a_lock_gives_a_lock_or_a_lock_error(
    place: tuple[Any, ...], value: object
) -> None:
    data = copy.deepcopy(LOCK_TABLES)
    inner = data
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with contextlib.suppress(LockError):
        parse_lock(data)


@given(st.dictionaries(TEXT, VALUES, max_size=4))
def test_any_manifest_gives_a_manifest_or_a_manifest_error(data: dict[str, Any]) -> None:
    with pytest.raises(ManifestError):
        parse_manifest(data, Describe())


@given(st.binary(max_size=200) | VALUES.map(lambda value: json.dumps(value, default=str).encode()))
def test_any_bytes_give_an_output_manifest_or_an_error(data: bytes) -> None:
    with pytest.raises(KutterError):
        parse_output_manifest(data)


def test_the_date_is_a_date() -> None:
    assert parse_lock(LOCK_TABLES).as_of == datetime.date(2026, 8, 22)
