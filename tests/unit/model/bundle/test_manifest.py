"""Manifests that nobody should have written: each fault by name."""

import pytest

from kutterlock.errors import HashMismatchError
from kutterlock.model.bundle.manifest import (
    LOCK_PATH,
    Bundle,
    BundleBlob,
    BundleFile,
    Part,
    read_bundle,
)
from kutterlock.model.digest import Digest
from kutterlock.model.paths import RelativePath

LOCK = Digest.of(b"lock")


def file(path: str, **changes: object) -> BundleFile:
    made = BundleFile(path=RelativePath(path), kind="644", size=4, sha256=LOCK.hex)
    return made._replace(**changes)  # type: ignore[arg-type]


def blob(text: str, **changes: object) -> BundleBlob:
    digest = Digest.of(text.encode())
    made = BundleBlob(name=text, digest=digest, sha256=digest.hex, size=10)
    return made._replace(**changes)  # type: ignore[arg-type]


GOOD = Bundle(
    project="demo", version="1", boards=("pc",), lock=LOCK, files=(file(LOCK_PATH),), tools=(),
    blobs=tuple(sorted((blob("a"), blob("b")), key=lambda item: item.sha256)), volumes=(3,),
    splits={},
)  # fmt: skip
FIRST = GOOD.blobs[0]


def test_a_good_manifest_is_read_back() -> None:
    assert read_bundle(GOOD.to_bytes()) == GOOD


@pytest.mark.parametrize(
    ("bundle", "details"),
    [
        (GOOD._replace(files=(file("x"),)), ["files: lack kutter.lock"]),
        (GOOD._replace(lock=Digest.of(b"other")), ["files: lack kutter.lock"]),
        (GOOD._replace(blobs=GOOD.blobs[::-1]), ["blobs: are not in order, or stand in it twice"]),
        (GOOD._replace(files=(file(LOCK_PATH), file("overlays/a"), file("overlays/a/b")),
                 volumes=(5,)), ["files: 'overlays/a/b' lies below a file"]),
        (GOOD._replace(files=(file("overlays/.git/hooks/x"), file(LOCK_PATH))[::-1],
                 volumes=(4,)), ["files: 'overlays/.git/hooks/x' is no file of a project"]),
        (GOOD._replace(tools=(blob("../x"),), volumes=(4,)),
         ["tools: '../x' is not the name of a file",
          "tools: path 'tools/../x' leaves its directory with '..'"]),
        (GOOD._replace(blobs=tuple(b._replace(carried=False) for b in GOOD.blobs), volumes=(1,)),
         ["base: is missing, and there are blobs that only it can have"]),
        (GOOD._replace(files=(file(LOCK_PATH, carried=False),), base=Digest.of(b""), volumes=(2,)),
         ["files: leave out one that the bundle is judged by"]),
        (GOOD._replace(volumes=(2,)), ["volumes: do not come to 3 members"]),
        (GOOD._replace(splits={FIRST.sha256: (Part(size=4, sha256="a" * 64),)}),
         [f"splits: {FIRST.sha256[:12]}: the parts are not the whole"]),
        (GOOD._replace(files=(file(LOCK_PATH, kind="4755"),)),
         ["files.0.kind: is not one of 644, 755, link"]),
        (GOOD._replace(volumes=(1, 0, 2)), ["volumes: is not a list of numbers of members"]),
    ],
)  # fmt: skip
def test_each_fault_is_named(bundle: Bundle, details: list[str]) -> None:
    with pytest.raises(HashMismatchError) as caught:
        read_bundle(bundle.to_bytes())
    assert caught.value.reason == "bundle.json cannot be used as it stands"
    assert list(caught.value.details) == details


def test_another_form_of_the_same_manifest_is_refused() -> None:
    with pytest.raises(HashMismatchError) as caught:
        read_bundle(GOOD.to_bytes() + b"\n")
    assert caught.value.details == ("the document: is not in canonical form",)


def test_another_content_digest_is_refused() -> None:
    wrong = GOOD.to_bytes().replace(GOOD.content.hex.encode(), b"0" * 64)
    with pytest.raises(HashMismatchError) as caught:
        read_bundle(wrong)
    assert caught.value.details == ("content: is not that of the blobs",)
