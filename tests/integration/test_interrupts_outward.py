"""Ctrl-C in what signs and hands on: one sentence, everything as it was, the next run finishes.

The moment is an event: a signer, a server or a program that was asked and does not answer.
"""

import hashlib
import os
import signal
from pathlib import Path

import pytest

from kutterlock.adapters.disk.store import Store
from kutterlock.adapters.tomlfile import read_lock
from kutterlock.model.digest import Digest
from kutterlock.model.oci.image import OCI_MANIFEST
from tests.support.fault_server import FaultServer
from tests.support.finished import BOARD, IMAGE, key
from tests.support.images import CONFIG, LAYER, Blobs
from tests.support.interrupting import SAID, WAIT, hesitant, interrupt, processes_of, wait_for
from tests.support.line import Line, copy_of

pytestmark = pytest.mark.integration

VERIFIED = " verifying   16 files: all present, all digests right\n"

Words = tuple[str, ...]


@pytest.fixture
def line(finished: Line, tmp_path: Path) -> Line:
    return copy_of(finished, tmp_path / "demo")


def contents(line: Line) -> dict[str, str]:
    """Return what is in the project, its store, keys and cache; a download may have begun."""
    root = line.demonstration.directory
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.parent != root / "store/partial"
    }


def program(place: Path, name: str) -> tuple[Path, Path]:
    """Make a program that says that it was started, and does not end; returns both files."""
    place.mkdir(exist_ok=True)
    started, made = place / "started", place / name
    made.write_text(f'#!/bin/sh\ncat >/dev/null\ntouch "{started}"\nexec sleep 1000\n')
    made.chmod(0o755)
    return made, started


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("sign",), id="sign"),
        pytest.param(("sign", "--expires", "2099-01-01"), id="sign-anew"),
        pytest.param(("sign", "FILE"), id="sign-file"),
        pytest.param(("attest", "--board", BOARD), id="attest"),
        pytest.param(("images", "export", "OUT"), id="export"),
        pytest.param(("images", "export", "OUT", "--format", "directory"), id="export-directory"),
    ],
)
def test_while_a_signer_is_waited_for(words: Words, line: Line, tmp_path: Path) -> None:
    """The token that nobody touches: signatures of others, and of before, stay."""
    places = {"FILE": str(line.manifest), "OUT": str(tmp_path / "out")}
    argv = [places.get(word, word) for word in words]
    slow, started = program(tmp_path / "bin", "slow")
    before = contents(line)
    said = interrupt(line, started.exists, *argv, "--signer", str(slow), "--signer-key",
                     str(key(line)))  # fmt: skip
    assert said == ("" if words[0] != "attest" else said)
    assert contents(line) == before
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []
    line.must(*argv, "--key", "release")


def pin_endless(line: Line) -> None:
    """Pin an image whose one layer is 2 GB of nothing: it takes no room, and long to be copied."""
    blobs = Blobs()
    layer = {"mediaType": LAYER, "digest": f"sha256:{'0' * 64}", "size": 2 << 30}
    config = blobs.add_json({"architecture": "amd64", "os": "linux"}, CONFIG)
    value = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [layer]}
    image = blobs.add_json(value, OCI_MANIFEST)
    store = Store(line.demonstration.directory / "store")
    for data in blobs.data.values():
        store.add_bytes(data)
    place = store.locate(Digest.parse(str(layer["digest"])))
    place.parent.mkdir()
    with place.open("xb") as file:
        file.truncate(2 << 30)
    line.change({f"{IMAGE}:v1@": f'{IMAGE}:v2@{image["digest"]}", "{IMAGE}:v1@'})
    line.must("resolve", "--offline")


@pytest.mark.parametrize("form", ["archive", "iso", "directory"])
def test_export_while_a_layer_is_copied(form: str, line: Line, tmp_path: Path) -> None:
    pin_endless(line)
    out = tmp_path / "out"

    def copying() -> object:
        found = [path for path in out.rglob("*") if path.is_file()]
        return sum(path.stat().st_size for path in found) > 1 << 20

    words = ("images", "export", str(out), "--format", form)
    assert interrupt(line, copying, *words) == ""
    assert list(out.iterdir()) == []
    line.must(
        *words, "--image", next(name for name in read_lock(line.lock).images if ":v1" in name)
    )


