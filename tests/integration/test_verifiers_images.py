"""Image signatures in a real registry and in a layout, judged by cosign and by skopeo's policy."""

import json
import os
import tarfile
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from kutterlock.adapters.image_layout import open_layout
from kutterlock.adapters.keys import KeySigner, write_private_key
from kutterlock.adapters.store import Store
from kutterlock.adapters.tomlfile import write_lock
from kutterlock.cli.main import main
from kutterlock.errors import UntrustedError
from kutterlock.model.cosign import LAYOUT_KINDS, Artifact
from kutterlock.model.digest import Digest
from kutterlock.model.intoto import PREDICATE_TYPE
from kutterlock.model.keys import pem
from kutterlock.model.lock import Lock
from kutterlock.model.oci import OCI_INDEX
from kutterlock.trust.images import ImageSubject, sign_image
from kutterlock.trust.layouts import ImageStandard, JudgedLayout, judge_layout
from kutterlock.trust.verified import Judge
from tests.integration.verifiers import found, program
from tests.support.containerd import Containerd
from tests.support.images import Blobs, Object, add_manifest, layer
from tests.support.published import publish
from tests.support.registry import Registry, run
from tests.support.signing import ALICE, BOB, CAROL, NOW

pytestmark = pytest.mark.integration

STATEMENT = json.dumps({
    "_type": "https://in-toto.io/Statement/v1", "predicateType": PREDICATE_TYPE,
    "subject": [], "predicate": {"buildDefinition": {}, "runDetails": {"builder": {"id": "x"}}},
})  # fmt: skip
COSIGNS = ["cosign", *(["cosign-3"] if found("cosign-3") else [])]


def put(url: str, data: bytes, media_type: str) -> None:
    request = urllib.request.Request(url, data, {"Content-Type": media_type}, method="PUT")
    with urllib.request.urlopen(request):
        pass


def put_blob(place: str, data: bytes) -> None:
    start = urllib.request.Request(f"http://{place}/blobs/uploads/", b"", method="POST")
    with urllib.request.urlopen(start) as answer:
        upload = answer.headers["Location"]
    sign = "&" if "?" in upload else "?"
    put(f"{upload}{sign}digest={Digest.of(data)}", data, "application/octet-stream")


def push(place: str, artifacts: Sequence[Artifact]) -> None:
    for artifact in artifacts:
        for blob in artifact.blobs:
            put_blob(place, blob)
        name = artifact.tag or str(artifact.digest)
        put(f"http://{place}/manifests/{name}", artifact.manifest, artifact.media_type)


def image() -> tuple[Blobs, Object, list[Object]]:
    blobs = Blobs()
    manifests = [
        add_manifest(blobs, platform, [layer({"hello": platform.encode()})])
        for platform in ("linux/amd64", "linux/arm64")
    ]
    value: Object = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}
    return blobs, blobs.add_json(value, OCI_INDEX), manifests


def subject(descriptor: Object, name: str) -> ImageSubject:
    return ImageSubject(
        name=name, digest=Digest.parse(descriptor["digest"]),
        media_type=descriptor["mediaType"], size=descriptor["size"],
    )  # fmt: skip


def statement(descriptor: Object) -> bytes:
    value = json.loads(STATEMENT)
    value["subject"] = [{"name": "app", "digest": {"sha256": descriptor["digest"][7:]}}]
    return json.dumps(value).encode()


def is_wanted(artifact: Artifact, form: str) -> bool:
    """Whether a repository that has signatures of one form only has this artifact."""
    tagged = artifact.tag.endswith((".sig", ".att"))
    return {"all": True, "sig": tagged, "bundle": not tagged, "none": False}[form]


FORMS = ("all", "sig", "bundle", "none")
"""Repositories of one image, by the forms in which it is signed there."""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with Registry(tmp_path_factory.mktemp("registry")) as running:
        for repository in FORMS:
            place = f"{running.host}/v2/{repository}"
            blobs, index, manifests = image()
            for digest, data in blobs.data.items():
                if digest not in blobs.documents:
                    put_blob(place, data)
            for digest, media_type in blobs.documents.items():
                put(f"http://{place}/manifests/{digest}", blobs.data[digest], media_type)
            put(f"http://{place}/manifests/v1", blobs.data[index["digest"]], OCI_INDEX)
            for descriptor in (index, *manifests):
                about = subject(descriptor, f"{running.host}/{repository}")
                made = sign_image(about, [ALICE, BOB], [(statement(descriptor), PREDICATE_TYPE)])
                push(place, [artifact for artifact in made if is_wanted(artifact, repository)])
        yield running


