"""Signed images in a real registry and in a layout, judged by cosign and by skopeo's policy."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from kutterlock.adapters.signing.keys import KeySigner
from kutterlock.errors import UntrustedError
from kutterlock.model.attest.cosign import LAYOUT_KINDS, Artifact
from kutterlock.model.attest.intoto import PREDICATE_TYPE
from kutterlock.model.digest import Digest
from kutterlock.model.oci.image import OCI_INDEX
from kutterlock.model.signing.keys import pem
from kutterlock.trust.images import sign_image
from tests.integration.image_verifiers import (
    CHANGES,
    COSIGNS,
    changed,
    cosign,
    image,
    judged,
    moved,
    push,
    put,
    put_blob,
    skopeo,
    statement,
    subject,
)  # fmt: skip
from tests.integration.verifiers import program
from tests.support.images import Object
from tests.support.programs import run
from tests.support.registry import Registry
from tests.support.signing import ALICE, BOB, CAROL

pytestmark = pytest.mark.integration


def is_wanted(artifact: Artifact, form: str) -> bool:
    """Whether a repository that has signatures of one form only has this artifact."""
    tagged = artifact.tag.endswith((".sig", ".att"))
    return {"all": True, "sig": tagged, "bundle": not tagged, "none": False}[form]


FORMS = ("all", "sig", "bundle", "none")
"""Repositories of one image, by the forms in which it is signed there."""

ATTACKS = (*CHANGES, "signed-for-another")


def lay_out(running: Registry, repository: str) -> tuple[Object, ...]:
    """Send the image without any signature; returns its index and manifests."""
    place = f"{running.host}/v2/{repository}"
    blobs, index, manifests = image()
    for digest, data in blobs.data.items():
        if digest not in blobs.documents:
            put_blob(place, data)
    for digest, media_type in blobs.documents.items():
        put(f"http://{place}/manifests/{digest}", blobs.data[digest], media_type)
    put(f"http://{place}/manifests/v1", blobs.data[index["digest"]], OCI_INDEX)
    return (index, *manifests)


def signed(running: Registry, repository: str, descriptor: Object) -> tuple[Artifact, ...]:
    about = subject(descriptor, f"{running.host}/{repository}")
    return sign_image(about, [ALICE, BOB], [(statement(descriptor), PREDICATE_TYPE)])


def attacked(running: Registry, repository: str, attack: str, number: int) -> list[Artifact]:
    """Sign one part of the image, and attack that."""
    if attack in CHANGES:
        _, index, manifests = image()
        return changed(signed(running, repository, (index, *manifests)[number]), CHANGES[attack])
    _, index, manifests = image(b"another ")
    _, own, own_manifests = image()
    source, target = (index, *manifests)[number], (own, *own_manifests)[number]
    return moved(signed(running, repository, source), source, target)


def send(running: Registry, repository: str, form: str, made: Sequence[Artifact]) -> None:
    wanted = [artifact for artifact in made if is_wanted(artifact, form)]
    push(f"{running.host}/v2/{repository}", wanted)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with Registry(tmp_path_factory.mktemp("registry")) as running:
        for form in FORMS:
            for descriptor in lay_out(running, form):
                send(running, form, form, signed(running, form, descriptor))
        for form in ("sig", "bundle"):
            for attack in ATTACKS:
                name = f"{form}-{attack}"
                for number, _ in enumerate(lay_out(running, name)):
                    send(running, name, form, attacked(running, name, attack, number))
        yield running


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


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize(("name", "form"), [item for item in ACCEPTED if item[1] != "all"])
def test_cosign_refuses_an_attacked_signature_and_attestation(
    name: str, form: str, attack: str, registry: Registry, tmp_path: Path
) -> None:
    image_name = f"{registry.host}/{form}-{attack}:v1"
    words = ("verify-attestation", "--type", "slsaprovenance1")
    assert not cosign(name, ALICE, tmp_path, "verify", image_name)
    assert not cosign(name, ALICE, tmp_path, *words, image_name)


@pytest.mark.parametrize("attack", ATTACKS)
def test_skopeos_policy_refuses_an_attacked_signature(
    attack: str, registry: Registry, tmp_path: Path
) -> None:
    assert not skopeo(registry, f"sig-{attack}", ALICE, tmp_path, "--all")


OFFLINE = """
python3 -c 'import fcntl, socket, struct
with socket.socket() as s:
    fcntl.ioctl(s, 0x8914, struct.pack("16sh", b"lo", 0x1))'
"$1" serve "$2" 2>/dev/null & registry=$!
trap "kill $registry" EXIT
until (: < "/dev/tcp/127.0.0.1/$3") 2>/dev/null; do sleep 0.05; done
shift 3
"$@"
"""
"""Brings loopback up (SIOCSIFFLAGS, IFF_UP), runs a registry there, and a program beside it."""


@pytest.mark.parametrize("name", COSIGNS)
def test_cosign_needs_nothing_but_the_registry(
    name: str, registry: Registry, tmp_path: Path
) -> None:
    """The registry in a network namespace with nothing else in it."""

    def accepts(who: KeySigner, *words: str) -> bool:
        (tmp_path / "key.pem").write_text(pem(who.public))
        argv = ["unshare", "-rn", "bash", "-c", OFFLINE, "bash", program("docker-registry"),
                str(registry.directory / "config.yml"), str(registry.port), program(name),
                *words, "--key", str(tmp_path / "key.pem"), "--insecure-ignore-tlog=true",
                f"{registry.host}/all:v1"]  # fmt: skip
        return run(*argv, check=False, HOME=str(tmp_path)).returncode == 0

    for words in (["verify"], ["verify-attestation", "--type", "slsaprovenance1"]):
        assert accepts(ALICE, *words)
        assert not accepts(CAROL, *words)


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
