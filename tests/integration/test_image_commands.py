"""The commands `images push`, `export` and `sign`, and what others' programs make of their work."""

import contextlib
import io
import json
import os
import re
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest

from kutterlock.adapters.disk.store import Store
from kutterlock.adapters.signing.keys import KeySigner, write_private_key
from kutterlock.adapters.tomlfile import read_lock, write_lock
from kutterlock.cli.main import main
from kutterlock.errors import UntrustedError
from kutterlock.model.attest.cosign import LAYOUT_KINDS, SIGN_PREDICATE, Layer, layered
from kutterlock.model.attest.image import BILL_TYPE
from kutterlock.model.attest.intoto import PREDICATE_TYPE
from kutterlock.model.digest import Digest
from kutterlock.model.lock import Lock
from kutterlock.model.oci.image import OCI_INDEX
from kutterlock.model.signing.keys import pem
from tests.integration.image_verifiers import (
    COSIGNS,
    cosign,
    document,
    export,
    judged,
    keys,
    pinned_images,
    put,
    skopeo,
)  # fmt: skip
from tests.integration.image_verifiers import push as send
from tests.support import samples
from tests.support.containerd import Containerd
from tests.support.images import Object
from tests.support.programs import run
from tests.support.registry import Registry
from tests.support.signing import ALICE, BOB, CAROL
from tests.support.unpacking import unpack

pytestmark = pytest.mark.integration


@pytest.fixture
def pinned(tmp_path: Path) -> Iterator[Lock]:
    with pinned_images(tmp_path) as lock:
        yield lock


def push(place: Path, target: Registry, *who: KeySigner) -> dict[str, object]:
    """Run `images push` of kube-apiserver; returns what it says of itself."""
    (image,) = (name for name in read_lock(place / "kutter.lock").images if "apiserver" in name)
    words = ["images", "push", target.host, "--project", str(place), "--store",
             str(place / "store"), "--image", image, "--json", *keys(place, *who)]  # fmt: skip
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert main(words, {"HOME": str(place), "PATH": ""}) == 0
    found: dict[str, object] = json.loads(printed.getvalue())
    return found


def accepted(names: list[str], who: KeySigner, place: Path) -> bool:
    """Whether every cosign accepts the signature and both attestations of every name."""
    verdicts = [
        cosign(program_name, who, place, *words, name)
        for program_name in COSIGNS
        for words in (
            ["verify"],
            ["verify-attestation", "--type", "slsaprovenance1"],
            ["verify-attestation", "--type", "cyclonedx"],
        )
        for name in names
    ]
    assert len(set(verdicts)) == 1
    return verdicts[0]


def test_what_push_signs_and_attests_is_accepted_with_every_platform(
    pinned: Lock, tmp_path: Path
) -> None:
    with Registry(tmp_path / "to") as target:
        assert push(tmp_path, target, ALICE, BOB)["signatures"] == 3 * (2 + 6 + 1)
        name = f"{target.host}/kube-apiserver"
        index = json.loads(run("skopeo", "inspect", "--raw", "--tls-verify=false",
                               f"docker://{name}:v1").stdout)  # fmt: skip
        parts = [f"{name}@{item['digest']}" for item in index["manifests"]]
        assert len(parts) == 2
        assert accepted([f"{name}:v1", *parts], ALICE, tmp_path)
        assert accepted([f"{name}:v1"], BOB, tmp_path)
        assert not accepted([f"{name}:v1"], CAROL, tmp_path)
        place = tmp_path / "skopeo"
        place.mkdir()
        assert skopeo(target, "kube-apiserver", ALICE, place, "--all")
        assert not skopeo(target, "kube-apiserver", CAROL, place, "--all")


def test_a_second_signer_adds_to_a_registry_and_nobody_signs_twice(
    pinned: Lock, tmp_path: Path
) -> None:
    with Registry(tmp_path / "to") as target:
        names = [f"{target.host}/kube-apiserver:v1"]
        push(tmp_path, target, ALICE)
        assert not accepted(names, BOB, tmp_path)
        assert push(tmp_path, target, BOB)["signatures"] == 3 * (2 + 3 + 1)
        assert accepted(names, ALICE, tmp_path)
        assert accepted(names, BOB, tmp_path)
        assert skopeo(target, "kube-apiserver", ALICE, tmp_path, "--all")
        assert skopeo(target, "kube-apiserver", BOB, tmp_path, "--all")
        before, asked = target.snapshot(), len(target.log)
        for who in ((ALICE,), (BOB,), (ALICE, BOB)):
            assert push(tmp_path, target, *who)["signatures"] == 0
        assert target.snapshot() == before
        assert not re.search(r'"(PUT|POST|PATCH) /', target.log[asked:])
        listing = entries(target, "kube-apiserver", "")
        kinds = [item["annotations"]["dev.sigstore.bundle.predicateType"] for item in listing]
        assert sorted(kinds) == sorted([SIGN_PREDICATE, PREDICATE_TYPE, BILL_TYPE] * 2)


