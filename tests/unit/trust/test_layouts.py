"""Layouts from outside: what is accepted and what is said of it, and every refusal."""

import contextlib
import json
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kutterlock.adapters.disk.store import Store
from kutterlock.adapters.oci.layout import open_layout
from kutterlock.adapters.signing.keys import KeySigner
from kutterlock.errors import (
    HashMismatchError,
    KutterError,
    MissingInputError,
    UntrustedError,
    UsageError,
)
from kutterlock.model.attest.cosign import read_simple_signing, simple_signing
from kutterlock.model.digest import Digest
from kutterlock.model.oci.image import OCI_INDEX, OCI_MANIFEST
from kutterlock.trust.images import ImageSubject, sign_image
from kutterlock.trust.layouts import CONTENT, ImageStandard, JudgedLayout, judge_layout
from kutterlock.trust.verified import Judge
from kutterlock.vendor.images import complete_trees, wanted_images
from kutterlock.vendor.layout import plan_layout, with_signatures, write_archive, write_directory
from tests.support import samples
from tests.support.images import Blobs, Object, add_image, pin
from tests.support.signing import ALICE, BOB, LATER, MALLORY, NOW, root
from tests.support.unpacking import unpack

PAUSE = "registry.k8s.io/pause:3.10.2"
BLOBS = Blobs()
LOCK = samples.lock_of([pin(PAUSE, add_image(BLOBS, "pause"))])
DEMANDING = Judge(at=NOW, root=root(threshold=2), require=("image",))
STANDARD = ImageStandard(judge=DEMANDING, lock=LOCK)


def export(
    place: Path, *signers: KeySigner, name: str = "registry.k8s.io/pause", archive: bool = False
) -> Path:
    """Write a layout of both platforms, signed under `name`."""
    store = Store(place / "store")
    for data in BLOBS.data.values():
        store.add_bytes(data)
    trees = complete_trees(store, wanted_images(LOCK, all_platforms=True))
    artifacts = [
        artifact
        for part in trees[0].parts if part.is_document and signers
        for artifact in sign_image(
            ImageSubject(name=name, digest=part.digest, media_type=part.media_type, size=1), signers
        )
    ]  # fmt: skip
    layout = with_signatures(plan_layout(trees), artifacts)
    if archive:
        write_archive(store, layout, place / "images.tar")
        return place / "images.tar"
    write_directory(store, layout, place / "images")
    return place / "images"


def judge(layout: Path, standard: ImageStandard = STANDARD) -> JudgedLayout:
    with open_layout(layout) as files:
        return judge_layout(files, standard)


def refusal(layout: Path, standard: ImageStandard = STANDARD) -> KutterError:
    with pytest.raises(KutterError) as caught:
        judge(layout, standard)
    return caught.value


def edit(layout: Path, change: Callable[[list[Object]], object]) -> Path:
    index = json.loads((layout / "index.json").read_text())
    change(index["manifests"])
    (layout / "index.json").write_text(json.dumps(index))
    return layout


@pytest.mark.parametrize("archive", [False, True])
def test_two_signers_of_a_layout_are_evidence(tmp_path: Path, archive: bool) -> None:  # noqa: FBT001
    judged = judge(export(tmp_path, ALICE, BOB, archive=archive))
    assert sorted(judged.signers) == ["alice", "bob"]
    digest = LOCK.images[PAUSE].digest
    lines = [(item.check, item.result) for item in judged.findings]
    assert lines[1] == (f"{PAUSE}: lock", f"pins {digest}")
    assert sorted(lines[2:]) == [
        (f"{PAUSE}: signature", f"{name} {who.public.short_id}, and 2 of 2 manifests on their own")
        for name, who in sorted(
            (("alice", ALICE), ("bob", BOB)), key=lambda item: f"{item[0]} {item[1]}"
        )
    ]
    assert judged.uncovered == (
        "where 1 of 1 images come from: no key that counts attests it",
        CONTENT,
    )


