"""The store under any history of writes, ends and resumes: a blob is whole or absent."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kutterlock.adapters.disk.store import Store
from kutterlock.errors import HashMismatchError
from kutterlock.model.digest import Digest

pytestmark = pytest.mark.property

contents = st.binary(max_size=200)
algorithms = st.sampled_from(["sha256", "sha512"])
cuts = st.lists(st.integers(min_value=0, max_value=200), max_size=6)


@contextmanager
def fresh_store() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as name:
        yield Store(Path(name) / "store")


def content(store: Store, digest: Digest) -> bytes:
    with store.open(digest) as file:
        return file.read()


@given(contents, algorithms)
def test_what_goes_in_comes_out_under_its_digest(data: bytes, algorithm: str) -> None:
    with fresh_store() as store:
        digest = store.add_bytes(data, algorithm)
        assert digest == Digest.of(data, algorithm)
        assert content(store, digest) == data
        assert list(store.blobs()) == [digest]
        assert store.partials() == {}


@given(contents, cuts)
def test_any_number_of_interruptions_gives_the_same_blob(data: bytes, pieces: list[int]) -> None:
    digest = Digest.of(data)
    with fresh_store() as store:
        for piece in pieces:
            with store.receive(digest) as sink:
                if not sink.is_done:
                    sink.write(data[sink.resume_offset :][:piece])
            assert not store.has(digest) or content(store, digest) == data
        with store.receive(digest) as sink:
            if not sink.is_done:
                sink.write(data[sink.resume_offset :])
                sink.commit()
        assert content(store, digest) == data
        assert store.partials() == {}


@given(contents, contents)
def test_other_bytes_never_get_the_name(data: bytes, other: bytes) -> None:
    digest = Digest.of(data)
    with fresh_store() as store:
        with store.receive(digest) as sink:
            sink.write(other)
            if other == data:
                sink.commit()
            else:
                with pytest.raises(HashMismatchError):
                    sink.commit()
                assert sink.resume_offset == 0
        assert store.has(digest) == (other == data)


@given(contents, st.binary(min_size=1, max_size=200))
def test_a_partial_of_garbage_only_costs_a_restart(data: bytes, garbage: bytes) -> None:
    digest = Digest.of(data)
    with fresh_store() as store:
        with store.receive(digest) as sink:
            sink.write(garbage)
        with store.receive(digest) as sink:
            if not sink.is_done:
                sink.restart()
                sink.write(data)
                sink.commit()
        assert content(store, digest) == data


@given(st.sets(contents, max_size=8))
def test_blobs_lists_exactly_what_was_added(data: set[bytes]) -> None:
    with fresh_store() as store:
        digests = {store.add_bytes(item) for item in data}
        assert list(store.blobs()) == sorted(digests)