def cosign(name: str, who: KeySigner, place: Path, *words: str) -> bool:
    key = place / "key.pem"
    key.write_text(pem(who.public))
    argv = [program(name), *words[:1], "--key", str(key), "--insecure-ignore-tlog=true", *words[1:]]
    offline = ["unshare", "-rn"] if "--local-image" in words else []
    return run(*offline, *argv, check=False, HOME=str(place)).returncode == 0


ACCEPTED = [(name, form) for name in COSIGNS for form in ("all", "sig", "bundle")
            if (name, form) != ("cosign", "bundle")]  # fmt: skip


@pytest.mark.parametrize(("name", "form"), ACCEPTED)
def test_cosign_accepts_the_signed_image_only(
    name: str, form: str, registry: Registry, tmp_path: Path
) -> None:
    for who in (ALICE, BOB):
        assert cosign(name, who, tmp_path, "verify", f"{registry.host}/{form}:v1")
    assert not cosign(name, CAROL, tmp_path, "verify", f"{registry.host}/{form}:v1")
    assert not cosign(name, ALICE, tmp_path, "verify", f"{registry.host}/none:v1")


@pytest.mark.parametrize(("name", "form"), ACCEPTED)
def test_cosign_accepts_the_attestation_only_of_the_signed_image(
    name: str, form: str, registry: Registry, tmp_path: Path
) -> None:
    words = ("verify-attestation", "--type", "slsaprovenance1")
    assert cosign(name, ALICE, tmp_path, *words, f"{registry.host}/{form}:v1")
    assert not cosign(name, CAROL, tmp_path, *words, f"{registry.host}/{form}:v1")
    assert not cosign(name, ALICE, tmp_path, *words, f"{registry.host}/none:v1")


def skopeo(registry: Registry, form: str, who: KeySigner, place: Path, *words: str) -> bool:
    (place / "key.pem").write_text(pem(who.public))
    scope = f"{registry.host}/{form}"
    rule = {
        "type": "sigstoreSigned",
        "keyPath": str(place / "key.pem"),
        "signedIdentity": {"type": "matchRepository"},
    }
    policy = {"default": [{"type": "reject"}], "transports": {"docker": {scope: [rule]}}}
    (place / "policy.json").write_text(json.dumps(policy))
    (place / "registries.d").mkdir(exist_ok=True)
    attachments = {"docker": {scope: {"use-sigstore-attachments": True}}}
    (place / "registries.d/x.yaml").write_text(json.dumps(attachments))
    target = place / f"copy-{len(list(place.iterdir()))}"
    argv = [program("skopeo-policy"), "--policy", str(place / "policy.json"),
            "--registries.d", str(place / "registries.d"), "copy", "--quiet",
            "--src-tls-verify=false", *words, f"docker://{scope}:v1", f"dir:{target}"]  # fmt: skip
    return run(*argv, check=False, HOME=str(place), TMPDIR=str(place)).returncode == 0


@pytest.mark.parametrize("words", [("--all",), ("--override-arch", "arm64")])
def test_skopeos_policy_accepts_the_signed_image_only(
    words: tuple[str, ...], registry: Registry, tmp_path: Path
) -> None:
    for who in (ALICE, BOB):
        assert skopeo(registry, "sig", who, tmp_path, *words)
    assert not skopeo(registry, "sig", CAROL, tmp_path, *words)
    assert not skopeo(registry, "none", ALICE, tmp_path, *words)


