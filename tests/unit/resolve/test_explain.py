"""`why`: every kind of pin, by each of its names."""

import datetime

import pytest

from kutterlock.errors import UsageError
from kutterlock.model.digest import Digest
from kutterlock.model.lock import Lock
from kutterlock.model.manifest import PackagePin
from kutterlock.resolve.explain import Explanation, explain
from tests.support import samples
from tests.support.solving import ask


def only(name: str, lock: Lock | None = None, **overrides: PackagePin) -> Explanation:
    (found,) = explain(lock or samples.lock(), name, overrides)
    return found


def test_an_input_says_what_chose_it_and_what_it_was_weighed_against() -> None:
    solution = ask()
    pins = {name: choice.pin() for name, choice in solution.choices.items()}
    found = only("kubernetes", samples.lock()._replace(inputs=pins))
    assert found == Explanation(
        kind="input",
        name="kubernetes",
        version="1.36.2",
        facts=(
            ("constraint", "* in kutter.toml"),
            ("chosen", "newest of which every hash is known (1.36.4, 1.36.3 refused)"),
            ("image", f"registry.k8s.io/pause:3.10.2 {Digest.of(b'index')}"),
        ),
        refused=solution.choices["kubernetes"].refused,
        boards=("pc",),
    )


def test_buildroot_is_needed_by_every_board() -> None:
    found = only("buildroot")
    assert found.boards == ("pc",)
    assert dict(found.facts)["file"] == (
        f"buildroot-2026.08.tar.gz {Digest.of(b'buildroot-2026.08.tar.gz')} "
        "(trust: checksum, by example.org)"
    )


def test_an_overridden_package_says_why() -> None:
    pin = PackagePin(name="hello", reason="CVE-2026-0001", review_by=datetime.date(2027, 1, 31))
    found = only("hello", hello=pin)
    assert (found.kind, found.version, found.boards) == ("package", "1.0", ("pc",))
    assert found.facts[:3] == (
        ("chosen", "kutter.toml overrides it under [packages]"),
        ("reason", "CVE-2026-0001"),
        ("review by", "2027-01-31"),
    )


@pytest.mark.parametrize("name", ["hello/hello-1.0.tar.gz", "hello-1.0.tar.gz"])
def test_a_source_is_found_by_path_and_by_file_name(name: str) -> None:
    found = only(name)
    assert found.kind == "source"
    assert found.facts == (
        ("digest", str(Digest.of(b"hello/hello-1.0.tar.gz"))),
        ("trust", "checksum, by example.org"),
        ("packages", "hello"),
        ("url", "https://example.org/hello/hello-1.0.tar.gz"),
    )


@pytest.mark.parametrize(
    "name",
    [
        "registry.k8s.io/pause:3.10.2",
        "registry.k8s.io/pause",
        "pause",
        str(Digest.of(b"index")),
        Digest.of(b"index").short,
    ],
)
def test_an_image_is_found_by_reference_and_by_digest(name: str) -> None:
    assert only(name) == Explanation(
        kind="image",
        name="registry.k8s.io/pause:3.10.2",
        version="",
        facts=(
            ("digest", str(Digest.of(b"index"))),
            ("trust", "catalog"),
            ("needed by", "kubeadm 1.36.2"),
            ("platforms", "linux/amd64"),
        ),
        boards=("pc",),
    )


def test_a_package_of_the_build_environment() -> None:
    assert only("make") == Explanation(
        kind="build environment package",
        name="make",
        version="4.4.1-2",
        facts=(
            ("digest", str(Digest.of(b"make"))),
            ("trust", "the signed index of debian, 20261122T000000Z"),
            (
                "url",
                "https://snapshot.debian.org/archive/debian/20261122T000000Z/"
                "pool/main/m/make-dfsg/make_4.4.1-2_amd64.deb",
            ),
        ),
        boards=("pc",),
    )


def test_a_name_that_nothing_has_gets_the_near_ones() -> None:
    with pytest.raises(UsageError) as caught:
        only("buildrot")
    assert caught.value.reason == "kutter.lock pins nothing called 'buildrot'"
    assert caught.value.hint == "did you mean buildroot?"
    with pytest.raises(UsageError) as caught:
        only("zzz")
    assert caught.value.hint == "`kutterlock tree` lists all pins"