def test_push(line: Line) -> None:
    before, asked = contents(line), list[str]()
    with FaultServer() as server:
        server.on("/v2/app/blobs/uploads/", hesitant(asked))
        said = interrupt(line, lambda: asked, "images", "push", f"localhost:{server.port}")
    assert said == ""
    assert contents(line) == before
    assert {request.method for request in server.requests} <= {"GET", "HEAD", "POST"}


def test_vendor_of_an_image(line: Line) -> None:
    line.must("vendor", "--offline")  # from here on the store knows this project
    parts = {path.name for path in (line.demonstration.directory / "layout").glob("blobs/*/*")}
    for blob in line.demonstration.directory.glob("store/sha256/*/*"):
        if blob.name in parts:
            blob.unlink()
    before, asked = contents(line), list[str]()
    with FaultServer() as server:
        (name,) = read_lock(line.lock).images.values()
        server.on(f"/v2/app/manifests/{name.digest}", hesitant(asked))
        mirror = f"https://localhost:1/=http://localhost:{server.port}/"
        interrupt(line, lambda: asked, "vendor", KUTTER_MIRROR=mirror)
    assert contents(line) == before
    line.must("vendor", "--offline", "--mirror", str(line.demonstration.directory / "layout"))


def test_catalog_update(line: Line) -> None:
    """The shipped catalog, whose upstreams all have one mirror, and nobody else may be asked."""
    config = line.demonstration.directory / "config.toml"
    config.write_text("[network]\nallowed-hosts = ['localhost']\n")
    before, asked = contents(line), list[str]()
    with FaultServer() as server:
        server.on("/api.github.com/repos/containerd/containerd/releases", hesitant(asked))
        interrupt(line, lambda: asked, "catalog", "update", "containerd",
                  KUTTER_CATALOG="", KUTTER_MIRROR=server.url)  # fmt: skip
    assert contents(line) == before


def test_sbom_while_buildroot_is_asked(line: Line, tmp_path: Path) -> None:
    cache = line.demonstration.directory / "cache"
    for path in (cache / "evaluations").iterdir():
        path.rename(cache / f"old-{path.name}")

    def asking() -> object:
        return list(cache.glob("evaluations/.unverified-*/build/out"))

    words = ("sbom", "--board", BOARD, "--to", str(tmp_path / "bill.json"))
    interrupt(line, asking, *words)
    assert list(tmp_path.glob("bill.json")) == []
    assert list(cache.rglob(".unverified-*")) == []
    line.must(*words)


def test_shell_before_the_program_runs(line: Line, tmp_path: Path) -> None:
    bubblewrap, started = program(tmp_path / "bin", "bwrap")
    path = f"{bubblewrap.parent}:{os.environ['PATH']}"
    said = interrupt(line, started.exists, "shell", "--board", BOARD, "--", "true", PATH=path)
    assert said == VERIFIED


WAITING = "touch /build/started; while [ ! -e /build/go ]; do sleep 0.05; done; exit 7"


@pytest.mark.parametrize(
    ("number", "status", "said"), [(signal.SIGINT, 7, ""), (signal.SIGTERM, 143, SAID)]
)
def test_shell_leaves_the_keys_to_its_program(
    number: int, status: int, said: str, line: Line
) -> None:
    """Ctrl-C at a prompt ends no shell, and the status is the program's; SIGTERM ends both."""
    work = line.demonstration.directory / "cache/work"
    process = line.start("shell", "--board", BOARD, "--", "sh", "-c", WAITING)
    wait_for(lambda: list(work.glob("*/build/started")), process)
    process.send_signal(number)
    for started in work.glob("*/build/started"):
        if number == signal.SIGINT:
            started.with_name("go").touch()
    errors = process.communicate(timeout=WAIT)[1].decode()
    assert (process.returncode, errors) == (status, VERIFIED + said)
    assert processes_of(line) == []
