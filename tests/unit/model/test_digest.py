import copy
import json

import pytest

from kutterlock.model.digest import Digest, TreeEntry, tree_digest

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_parses_and_prints() -> None:
    digest = Digest.parse(f"sha256:{EMPTY}")
    assert digest == Digest.of(b"")
    assert str(digest) == f"sha256:{EMPTY}"
    assert digest.short == "e3b0c44298fc"


def test_is_text_and_a_copy_is_a_digest() -> None:
    digest = Digest.of(b"", "sha512")
    same = copy.deepcopy(digest)
    assert (type(same), same) == (Digest, digest)
    assert json.dumps([digest]) == f'["sha512:{digest.hex}"]'
    assert sorted([digest, Digest.of(b"")]) == [Digest.of(b""), digest]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("abc", "digest 'abc' is not of the form sha256:<hex>"),
        ("md5:abc", "digest algorithm 'md5' is not one of sha256, sha512"),
        ("sha256:abc", "'abc' is not 64 lower-case hex digits"),
        (f"sha256:{EMPTY.upper()}", f"{EMPTY.upper()!r} is not 64 lower-case hex digits"),
        (f"sha256:{EMPTY[:-1]}\n", f"{EMPTY[:-1] + chr(10)!r} is not 64 lower-case hex digits"),
    ],
)
def test_refuses(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r"digest|hex") as caught:
        Digest.parse(text)
    assert str(caught.value) == reason


def test_a_tree_digest_can_be_recomputed_with_coreutils() -> None:
    entries = [TreeEntry("b", "644", EMPTY), TreeEntry("a", "755", EMPTY)]
    lines = f"{EMPTY}  644  b\n{EMPTY}  755  a\n"
    assert tree_digest(entries) == Digest.of(lines.encode())
    assert tree_digest(reversed(entries)) == tree_digest(entries)