def entries(target: Registry, name: str, ending: str) -> list[Object]:
    """Return what stands about the index of an image under one ending."""
    digest = target.digest(f"{name}:v1").replace(":", "-")
    tag = f"{digest}.{ending}" if ending else digest
    place = f"docker://{target.host}/{name}:{tag}"
    raw = json.loads(run("skopeo", "inspect", "--raw", "--tls-verify=false", place).stdout)
    found: list[Object] = raw["layers" if ending else "manifests"]
    return found


def test_what_somebody_else_put_there_stays_and_what_is_no_signature_is_not_replaced(
    pinned: Lock, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Registry(tmp_path / "to") as target:
        push(tmp_path, target)
        name = f"{target.host}/kube-apiserver"
        digest = target.digest("kube-apiserver:v1")
        theirs = Layer(media_type="text/plain", data=b"a note", annotations=(("x", "y"),))
        artifact = layered(Digest.parse(digest), "att", [theirs])
        send(f"{target.host}/v2/kube-apiserver", [artifact])
        push(tmp_path, target, ALICE)
        assert entries(target, "kube-apiserver", "att")[0] == theirs.descriptor()
        assert len(entries(target, "kube-apiserver", "att")) == 3
        empty: Object = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}
        put(f"http://{target.host}/v2/kube-apiserver/manifests/{artifact.tag}",
            json.dumps(empty).encode(), OCI_INDEX)  # fmt: skip
        capsys.readouterr()
        words = ["images", "push", target.host, "--project", str(tmp_path), "--store",
                 str(tmp_path / "store"), *keys(tmp_path, BOB)]  # fmt: skip
        assert main(words, {"HOME": str(tmp_path), "PATH": ""}) == 6
        assert capsys.readouterr().err == (
            f"error: {name}:{artifact.tag} cannot be added to: it has no layers\n"
            "hint: what stands there is no list of signatures: have it looked at, and removed\n"
        )


@pytest.mark.parametrize("name", COSIGNS)
def test_what_export_signs_and_attests_is_accepted_as_a_local_image(
    name: str, pinned: Lock, tmp_path: Path
) -> None:
    directory = ["--format", "directory"]
    plain = export(tmp_path, pinned, directory, name="plain")
    layout = export(tmp_path, pinned, [*directory, *keys(tmp_path, ALICE, BOB)])
    for words in (["verify"], ["verify-attestation", "--type", "slsaprovenance1"],
                  ["verify-attestation", "--type", "cyclonedx"]):  # fmt: skip
        assert not cosign(name, ALICE, tmp_path, *words, "--local-image", str(plain))
        for who in (ALICE, BOB):
            assert cosign(name, who, tmp_path, *words, "--local-image", str(layout))
        assert not cosign(name, CAROL, tmp_path, *words, "--local-image", str(layout))
    bare = json.loads((plain / "index.json").read_text())["manifests"]
    signed = json.loads((layout / "index.json").read_text())["manifests"]
    assert signed[: len(bare)] == bare
    root = bare[0]["digest"]
    children = [item["digest"] for item in document(layout, root)["manifests"]]
    parts = [digest for digest in (root, *children)
             if (layout / "blobs/sha256" / digest[7:]).exists()]  # fmt: skip
    assert [(item["annotations"]["kind"], subjects(layout, item)) for item in signed[2:]] == [
        (kind, [digest] * count)
        for digest in parts
        for kind, count in ((LAYOUT_KINDS["sig"], 2), (LAYOUT_KINDS["att"], 4))
    ]


def subjects(layout: Path, entry: Object) -> list[str]:
    """Return what an artifact of a layout is about, layer by layer."""
    values = [document(layout, item["digest"])
              for item in document(layout, entry["digest"])["layers"]]  # fmt: skip
    return [
        value["critical"]["image"]["docker-manifest-digest"] if "critical" in value
        else "sha256:" + json.loads(b64decode(value["payload"]))["subject"][0]["digest"]["sha256"]
        for value in values
    ]  # fmt: skip


def countersign(place: Path, layout: Path, who: KeySigner) -> int:
    write_private_key(place / "second.pem", who, b"")
    try:
        return main(["images", "sign", str(layout), "--project", str(place), "--key",
                     str(place / "second.pem")], {"HOME": str(place), "PATH": ""})  # fmt: skip
    finally:
        (place / "second.pem").unlink()


@pytest.mark.parametrize("name", COSIGNS)
def test_a_second_signer_adds_to_a_layout(name: str, pinned: Lock, tmp_path: Path) -> None:
    layout = export(tmp_path, pinned, ["--format", "directory", *keys(tmp_path, ALICE)])
    assert countersign(tmp_path, layout, BOB) == 0
    for words in (["verify"], ["verify-attestation", "--type", "slsaprovenance1"]):
        for who in (ALICE, BOB):
            assert cosign(name, who, tmp_path, *words, "--local-image", str(layout))
        assert not cosign(name, CAROL, tmp_path, *words, "--local-image", str(layout))
    before = {path: path.read_bytes() for path in layout.rglob("*") if path.is_file()}
    assert countersign(tmp_path, layout, BOB) == 0
    assert {path: path.read_bytes() for path in layout.rglob("*") if path.is_file()} == before
    assert judged(layout, ALICE).signers == judged(layout, BOB).signers == ("key",)


