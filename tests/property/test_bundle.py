"""Manifests, labels and volumes of strangers: a value, or one kind of error, whatever comes."""

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kutterlock.bundle.volume import Volume
from kutterlock.errors import HashMismatchError
from kutterlock.model.bundle.inventory import read_inventory, write_inventory
from kutterlock.model.bundle.manifest import BundleBlob, content_digest, read_bundle
from kutterlock.model.bundle.volume import Label, read_label
from kutterlock.model.digest import Digest
from kutterlock.model.encoding import ustar
from kutterlock.model.encoding.canonical_json import canonical_json
from kutterlock.model.encoding.strict_json import read_object
from tests.support.bundles import Near, some_files

pytestmark = pytest.mark.property

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
BLOBS = st.lists(
    st.builds(
        lambda seed, name, size, algorithm: BundleBlob(
            name=name, digest=Digest.of(seed, algorithm), sha256=Digest.of(seed).hex, size=size
        ),
        st.binary(max_size=3), NAMES, st.integers(0, 1 << 40),
        st.sampled_from(["sha256", "sha512"]),
    ),
    max_size=5, unique_by=lambda blob: blob.sha256,
)  # fmt: skip


@functools.cache
def volumes() -> tuple[bytes, ...]:
    """Return the volumes of a bundle."""
    with tempfile.TemporaryDirectory() as name:
        near = Near(Path(name), files=some_files(count=3, size=50_000))
        return tuple(path.read_bytes() for path in near.create(limit=150_000).paths)


@functools.cache
def manifest() -> bytes:
    """Return the manifest of a bundle."""
    _, size = ustar.read_header(volumes()[0][:512])
    return volumes()[0][512 : 512 + size]


@given(blobs=BLOBS)
def test_an_inventory_survives_a_round_trip(blobs: list[BundleBlob]) -> None:
    data = write_inventory(blobs)
    assert sorted(read_inventory(data), key=str) == sorted(blobs, key=str)
    assert write_inventory(list(reversed(blobs))) == data
    assert content_digest(reversed(blobs)) == content_digest(blobs)


@given(names=st.lists(st.from_regex(r"signatures/[a-z0-9.]{1,20}", fullmatch=True)))
def test_a_label_survives_a_round_trip(names: list[str]) -> None:
    head = {name: Digest.of(name.encode()) for name in names}
    label = Label(bundle=Digest.of(b""), number=3, head=head)
    assert read_label(label.to_bytes()).to_bytes() == label.to_bytes()


def paths_in(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    items: Any = value.items() if isinstance(value, dict) else (
        enumerate(value) if isinstance(value, list) else ()
    )  # fmt: skip
    for key, item in items:
        found += paths_in(item, (*path, key))
    return found


def put(value: object, path: tuple[Any, ...], new: object) -> object:
    if not path:
        return new
    assert isinstance(value, dict | list)
    copy: Any = value.copy()
    copy[path[0]] = put(copy[path[0]], path[1:], new)
    return copy


@given(data=st.data())
def test_a_manifest_with_any_value_changed_is_refused_or_means_that(data: st.DataObject) -> None:
    value = read_object(manifest(), "it")
    path = data.draw(st.sampled_from(paths_in(dict(value))[1:]))
    changed = canonical_json(put(dict(value), path, data.draw(VALUES)))
    _reads_as_itself_or_fails(read_bundle, changed)


@given(text=st.binary(max_size=200))
def test_any_bytes_are_no_manifest_label_or_inventory(text: bytes) -> None:
    for read in (read_bundle, read_label, read_inventory):
        with pytest.raises(HashMismatchError):
            read(text)


def _reads_as_itself_or_fails(read: Callable[[bytes], Any], data: bytes) -> None:
    try:
        value = read(data)
    except HashMismatchError:
        return
    assert value.to_bytes() == data
    assert sum(map(len, value.pieces())) == sum(value.volumes)


@given(name=st.text(max_size=300), size=st.integers(-5, 1 << 34))
def test_a_header_says_what_it_was_made_from(name: str, size: int) -> None:
    try:
        block = ustar.header(name, size)
    except ValueError:
        return
    assert ustar.read_header(block) == (name, size)


@settings(max_examples=60)
@given(data=st.data())
def test_a_volume_that_was_changed_anywhere_never_reads_to_its_end(data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from(volumes()))
    start = data.draw(st.integers(0, len(whole) - 1))
    piece = data.draw(st.binary(max_size=600))
    cut = data.draw(st.integers(0, 600))
    changed = whole[:start] + piece + whole[start + cut :]
    if changed != whole:
        with pytest.raises(HashMismatchError):
            read_through(changed)


def read_through(data: bytes) -> None:
    """Read a volume, comparing every piece with its digest."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        with Volume(Path(file.name)) as volume:
            for piece in volume.pieces:
                volume.begin(piece)
                found = b"".join(bytes(chunk) for chunk in volume.content(piece))
                if Digest.of(found).hex != piece.sha256:
                    raise volume.fault(f"has a wrong {piece.name}")
            volume.end()