def one_platform(place: Path) -> Path:
    store = Store(place / "store")
    for data in BLOBS.data.values():
        store.add_bytes(data)
    write_archive(
        store, plan_layout(complete_trees(store, wanted_images(LOCK, ["pc"]))), place / "i.tar"
    )
    unpack(place / "i.tar", place / "images")
    return place / "images"


def test_what_docker_reads_of_an_archive_is_held_against_the_index(tmp_path: Path) -> None:
    layout = one_platform(tmp_path)
    judged = judge(layout, ImageStandard(judge=Judge(at=NOW), lock=LOCK))
    assert [item.result for item in judged.findings if item.check == "manifest.json"] == [
        "1 image for docker: those of the index"
    ]
    assert not [text for text in judged.uncovered if "no layout" in text]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            lambda entries: entries[0].update(RepoTags=["registry.k8s.io/pause:3.9"]),
            "manifest.json, which docker reads, lists other images than the index",
        ),
        (
            lambda entries: entries[0]["Layers"].reverse(),
            "manifest.json, which docker reads, lists other images than the index",
        ),
        (
            lambda entries: entries.append({**entries[0], "Layers": [], "RepoTags": None}),
            "manifest.json, which docker reads, lists other images than the index",
        ),
        (
            lambda entries: entries.append({"Config": 1}),
            "manifest.json is not of docker's form: 'Layers'",
        ),
    ],
)
def test_another_image_for_docker_than_for_others_is_refused(
    tmp_path: Path, change: Callable[[list[Object]], object], reason: str
) -> None:
    layout = one_platform(tmp_path)
    entries = json.loads((layout / "manifest.json").read_text())
    change(entries)
    (layout / "manifest.json").write_text(json.dumps(entries))
    error = refusal(layout, ImageStandard(judge=Judge(at=NOW), lock=LOCK))
    assert isinstance(error, UntrustedError)
    assert error.reason == reason


def test_a_demand_that_is_not_met_is_refused(tmp_path: Path) -> None:
    error = refusal(export(tmp_path, ALICE, MALLORY))
    assert isinstance(error, UntrustedError)
    assert error.reason == (
        f"{PAUSE}: 1 of the 2 signatures that the trust root demands for 'image'"
    )


def test_signatures_that_were_stripped_are_missed(tmp_path: Path) -> None:
    layout = edit(export(tmp_path, ALICE, BOB), lambda entries: entries.__delitem__(slice(2, None)))
    assert refusal(layout).reason == (
        f"{PAUSE}: 0 of the 2 signatures that the trust root demands for 'image'"
    )


def test_a_signature_counts_under_its_own_name_only(tmp_path: Path) -> None:
    layout = export(tmp_path, ALICE, BOB, name="registry.k8s.io/etcd")
    assert refusal(layout).exit_code == 6


def test_where_nothing_is_demanded_it_is_said_that_nobody_signed(tmp_path: Path) -> None:
    judged = judge(export(tmp_path), ImageStandard(judge=Judge(at=NOW)))
    assert judged.signers == ()
    assert judged.uncovered == (
        "tags, and whether a project wants these images: there is no lock here",
        "who vouches for the images: no key that counts signed them",
        "where 1 of 1 images come from: no key that counts attests it",
        CONTENT,
    )


def test_a_demand_without_a_pinned_root_is_refused(tmp_path: Path) -> None:
    bare = ImageStandard(judge=Judge(at=NOW, require=("image",)), lock=LOCK)
    assert refusal(export(tmp_path, ALICE), bare).reason == (
        "no trust root is pinned for the project of these images, though one is demanded"
    )


def test_a_root_that_expired_is_refused(tmp_path: Path) -> None:
    late = ImageStandard(judge=replace(DEMANDING, at=LATER), lock=LOCK)
    assert refusal(export(tmp_path, ALICE, BOB), late).exit_code == 6


def test_a_named_key_must_have_signed(tmp_path: Path) -> None:
    layout = export(tmp_path, ALICE)
    named = ImageStandard(judge=Judge(at=NOW), keys={"alice.pub": ALICE.public})
    assert judge(layout, named).signers == ("alice.pub",)
    other = ImageStandard(judge=Judge(at=NOW), keys={"m.pub": MALLORY.public})
    assert refusal(layout, other).reason == f"{PAUSE} is signed by none of: m.pub"


