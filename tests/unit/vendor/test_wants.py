import pytest

from kutterlock.errors import LockError
from kutterlock.model.digest import Digest
from kutterlock.vendor.wants import Want, distinct, wants_of
from tests.support import samples


def test_a_lock_wants_its_sources_and_packages_by_name() -> None:
    wants = wants_of(samples.lock())
    assert [want.name for want in wants] == [
        "buildroot-2026.08.tar.gz",
        "hello/hello-1.0.tar.gz",
        "pool/main/m/make-dfsg/make_4.4.1-2_amd64.deb",
    ]
    assert wants[1].urls == (
        "https://example.org/hello/hello-1.0.tar.gz",
        "https://sources.buildroot.net/hello/hello-1.0.tar.gz",
    )
    assert wants[2].urls == (
        "https://snapshot.debian.org/archive/debian/20261122T000000Z/"
        "pool/main/m/make-dfsg/make_4.4.1-2_amd64.deb",
    )


def test_buildroots_own_mirror_is_asked_once() -> None:
    lock = samples.lock()
    urls = ("https://sources.buildroot.net/hello/hello-1.0.tar.gz", "https://example.org/x")
    pin = lock.sources["hello/hello-1.0.tar.gz"]._replace(urls=urls)
    changed = lock._replace(sources={**lock.sources, pin.key: pin})
    assert wants_of(changed)[1].urls == urls


def test_a_board_that_the_lock_does_not_cover_is_an_error() -> None:
    with pytest.raises(LockError, match="does not cover board 'rpi'"):
        wants_of(samples.lock(), ["rpi"])


def test_the_same_bytes_are_wanted_once_from_everywhere() -> None:
    digest = Digest.of(b"x")
    first = Want(digest=digest, name="a", urls=("u1", "u2"))
    second = Want(digest=digest, name="b", urls=("u2", "u3"), size=7)
    other = Want(digest=Digest.of(b"y"), name="c")
    assert distinct([first, second, other]) == (
        Want(digest=digest, name="a", urls=("u1", "u2", "u3"), size=7),
        other,
    )
