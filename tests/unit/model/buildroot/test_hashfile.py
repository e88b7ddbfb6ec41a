"""`.hash` files: what they promise, and whether all promises agree."""

import pytest

from kutterlock.errors import HashMismatchError, KutterError
from kutterlock.model.buildroot.hashfile import Promise, agreed, parse_hash_file
from kutterlock.model.digest import Digest
from kutterlock.model.lock import Trust

ONE, TWO = Digest.of(b"1"), Digest.of(b"2")
LONG = Digest.of(b"1", "sha512")


def promise(digest: Digest, by: str = "a", level: str = "checksum") -> Promise:
    return Promise(digest=digest, trust=Trust(level=level, by=by))


def test_reads_what_buildroot_ships() -> None:
    text = f"""\
# From https://example.org/sums
sha256  {ONE.hex}  a.tar.xz
sha512  {LONG.hex}  a.tar.xz
sha1  0123  a.tar.xz

md5\tabcd\tb.tar.gz
sha256  {TWO.hex.upper()}  LICENSE
"""
    assert parse_hash_file(text, "package/a/a.hash") == {
        "a.tar.xz": (promise(ONE, "package/a/a.hash"), promise(LONG, "package/a/a.hash")),
        "LICENSE": (promise(TWO, "package/a/a.hash"),),
    }


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("sha256 abc", "'sha256 abc' is not 'TYPE  HEX  FILE'"),
        ("sha3 00 a", "'sha3 00 a' is not 'TYPE  HEX  FILE'"),
        ("sha256 abc a", "'abc' is not 64 lower-case hex digits"),
    ],
)
def test_a_bad_line_is_named(line: str, reason: str) -> None:
    with pytest.raises(KutterError) as caught:
        parse_hash_file(f"# first\n{line}\n", "p.hash")
    assert caught.value.reason == f"p.hash, line 2: {reason}"


def test_nothing_promised_is_nothing_agreed() -> None:
    assert agreed("a/a.tar", []) is None


def test_sha256_comes_before_sha512() -> None:
    assert agreed("a/a.tar", [promise(LONG), promise(ONE)]) == promise(ONE)
    assert agreed("a/a.tar", [promise(LONG)]) == promise(LONG)


def test_the_strongest_word_counts_and_of_equals_the_first() -> None:
    words = [promise(ONE, "a"), promise(ONE, "b"), promise(ONE, "c", "pgp"), promise(ONE, "d")]
    assert agreed("a/a.tar", words) == words[2]
    assert agreed("a/a.tar", words[:2]) == words[0]


def test_a_contradiction_shows_both_values() -> None:
    with pytest.raises(HashMismatchError) as caught:
        agreed("a/a.tar", [promise(ONE, "package/a/a.hash"), promise(TWO, "kutter.toml")])
    assert caught.value.reason == "two hashes are promised for a/a.tar"
    assert caught.value.details == (f"{ONE} by package/a/a.hash", f"{TWO} by kutter.toml")
    assert caught.value.hint == "find out which is right: upstream may have replaced the file"
