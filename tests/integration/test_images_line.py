"""Images along the whole line: a tag in kutter.toml, a real registry, an archive in the output."""

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.images import Blobs, add_image, write_layout
from tests.support.line import Line
from tests.support.programs import program
from tests.support.registry import Registry

pytestmark = pytest.mark.integration
BOARD = "demo-x86_64"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with Registry(tmp_path / "registry") as found:
        yield found


def publish(registry: Registry, directory: Path, content: str) -> None:
    blobs = Blobs()
    image = add_image(blobs, content)
    layout = write_layout(blobs, directory, {"app": image})
    registry.push_layout(layout, "app", "app:v1")


def test_an_image_by_tag_ends_up_in_the_output(
    fresh: Line, registry: Registry, tmp_path: Path
) -> None:
    program("make")
    program("cc")
    publish(registry, tmp_path / "one", "first")
    digest = registry.digest("app:v1")
    reference = f"{registry.host}/app:v1"
    text = fresh.manifest.read_text().replace("images = false\n", "", 1)
    fresh.manifest.write_text(f'{text}\n[images]\nextra = ["{reference}"]\n')
    fresh.must("resolve")
    (listed,) = json.loads(fresh.must("images", "list", "--json").output)["images"]
    assert (listed["digest"], listed["trust"]) == (digest, "first-use")
    assert listed["boards"] == [BOARD]
    before = fresh.lock.read_bytes()

    # The tag moves: told by outdated, followed by nobody until it is upgraded by name.
    publish(registry, tmp_path / "two", "second")
    moved = registry.digest("app:v1")
    assert moved != digest
    (standing,) = json.loads(fresh.must("outdated", "--json").output)["images"]
    assert (standing["pinned"], standing["now"], standing["moved"]) == (digest, moved, True)
    fresh.must("resolve")
    assert fresh.lock.read_bytes() == before

    fresh.must("vendor")
    built = json.loads(fresh.must("build", "--offline", "--board", BOARD, "--json").output)
    files = fresh.project / "output" / BOARD / "files"
    assert (files / "images.tar").is_file(), built
    with tarfile.open(files / "images.tar") as archive:
        index = archive.extractfile("index.json")
        assert index is not None
        entries = json.loads(index.read())["manifests"]
    assert [entry["digest"] for entry in entries] == [digest, digest]
    fresh.must("images", "export", str(tmp_path / "out"), "--board", BOARD)
    exported = (tmp_path / "out" / f"{BOARD}-images.tar").read_bytes()
    assert exported == (files / "images.tar").read_bytes()

    fresh.must("resolve", "-P", reference)
    (listed,) = json.loads(fresh.must("images", "list", "--json").output)["images"]
    assert listed["digest"] == moved
