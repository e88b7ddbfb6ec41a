"""Images before cosign and skopeo's policy: how to make, publish, sign and judge them."""

import base64
import contextlib
import json
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from kutterlock.adapters.disk.store import Store
from kutterlock.adapters.oci.layout import open_layout
from kutterlock.adapters.signing.keys import KeySigner, write_private_key
from kutterlock.adapters.tomlfile import write_lock
from kutterlock.cli.main import main
from kutterlock.model.attest.cosign import SIGNATURE_ANNOTATION as NOTE
from kutterlock.model.attest.cosign import Artifact
from kutterlock.model.attest.intoto import PREDICATE_TYPE
from kutterlock.model.digest import Digest
from kutterlock.model.lock import Lock
from kutterlock.model.oci.image import OCI_INDEX
from kutterlock.model.signing.keys import pem
from kutterlock.trust.images import ImageSubject
from kutterlock.trust.layouts import ImageStandard, JudgedLayout, judge_layout
from kutterlock.trust.verified import Judge
from tests.integration.verifiers import found, program
from tests.support.images import Blobs, Object, add_manifest, layer
from tests.support.programs import run
from tests.support.published import publish
from tests.support.registry import Registry
from tests.support.signing import ALICE, BOB, NOW

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


def image(hello: bytes = b"") -> tuple[Blobs, Object, list[Object]]:
    blobs = Blobs()
    manifests = [
        add_manifest(blobs, platform, [layer({"hello": hello + platform.encode()})])
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


def flipped(data: bytes, *words: bytes) -> bytes:
    """Flip the lowest bit of the last byte of the first word that stands in `data`."""
    word = next(word for word in words if word in data)
    return data.replace(word, word[:-1] + bytes([word[-1] ^ 1]), 1)


def flip_payload(data: bytes, _: str) -> tuple[bytes, str]:
    """Flip a bit of what is signed, so that it stays well formed."""
    if b"critical" in data:
        return flipped(data, b"localhost"), _
    return _in_envelope(data, "payload", lambda payload: flipped(payload, b"app", b"sign/v1")), _


def flip_signature(data: bytes, signature: str) -> tuple[bytes, str]:
    if b"critical" in data:
        return data, base64.b64encode(_bent(base64.b64decode(signature))).decode()
    return _in_envelope(data, "sig", _bent), signature


def _bent(signature: bytes) -> bytes:
    return signature[:20] + bytes([signature[20] ^ 1]) + signature[21:]


def _in_envelope(data: bytes, key: str, change: Callable[[bytes], bytes]) -> bytes:
    value = json.loads(data)
    envelope = value.get("dsseEnvelope", value)
    place = envelope if key == "payload" else envelope["signatures"][0]
    place[key] = base64.b64encode(change(base64.b64decode(place[key]))).decode()
    return json.dumps(value).encode()


Change = Callable[[bytes, str], tuple[bytes, str]]
CHANGES: dict[str, Change] = {
    "flipped-payload": flip_payload,
    "flipped-signature": flip_signature,
}


def changed(artifacts: Sequence[Artifact], change: Change) -> list[Artifact]:
    """Change every signature or statement, and let all digests be right again."""
    renamed: dict[str, Object] = {}
    made = []
    for artifact in artifacts:
        manifest = json.loads(artifact.manifest)
        before = {str(Digest.of(blob)): blob for blob in artifact.blobs}
        layers = {entry["digest"] for entry in manifest.get("layers", ())}
        blobs = {digest: data for digest, data in before.items() if digest not in layers}
        for entry in manifest.get("layers", ()):
            notes = entry.setdefault("annotations", {})
            data, notes[NOTE] = change(before[entry["digest"]], notes.get(NOTE, ""))
            entry |= {"digest": str(Digest.of(data)), "size": len(data)}
            blobs[entry["digest"]] = data
        for entry in manifest.get("manifests", ()):
            entry.update(renamed[entry["digest"]])
        new = replace(artifact, manifest=json.dumps(manifest).encode(), blobs=tuple(blobs.values()))
        renamed[str(artifact.digest)] = new.descriptor()
        made.append(new)
    return made


def moved(artifacts: Sequence[Artifact], source: Object, target: Object) -> list[Artifact]:
    """Pass off what was signed for one image as being about another."""
    old, new = source["digest"], target["digest"]
    renamed: dict[str, Object] = {}
    made = []
    for artifact in artifacts:
        manifest = json.loads(artifact.manifest.replace(old.encode(), new.encode()))
        for entry in manifest.get("manifests", ()):
            entry.update(renamed[entry["digest"]])
        tag = artifact.tag.replace(old[7:], new[7:])
        there = replace(artifact, tag=tag, manifest=json.dumps(manifest).encode())
        renamed[str(artifact.digest)] = there.descriptor()
        made.append(there)
    return made


def cosign(name: str, who: KeySigner, place: Path, *words: str) -> bool:
    key = place / "key.pem"
    key.write_text(pem(who.public))
    argv = [program(name), *words[:1], "--key", str(key), "--insecure-ignore-tlog=true", *words[1:]]
    offline = ["unshare", "-rn"] if "--local-image" in words else []
    return run(*offline, *argv, check=False, HOME=str(place)).returncode == 0


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


def export(place: Path, lock: Lock, words: Sequence[str], *, name: str = "out") -> Path:
    """Run `images export` of kube-apiserver, signed by Alice, and return what it wrote."""
    (image,) = (reference for reference in lock.images if "kube-apiserver" in reference)
    target = place / name
    argv = ["images", "export", str(target), "--project", str(place), "--store",
            str(place / "store"), "--image", image, "--board", "pc", *words]  # fmt: skip
    assert main(argv, {"HOME": str(place), "PATH": ""}) == 0
    return next(target.iterdir())


@contextlib.contextmanager
def pinned_images(place: Path) -> Iterator[Lock]:
    """Lay out a lock beside a store with its images and the keys of Alice and Bob."""
    with Registry(place / "from") as source:
        published = publish(source, place)
        store = Store(place / "store")
        store.add_bytes(b"buildroot-2026.08.tar.gz")
        published.fetch(store, all_platforms=True).check()
        write_lock(place / "kutter.lock", published.lock)
        for who in (ALICE, BOB):
            write_private_key(place / f"{who.public.kind}.pem", who, b"")
        yield published.lock


def keys(place: Path, *signers: KeySigner) -> list[str]:
    return [word for who in signers for word in ("--key", str(place / f"{who.public.kind}.pem"))]


def document(layout: Path, digest: str) -> Object:
    value: Object = json.loads((layout / "blobs/sha256" / digest[7:]).read_text())
    return value


def judged(layout: Path, who: KeySigner | None = None) -> JudgedLayout:
    named = {"key": who.public} if who else {}
    with open_layout(layout) as files:
        return judge_layout(files, ImageStandard(judge=Judge(at=NOW), keys=named))