def test_two_signers_one_after_the_other_make_the_archive_that_they_make_at_once(
    pinned: Lock, tmp_path: Path
) -> None:
    write_private_key(tmp_path / "carol.pem", CAROL, b"")
    both = [*keys(tmp_path, ALICE), "--key", str(tmp_path / "carol.pem")]
    once = export(tmp_path, pinned, both, name="once")
    archive = export(tmp_path, pinned, keys(tmp_path, ALICE), name="twice")
    assert countersign(tmp_path, archive, CAROL) == 0
    assert archive.read_bytes() == once.read_bytes()
    assert countersign(tmp_path, archive, ALICE) == 0
    assert archive.read_bytes() == once.read_bytes()


def test_nobody_signs_a_layout_that_is_damaged_or_of_another_lock(
    pinned: Lock, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout = export(tmp_path, pinned, ["--format", "directory", *keys(tmp_path, ALICE)])
    index = (layout / "index.json").read_bytes()
    config = next(path for path in (layout / "blobs/sha256").iterdir()
                  if b"linux" in path.read_bytes())  # fmt: skip
    whole = config.read_bytes()
    config.write_bytes(whole.replace(b"linux", b"linuy"))
    assert countersign(tmp_path, layout, BOB) == 5
    config.write_bytes(whole)
    write_lock(tmp_path / "kutter.lock", samples.lock())
    assert countersign(tmp_path, layout, BOB) == 6
    assert (layout / "index.json").read_bytes() == index


def test_an_archive_signed_with_ed25519_is_the_same_bytes_every_time(
    pinned: Lock, tmp_path: Path
) -> None:
    first = export(tmp_path, pinned, keys(tmp_path, ALICE), name="one")
    second = export(tmp_path, pinned, keys(tmp_path, ALICE), name="two")
    plain = export(tmp_path, pinned, [], name="plain")
    assert first.read_bytes() == second.read_bytes() != plain.read_bytes()


@pytest.mark.skipif(os.geteuid() != 0, reason="containerd needs root")
def test_containerd_and_skopeo_take_a_signed_export_as_if_it_were_not(
    pinned: Lock, tmp_path: Path
) -> None:
    archive = export(tmp_path, pinned, keys(tmp_path, ALICE))
    unpack(archive, tmp_path / "layout")
    (reference,) = (name for name in pinned.images if "kube-apiserver" in name)
    wanted = pinned.images[reference].digest
    raw = run("skopeo", "inspect", "--raw", f"oci:{tmp_path / 'layout'}:v1").stdout
    assert Digest.of(raw.encode()) == wanted
    with Containerd() as containerd:
        containerd.ctr("images", "import", str(archive))
        listed = containerd.cri_images()
        by_digest = f"{reference.rpartition(':')[0]}@{wanted}"
        assert [(image["tags"], image["digests"]) for image in listed] == [
            ([reference], [by_digest])
        ]


def test_kutterlock_verifies_what_export_signed_and_what_lies_in_the_store(
    pinned: Lock, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command itself: `verify image`, on an archive and on an image of the lock."""
    archive = export(tmp_path, pinned, keys(tmp_path, ALICE))
    (reference,) = (name for name in pinned.images if "kube-apiserver" in name)
    digest = pinned.images[reference].digest
    for who in (ALICE, CAROL):
        (tmp_path / f"{who.public.short_id}.pub").write_text(pem(who.public))
    places = ["--project", str(tmp_path), "--store", str(tmp_path / "store")]
    alice, carol = (str(tmp_path / f"{who.public.short_id}.pub") for who in (ALICE, CAROL))

    def verify(*words: str) -> int:
        return main(["verify", "image", *words, *places], {"HOME": str(tmp_path), "PATH": ""})

    capsys.readouterr()
    assert verify(str(archive), "--public-key", alice, "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["signers"] == [alice]
    assert {"check": f"{reference}: lock", "result": f"pins {digest}"} in facts["checks"]
    assert verify(str(archive), "--public-key", carol) == 6
    assert verify(reference, "--json") == 0
    assert json.loads(capsys.readouterr().out)["verified"] == "image"
    path = Store(tmp_path / "store").path(digest)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b" ")
    assert verify(reference) == 5
    assert verify("nobody/knows:1") == 2


def test_an_archive_of_skopeo_is_read_and_has_no_signatures(pinned: Lock, tmp_path: Path) -> None:
    layout = export(tmp_path, pinned, ["--format", "directory", *keys(tmp_path, ALICE)])
    archive = tmp_path / "skopeo.tar"
    run("skopeo", "copy", "--insecure-policy", "--override-arch=amd64",
        f"oci:{layout}:v1", f"oci-archive:{archive}:v1")  # fmt: skip
    assert judged(archive).uncovered[1] == (
        "who vouches for the images: no key that counts signed them"
    )
    with pytest.raises(UntrustedError, match="is signed by none of: key"):
        judged(archive, ALICE)
