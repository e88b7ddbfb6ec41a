"""The commands of docs/trust.md, taken from the page and run, on good files and on changed ones."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kutterlock.adapters.signing.keys import KeySigner, write_public_key
from kutterlock.adapters.tomlfile import write_lock
from kutterlock.model.attest.statement import Seen
from kutterlock.model.signing.signature_file import FORMS
from kutterlock.trust.release import ReleaseRequest, sign_lock
from tests.integration.verifiers import found, program
from tests.support import attesting
from tests.support.signing import ALICE, BOB, LATER, NOW, root

pytestmark = pytest.mark.integration

DOCUMENT = Path(__file__).parents[2] / "docs/trust.md"
BLOCKS = [
    (words.split(), text)
    for words, text in re.findall(
        r"^```(?:sh|python) (.+)\n((?:.*\n)*?)```$", DOCUMENT.read_text(), re.MULTILINE
    )
]


def blocks(kind: str) -> list[str]:
    """Return the page's blocks of a kind, those for cosign 3 only where that is at hand."""
    return [text for words, text in BLOCKS if words[0] == kind and "cosign-3" not in words[1:]]


def blocks_3(kind: str) -> list[str]:
    return [text for words, text in BLOCKS if words[0] == kind and "cosign-3" in words[1:]]


def lay_out(place: Path, who: KeySigner) -> None:
    """Write what an auditor gets: a project, an output in it, a public key in every form."""
    place.mkdir()
    write_lock(place / "kutter.lock", attesting.LOCK)
    request = ReleaseRequest(now=NOW, expires=LATER)
    sign_lock(place, attesting.LOCK, Seen(), request, [who], FORMS)
    attesting.attested(place / "output", who)
    (place / "kutter.root.json").write_bytes(root().to_bytes())
    write_public_key(place / "config/keys/release.pub.pem", who.public)
    (place / "config/config.toml").touch()


def run(
    place: Path,
    directory: Path,
    script: str,
    cosign: str = "cosign",
    *,
    offline: bool = True,
    **more: str,
) -> bool:
    programs = place / "programs"
    if not (programs / "kutterlock").exists():
        programs.mkdir(exist_ok=True)
        command = f'PYTHONPATH={DOCUMENT.parents[1]} exec {sys.executable} -m kutterlock "$@"'
        (programs / "kutterlock").write_text(f"#!/bin/sh\n{command}\n")
        (programs / "kutterlock").chmod(0o755)
    (programs / "cosign").unlink(missing_ok=True)
    (programs / "cosign").symlink_to(program(cosign))
    environment = {
        **more,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": "/nonexistent",
        "KUTTER_CONFIG": str(place / "config/config.toml"),
    }
    whole = "".join(["set -eu -o pipefail\n", *blocks("id"), script])
    alone = ["unshare", "-rn"] if offline else []
    done = subprocess.run(
        [*alone, "bash", "-c", whole], cwd=directory, env=environment, capture_output=True,
        check=False,
    )  # fmt: skip
    print(done.stderr.decode())
    return done.returncode == 0


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name in ("minisign", "openssl", "ssh-keygen", "cosign", "unshare"):
        program(name)
    lay_out(tmp_path / "alice", ALICE)
    place = tmp_path / "alice"
    (place / "release.pub.pem").write_bytes((place / "config/keys/release.pub.pem").read_bytes())
    assert run(place, place, blocks("keys")[0])
    for name in ("release.minisign", "release.pub.pem"):
        shutil.copy(place / name, place / "output")
    return place


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("number", range(len(blocks("lock"))))
def test_the_commands_on_a_lock(place: Path, number: int) -> None:
    script = blocks("lock")[number]
    assert run(place, place, script)
    flip(place / "kutter.lock")
    assert not run(place, place, script)


def test_the_command_for_a_p256_key(place: Path, tmp_path: Path) -> None:
    other = tmp_path / "bob"
    lay_out(other, BOB)
    (other / "release.pub.pem").write_bytes((other / "config/keys/release.pub.pem").read_bytes())
    extract = blocks("lock")[1].partition("openssl pkeyutl")[0]
    script = extract + blocks("p256")[0]
    assert run(other, other, script)
    flip(other / "kutter.lock")
    assert not run(other, other, script)


def test_the_commands_on_an_output(place: Path) -> None:
    output = place / "output"
    script = blocks("output")[0]
    assert run(place, output, script)
    flip(output / "files/disk.img")
    assert not run(place, output, script)


def test_the_commands_for_cosign_3(place: Path) -> None:
    if not found("cosign-3"):
        return  # of Debian's unstable suite: met where it can be had
    for kind, directory, changed in (
        ("lock", place, place / "kutter.lock"),
        ("output", place / "output", place / "output/files/disk.img"),
    ):
        script = blocks_3(kind)[0]
        assert run(place, directory, script, "cosign-3")
        flip(changed)
        assert not run(place, directory, script, "cosign-3")


def test_the_python_on_a_trust_root(place: Path) -> None:
    script = blocks("root")[0] + blocks("digest")[0]
    good = subprocess.run(
        [sys.executable, "-c", script], cwd=place, capture_output=True, check=True, text=True
    )
    from kutterlock.model.signing.trustroot import read_root

    assert good.stdout.strip() == str(read_root((place / "kutter.root.json").read_bytes()).digest)
    path = place / "kutter.root.json"
    path.write_text(path.read_text().replace("2027-11-22", "2028-11-22"))
    bad = subprocess.run(
        [sys.executable, "-c", script], cwd=place, capture_output=True, check=False
    )
    assert bad.returncode != 0


def test_every_block_of_the_page_is_run() -> None:
    kinds = {words[0] for words, _ in BLOCKS}
    images = {"images-sign", "images-registry", "images-layout"}  # in test_trust_document_images
    assert kinds == {"keys", "id", "lock", "p256", "output", "root", "digest", *images}
    assert len(blocks("lock")) == 4
