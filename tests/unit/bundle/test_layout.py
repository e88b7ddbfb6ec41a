"""Cuts: within the limit, in order, nothing lost."""

import pytest

from kutterlock.bundle.layout import lay_out
from kutterlock.bundle.write import head_size
from kutterlock.errors import UsageError
from kutterlock.model.bundle.manifest import LOCK_PATH, Bundle, BundleBlob, BundleFile
from kutterlock.model.digest import Digest
from kutterlock.model.encoding import ustar
from kutterlock.model.paths import RelativePath

LIMIT = 120_000


def bundle(*sizes: int) -> Bundle:
    blobs = [
        BundleBlob(name=f"b{n}", digest=digest, sha256=digest.hex, size=size)
        for n, size in enumerate(sizes)
        for digest in [Digest.of(str(n).encode())]
    ]
    lock = BundleFile(path=RelativePath(LOCK_PATH), kind="644", size=10, sha256="a" * 64)
    return Bundle(
        project="demo", version="1", boards=("pc",), lock=Digest("sha256", "a" * 64),
        files=(lock,), tools=(), blobs=tuple(sorted(blobs, key=lambda blob: blob.sha256)),
        volumes=(), splits={},
    )  # fmt: skip


def laid_out(made: Bundle, limit: int | None) -> Bundle:
    return lay_out(made, limit, lambda tried: head_size(tried, {}), lambda _: "b" * 64)


def test_without_a_limit_there_is_one_volume() -> None:
    made = laid_out(bundle(0, 1, 10**6), None)
    assert made.volumes == (4,)
    assert made.splits == {}


def test_what_is_larger_than_a_member_can_be_is_cut_all_the_same() -> None:
    made = laid_out(bundle(5 << 30), None)
    assert made.volumes == (3,)
    assert [part.size for part in next(iter(made.splits.values()))] == [4 << 30, 1 << 30]


@pytest.mark.parametrize(
    "sizes", [(300_000,), (10_000,) * 30, (0, 0, 1, 511, 512, 513), (99_999, 1)]
)
def test_volumes_keep_to_the_limit_and_hold_everything(sizes: tuple[int, ...]) -> None:
    made = laid_out(bundle(*sizes), LIMIT)
    for pieces in made.pieces():
        used = sum(ustar.room(piece.size) for piece in pieces)
        assert head_size(made, {}) + used + len(ustar.END) + (1 << 16) <= LIMIT
    found = [piece for pieces in made.pieces() for piece in pieces]
    assert sum(piece.size for piece in found) == sum(sizes) + 10


def test_volumes_that_cannot_hold_their_head_are_refused() -> None:
    with pytest.raises(UsageError) as caught:
        laid_out(bundle(10), 50_000)
    assert caught.value.reason.startswith("volumes of 50000 bytes are too small: each begins with")


def test_a_file_of_the_project_is_not_cut() -> None:
    made = bundle(10)
    large = BundleFile(path=RelativePath("overlays/x"), kind="644", size=10**6, sha256="c" * 64)
    with pytest.raises(UsageError) as caught:
        laid_out(made._replace(files=(*made.files, large)), LIMIT)
    assert caught.value.reason == "project/overlays/x (1000000 bytes) does not fit into a volume"
