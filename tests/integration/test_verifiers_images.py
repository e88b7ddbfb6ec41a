"""Image signatures in a real registry and in a layout, judged by cosign and by skopeo's policy."""

import json
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from kutterlock.adapters.keys import KeySigner
from kutterlock.model.cosign import LAYOUT_KINDS, Artifact
from kutterlock.model.digest import Digest
from kutterlock.model.intoto import PREDICATE_TYPE
from kutterlock.model.keys import pem
from kutterlock.model.oci import OCI_INDEX
from kutterlock.trust.images import ImageSubject, sign_image
from tests.integration.verifiers import found, program
from tests.support.images import Blobs, Object, add_manifest, layer
from tests.support.registry import Registry, run
from tests.support.signing import ALICE, BOB, CAROL

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
    return run(*argv, check=False, HOME=str(place)).returncode == 0


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


def test_what_push_signs_is_accepted_with_every_platform(tmp_path: Path) -> None:
    """The command itself: `images push --key`, then cosign and skopeo's policy."""
    from kutterlock.adapters.keys import write_private_key
    from kutterlock.adapters.store import Store
    from kutterlock.adapters.tomlfile import write_lock
    from kutterlock.cli.main import main
    from tests.support.published import publish

    with Registry(tmp_path / "from") as source, Registry(tmp_path / "to") as target:
        published = publish(source, tmp_path)
        store = Store(tmp_path / "store")
        store.add_bytes(b"buildroot-2026.08.tar.gz")
        published.fetch(store, all_platforms=True).check()
        write_lock(tmp_path / "kutter.lock", published.lock)
        for who in (ALICE, BOB):
            write_private_key(tmp_path / f"{who.public.kind}.pem", who, b"")
        environ = {"HOME": str(tmp_path), "PATH": ""}
        words = ["images", "push", target.host, "--project", str(tmp_path), "--store",
                 str(store.root)]  # fmt: skip
        keys = [str(tmp_path / f"{who.public.kind}.pem") for who in (ALICE, BOB)]
        assert main([*words, "--key", keys[0], "--key", keys[1]], environ) == 0
        name = min(published.lock.images).partition("/")[2].partition(":")[0]
        for program_name in COSIGNS:
            for who in (ALICE, BOB):
                assert cosign(program_name, who, tmp_path, "verify", f"{target.host}/{name}:v1")
            assert not cosign(program_name, CAROL, tmp_path, "verify", f"{target.host}/{name}:v1")
        place = tmp_path / "skopeo"
        place.mkdir()
        assert skopeo(target, name, ALICE, place, "--all")
        assert not skopeo(target, name, CAROL, place, "--all")
