"""The commands about images of docs/trust.md, taken from the page and run, on a real registry."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kutterlock.adapters.signing.keys import write_private_key, write_public_key
from tests.integration.image_verifiers import COSIGNS, pinned_images
from tests.integration.test_trust_document import BLOCKS, flip, run
from tests.integration.verifiers import program
from tests.support.registry import Registry
from tests.support.signing import ALICE, CAROL

pytestmark = pytest.mark.integration

BY_COSIGN = [
    (kind, number, name)
    for kind in ("images-registry", "images-layout")
    for number, (words, _) in enumerate(item for item in BLOCKS if item[0][0] == kind)
    for name in COSIGNS[: 2 if "both" in words else 1]
]


class Desk:
    """A project with keys, a registry, and the programs under the names that the page has."""

    def __init__(self, place: Path, registry: Registry, image: str) -> None:
        self.place, self.registry, self.image = place, registry, image
        self.layout = place / "out/pc-images"

    def run(self, script: str, cosign: str = "cosign") -> bool:
        host = self.registry.host
        name = self.image.partition("/")[2].partition(":")[0]
        return run(
            self.place, self.place, script, cosign, offline=False,
            REGISTRY=host, NAME=f"{host}/{name}", TAG="v1", IMAGE=self.image,
            LAYOUT=str(self.layout), KUTTER_STORE=str(self.place / "store"),
            KUTTER_STATE=str(self.place / "state"),
        )  # fmt: skip

    def clear(self) -> None:
        """Remove what a block writes."""
        from shutil import rmtree

        for name in ("saved", "fetched", "copied"):
            rmtree(self.place / name, ignore_errors=True)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    place = tmp_path_factory.mktemp("page") / "project"
    place.mkdir()
    with pinned_images(place) as lock, Registry(place / "to") as registry:
        keys = place / "config/keys"
        for name, who in (("release", ALICE), ("second", CAROL)):
            write_private_key(keys / f"{name}.pem", who, b"")
            write_public_key(keys / f"{name}.pub.pem", who.public)
        (place / "config/config.toml").touch()
        write_public_key(place / "release.pub.pem", ALICE.public)
        (place / "programs").mkdir()
        (place / "programs/oras").symlink_to(program("oras"))
        plain = f'exec {program("skopeo-policy")} "$@" --src-tls-verify=false'  # no TLS there
        (place / "programs/skopeo").write_text(f"#!/bin/sh\n{plain}\n")
        (place / "programs/skopeo").chmod(0o755)
        (image,) = (name for name in lock.images if "kube-apiserver" in name)
        made = Desk(place, registry, image)
        (script,) = (text for words, text in BLOCKS if words[0] == "images-sign")
        assert made.run(script)
        yield made


def blobs(desk: Desk) -> Iterator[Path]:
    """Yield every file with a signature, a statement or a bundle in it."""
    for path in (*desk.registry.storage.rglob("data"), *desk.layout.rglob("blobs/sha256/*")):
        data = path.read_bytes()
        if data[:1] == b"{" and any(word in data for word in (b'"critical"', b'"payload"')):
            yield path


@pytest.mark.parametrize(("kind", "number", "name"), BY_COSIGN)
def test_the_commands_on_images(kind: str, number: int, name: str, desk: Desk) -> None:
    script = [text for words, text in BLOCKS if words[0] == kind][number]
    desk.clear()
    assert desk.run(script, name)
    desk.clear()
    there = list(blobs(desk))
    assert there
    for path in there:
        flip(path)
    assert not desk.run(script, name)
    for path in there:
        flip(path)