def test_a_flipped_bit_in_any_blob_is_a_mismatch(tmp_path: Path) -> None:
    layout = export(tmp_path, ALICE, BOB)
    for path in sorted((layout / "blobs/sha256").iterdir()):
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        error = refusal(layout)
        assert isinstance(error, HashMismatchError)
        assert error.reason == "1 blob is not what its name says"
        assert error.details == (f"sha256:{path.name} is {Digest.of(path.read_bytes())}",)
        path.write_bytes(data)


def test_an_image_that_the_lock_does_not_pin_is_refused(tmp_path: Path) -> None:
    layout = export(tmp_path, ALICE, BOB)
    other = samples.lock_of([pin(PAUSE, add_image(Blobs(), "pause", base=b"another"))])
    error = refusal(layout, replace(STANDARD, lock=other))
    assert isinstance(error, HashMismatchError)
    assert error.reason == f"{PAUSE} is not the image that the lock pins"
    elsewhere = samples.lock_of([pin("quay.io/x:1", add_image(Blobs(), "pause"))])
    assert refusal(layout, replace(STANDARD, lock=elsewhere)).exit_code == 6


def test_a_tag_that_the_lock_does_not_pin_is_refused(tmp_path: Path) -> None:
    def rename(entries: list[Object]) -> None:
        names = entries[0]["annotations"]
        names["io.containerd.image.name"] = "registry.k8s.io/pause:3.9"
        names["org.opencontainers.image.ref.name"] = "3.9"

    layout = edit(export(tmp_path, ALICE, BOB), rename)
    digest = LOCK.images[PAUSE].digest
    assert refusal(layout).reason == f"the lock does not pin registry.k8s.io/pause:3.9 as {digest}"


def test_two_names_for_two_readers_are_refused(tmp_path: Path) -> None:
    def rename(entries: list[Object]) -> None:
        entries[0]["annotations"]["org.opencontainers.image.ref.name"] = "3.9"

    layout = edit(export(tmp_path, ALICE, BOB), rename)
    digest = LOCK.images[PAUSE].digest
    assert refusal(layout).reason == f"the layout lists {digest} as {PAUSE} and as '3.9'"


def test_a_blob_that_is_missing_is_named(tmp_path: Path) -> None:
    layout = export(tmp_path, ALICE, BOB)
    lacking = next(item for item in BLOBS.data if item not in BLOBS.documents)
    (layout / "blobs/sha256" / lacking.removeprefix("sha256:")).unlink()
    error = refusal(layout)
    assert isinstance(error, MissingInputError)
    assert lacking in error.reason


def test_indexes_of_indexes_are_read_once_each(tmp_path: Path) -> None:
    """Forty levels, each naming the one below three hundred times."""
    layout = export(tmp_path)
    below = json.loads((layout / "index.json").read_text())["manifests"][0]
    for _ in range(40):
        value = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [below] * 300}
        data = json.dumps(value).encode()
        (layout / "blobs/sha256" / Digest.of(data).hex).write_bytes(data)
        below = {"mediaType": OCI_INDEX, "digest": str(Digest.of(data)), "size": len(data)}
    edit(layout, lambda entries: entries.__setitem__(slice(None), [below]))
    judged = judge(layout, ImageStandard(judge=Judge(at=NOW)))
    assert [item.check for item in judged.findings] == ["blobs"]


def test_links_doubles_and_what_is_no_layout_are_refused(tmp_path: Path) -> None:
    layout = export(tmp_path, ALICE)
    (layout / "link").symlink_to("index.json")
    assert refusal(layout).reason == "the layout has a link or special file in it: 'link'"
    with tarfile.open(tmp_path / "double.tar", "w") as archive:
        archive.add(layout / "index.json", "index.json")
        archive.add(layout / "index.json", "./index.json")
    assert refusal(tmp_path / "double.tar").reason == (
        "the archive has index.json twice: readers would differ"
    )
    with tarfile.open(tmp_path / "empty.tar", "w"):
        pass
    assert refusal(tmp_path / "empty.tar").reason == (
        "the layout has no index.json of at most 4194304 bytes"
    )
    (tmp_path / "text").write_text("no archive")
    assert isinstance(refusal(tmp_path / "text"), UsageError)