@pytest.mark.parametrize("name", COSIGNS)
def test_cosign_accepts_a_signed_layout(name: str, tmp_path: Path) -> None:
    blobs, index, _ = image()
    made = sign_image(subject(index, "example.org/app"), [ALICE], [])
    layout = tmp_path / "layout"
    kinds = {"dev.cosignproject.cosign/imageIndex": index}
    everything = dict(blobs.data)
    for artifact in made:
        if kind := LAYOUT_KINDS.get(artifact.tag.rpartition(".")[2]):
            kinds[kind] = artifact.descriptor()
            for data in (artifact.manifest, *artifact.blobs):
                everything[str(Digest.of(data))] = data
    (layout / "blobs/sha256").mkdir(parents=True)
    for digest, data in everything.items():
        (layout / "blobs/sha256" / digest.removeprefix("sha256:")).write_bytes(data)
    entries = [{**item, "annotations": {"kind": kind}} for kind, item in kinds.items()]
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))
    (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    assert cosign(name, ALICE, tmp_path, "verify", "--local-image", str(layout))
    assert not cosign(name, CAROL, tmp_path, "verify", "--local-image", str(layout))
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": entries[:1]}))
    assert not cosign(name, ALICE, tmp_path, "verify", "--local-image", str(layout))


def export(place: Path, lock: Lock, words: Sequence[str], *, name: str = "out") -> Path:
    """Run `images export` of kube-apiserver, signed by Alice, and return what it wrote."""
    (image,) = (reference for reference in lock.images if "kube-apiserver" in reference)
    target = place / name
    argv = ["images", "export", str(target), "--project", str(place), "--store",
            str(place / "store"), "--image", image, "--board", "pc", *words]  # fmt: skip
    assert main(argv, {"HOME": str(place), "PATH": ""}) == 0
    return next(target.iterdir())


@pytest.fixture
def pinned(tmp_path: Path) -> Iterator[Lock]:
    """A lock beside a store with its images and the keys of Alice and Bob."""
    with Registry(tmp_path / "from") as source:
        published = publish(source, tmp_path)
        store = Store(tmp_path / "store")
        store.add_bytes(b"buildroot-2026.08.tar.gz")
        published.fetch(store, all_platforms=True).check()
        write_lock(tmp_path / "kutter.lock", published.lock)
        for who in (ALICE, BOB):
            write_private_key(tmp_path / f"{who.public.kind}.pem", who, b"")
        yield published.lock


def keys(place: Path, *signers: KeySigner) -> list[str]:
    return [word for who in signers for word in ("--key", str(place / f"{who.public.kind}.pem"))]


def test_what_push_signs_is_accepted_with_every_platform(pinned: Lock, tmp_path: Path) -> None:
    """The command itself: `images push --key`, then cosign and skopeo's policy."""
    with Registry(tmp_path / "to") as target:
        environ = {"HOME": str(tmp_path), "PATH": ""}
        words = ["images", "push", target.host, "--project", str(tmp_path), "--store",
                 str(tmp_path / "store"), *keys(tmp_path, ALICE, BOB)]  # fmt: skip
        assert main(words, environ) == 0
        name = min(pinned.images).partition("/")[2].partition(":")[0]
        for program_name in COSIGNS:
            for who in (ALICE, BOB):
                assert cosign(program_name, who, tmp_path, "verify", f"{target.host}/{name}:v1")
            assert not cosign(program_name, CAROL, tmp_path, "verify", f"{target.host}/{name}:v1")
        place = tmp_path / "skopeo"
        place.mkdir()
        assert skopeo(target, name, ALICE, place, "--all")
        assert not skopeo(target, name, CAROL, place, "--all")


@pytest.mark.parametrize("name", COSIGNS)
def test_what_export_signs_is_accepted_as_a_local_image(
    name: str, pinned: Lock, tmp_path: Path
) -> None:
    """The command itself: `images export --key`, then cosign without a registry."""
    directory = ["--format", "directory"]
    plain = export(tmp_path, pinned, directory, name="plain")
    assert not cosign(name, ALICE, tmp_path, "verify", "--local-image", str(plain))
    layout = export(tmp_path, pinned, [*directory, *keys(tmp_path, ALICE, BOB)])
    for who in (ALICE, BOB):
        assert cosign(name, who, tmp_path, "verify", "--local-image", str(layout))
    assert not cosign(name, CAROL, tmp_path, "verify", "--local-image", str(layout))
    bare = json.loads((plain / "index.json").read_text())["manifests"]
    entries = json.loads((layout / "index.json").read_text())["manifests"]
    assert entries[: len(bare)] == bare
    signed = [
        json.loads((layout / "blobs/sha256" / layer["digest"][7:]).read_text())
        for entry in entries[len(bare) :]
        for layer in document(layout, entry["digest"])["layers"]
    ]
    root = bare[0]["digest"]
    children = [item["digest"] for item in document(layout, root)["manifests"]]
    subjects = [item["critical"]["image"]["docker-manifest-digest"] for item in signed]
    assert subjects == [digest for digest in (root, *children) for _ in (ALICE, BOB)
                        if (layout / "blobs/sha256" / digest[7:]).exists()]  # fmt: skip


def document(layout: Path, digest: str) -> Object:
    value: Object = json.loads((layout / "blobs/sha256" / digest[7:]).read_text())
    return value


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
    with tarfile.open(archive) as opened:
        opened.extractall(tmp_path / "layout", filter="data")
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


@pytest.mark.parametrize("name", COSIGNS)
def test_kutterlock_verifies_what_cosign_saved(
    name: str, registry: Registry, tmp_path: Path
) -> None:
    """A layout that kutterlock did not write, with its signatures."""
    saved = tmp_path / "saved"
    argv = [program(name), "save", "--dir", str(saved), f"{registry.host}/sig:v1"]
    run(*argv, HOME=str(tmp_path))
    assert judged(saved, ALICE).signers == ("key",)
    with pytest.raises(UntrustedError, match="is signed by none of: key"):
        judged(saved, CAROL)


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


def judged(layout: Path, who: KeySigner | None = None) -> JudgedLayout:
    named = {"key": who.public} if who else {}
    with open_layout(layout) as files:
        return judge_layout(files, ImageStandard(judge=Judge(at=NOW), keys=named))
