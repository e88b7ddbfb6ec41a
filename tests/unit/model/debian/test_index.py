import datetime

import pytest

from kutterlock.model.debian.index import PackageIndex, Release
from kutterlock.model.debian.version import Relation
from kutterlock.model.digest import Digest
from tests.support.archive import DATE, HASH, index_of, release, stanza


def test_a_package_is_read_when_it_is_asked_for() -> None:
    index = index_of(
        stanza("make", "4.4-1", depends="libc6 (>= 2), a | b", pre_depends="c",
               breaks="d, e (<< 1)", provides="virtual, exact (= 3)", essential="yes"),
        stanza("broken", depends="A B"),
    )  # fmt: skip
    made = index.get("make")
    assert made is not None
    assert (made.name, str(made.version), made.archive) == ("make", "4.4-1", "debian")
    assert made.path == "pool/main/m/make_4.4-1_amd64.deb"
    assert (made.digest, made.size) == (Digest("sha256", HASH), 10)
    assert [str(clause[0]) for clause in made.depends] == ["c", "libc6 (>= 2)", "a"]
    assert [str(relation) for relation in made.conflicts] == ["d", "e (<< 1)"]
    assert index.providers("virtual") == (made,)
    assert index.essential == ("make",)
    assert index.get("none") is None
    assert len(index) == 2
    with pytest.raises(ValueError, match=r"^package broken: 'A B' is not a relation to a package$"):
        index.get("broken")


def test_the_newest_version_of_all_lists_wins() -> None:
    index = index_of(stanza("a", "1.10", provides="old", essential="yes"), stanza("b", "2"))
    index.add_list([stanza("a", "1.11").encode()], "debian-security")
    index.add_list([stanza("b", "2").encode()], "debian-security")
    newest, same = index.get("a"), index.get("b")
    assert newest is not None
    assert same is not None
    assert (str(newest.version), newest.archive, same.archive) == (
        "1.11",
        "debian-security",
        "debian",
    )
    assert index.providers("old") == ()
    assert index.essential == ()


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_list_may_come_in_any_pieces(size: int) -> None:
    text = "\n".join(stanza(name) for name in ("a", "b", "c")).encode()
    index = PackageIndex("amd64")
    index.add_list([text[at : at + size] for at in range(0, len(text), size)], "debian")
    assert [index.get(name) is not None for name in "abcd"] == [True, True, True, False]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"Version: 1\n", "a stanza has no package name or version: b'Version: 1\\n'"),
        (b"Package: A B\nVersion: 1", "a stanza has no package name or version: "
                                      "b'Package: A B\\nVersion: 1'"),
        (b"x" * (2 << 20), "a stanza is longer than 1048576 bytes"),
    ],
)  # fmt: skip
def test_a_list_that_is_none_is_refused(text: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        PackageIndex("amd64").add_list([text], "debian")
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("Architecture: amd64", "Architecture: arm64", "is for arm64, in a list for amd64"),
        ("Filename: pool", "Filename: ../pool", "leaves its directory with '..'"),
        ("Filename: pool", "Filename: /pool", "is absolute"),
        (f"SHA256: {HASH}", "SHA256: 00", "'00' is not 64 lower-case hex digits"),
        (f"SHA256: {HASH}", "", "field 'sha256' is missing"),
        ("Size: 10", "Size: -1", "'-1' is not a size"),
        ("Version: 1", "Version: 1_", "'1_' is not a Debian version"),
    ],
)
def test_a_stanza_that_is_wrong_is_refused_when_used(old: str, new: str, reason: str) -> None:
    index = index_of(stanza("a").replace(old, new))
    with pytest.raises(ValueError, match=r"^package a: |^'1_'") as caught:
        index.get("a")
    assert str(caught.value).endswith(reason)


def test_a_release_file_is_read() -> None:
    text = release("trixie", {"main/a": b"1"}, valid_until="Sat, 28 Nov 2026 02:10:46 UTC")
    found = Release.parse(text.decode())
    assert (found.suite, found.codename, found.date) == ("stable", "trixie", DATE)
    assert found.valid_until == DATE + datetime.timedelta(days=7)
    assert found.files == {"main/a": (Digest.of(b"1"), 1)}


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("Date: ", "Data: ", "field 'date' is missing"),
        ("2026", "nonsense", "'Sat, 21 Nov nonsense 02:10:46 UTC' is not a time"),
        (" 1 main/a", " main/a", "is not of the form 'hash size path'"),
        (" 1 main/a", " x main/a", "'x' is not a size"),
    ],
)
def test_a_release_file_that_is_wrong_is_refused(old: str, new: str, reason: str) -> None:
    text = release("trixie", {"main/a": b"1"}).decode().replace(old, new)
    with pytest.raises(ValueError, match=r".") as caught:
        Release.parse(text)
    assert str(caught.value).endswith(reason)


def test_provided_names_are_matched_exactly() -> None:
    index = index_of(stanza("a", provides="awk-ng, nawk"))
    assert index.providers("awk") == ()
    assert [package.provides for package in index.providers("nawk")] == [
        (Relation("awk-ng"), Relation("nawk"))
    ]