def bundled(place: Path, change: Callable[[bytes], bytes] = bytes) -> Path:
    """Write a layout in which Alice's signatures are bundles only, as `oras copy` lists them."""
    layout = export(place)
    digest = LOCK.images[PAUSE].digest
    about = ImageSubject(name="unused", digest=digest, media_type=OCI_INDEX, size=1)
    for artifact in sign_image(about, [ALICE]):
        if artifact.tag:
            continue
        blobs = [change(blob) for blob in artifact.blobs]
        names = {str(Digest.of(old)): new for old, new in zip(artifact.blobs, blobs, strict=True)}
        value = json.loads(artifact.manifest)
        for entry in (value["config"], *value["layers"]):
            new = names[entry["digest"]]
            entry.update({"digest": str(Digest.of(new)), "size": len(new)})
        data = json.dumps(value).encode()
        for blob in (data, *blobs):
            (layout / "blobs/sha256" / Digest.of(blob).hex).write_bytes(blob)
        entry = {"mediaType": OCI_MANIFEST, "digest": str(Digest.of(data)), "size": len(data)}
        edit(layout, lambda entries, entry=entry: entries.append(entry))  # type: ignore[misc]
    return layout


def test_a_bundle_counts_where_a_lock_that_counts_says_what_the_name_stands_for(
    tmp_path: Path,
) -> None:
    layout = bundled(tmp_path)
    named = ImageStandard(judge=Judge(at=NOW), keys={"a.pub": ALICE.public}, lock=LOCK)
    assert judge(layout, replace(named, lock_counts=True)).signers == ("a.pub",)
    for standard in (named, replace(named, lock=None)):
        assert refusal(layout, standard).reason == f"{PAUSE} is signed by none of: a.pub"
    edit(layout, lambda entries: [entry.pop("annotations", None) for entry in entries])
    assert judge(layout, named).signers == ("a.pub",)
    other = replace(named, keys={"m.pub": MALLORY.public}, lock_counts=True)
    assert refusal(layout, other).reason.endswith(" is signed by none of: m.pub")


def test_a_bundle_that_is_not_signed_by_the_key_that_it_names_is_refused(tmp_path: Path) -> None:
    def flip(data: bytes) -> bytes:
        if b"dsseEnvelope" not in data:
            return data
        value = json.loads(data)
        signature = value["dsseEnvelope"]["signatures"][0]
        signature["sig"] = ("A" if signature["sig"][0] != "A" else "B") + signature["sig"][1:]
        return json.dumps(value).encode()

    standard = replace(STANDARD, judge=Judge(at=NOW), keys={"a.pub": ALICE.public})
    error = refusal(bundled(tmp_path, flip), replace(standard, lock_counts=True))
    assert error.exit_code == 6
    assert error.reason.endswith(
        f" is not signed by the key that it names ({ALICE.public.short_id})"
    )


@given(at=st.integers(0, 300), new=st.binary(max_size=3))
def test_a_payload_is_read_or_refused(at: int, new: bytes) -> None:
    digest = LOCK.images[PAUSE].digest
    good = simple_signing("registry.k8s.io/pause", digest)
    assert read_simple_signing(good) == ("registry.k8s.io/pause", digest)
    with contextlib.suppress(UntrustedError):
        assert len(read_simple_signing(good[:at] + new + good[at + 1 :])) == 2


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_whatever_the_bytes_the_answer_is_a_verdict_or_a_kutterlock_error(
    tmp_path: Path, data: st.DataObject
) -> None:
    if not (tmp_path / "images.tar").exists():
        export(tmp_path, ALICE, archive=True)
    whole = bytearray((tmp_path / "images.tar").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, min(len(whole), 8192) - 1))] = data.draw(st.integers(0, 255))
    changed = tmp_path / "changed.tar"
    changed.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    with contextlib.suppress(KutterError):
        assert judge(changed, ImageStandard(judge=Judge(at=NOW))).findings
