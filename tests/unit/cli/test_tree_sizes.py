"""`tree --sizes`: what is known is printed and drawn, what is not is said."""

import json
from pathlib import Path

import pytest

from kutterlock.adapters.disk.store import Store
from kutterlock.adapters.tomlfile import write_lock
from kutterlock.cli.main import main
from kutterlock.model.digest import Digest
from kutterlock.model.output import OutputFile, OutputManifest
from kutterlock.model.paths import RelativePath
from tests.support import samples
from tests.support.images import Blobs, add_image, pin

PAUSE = "registry.k8s.io/pause:3.10.2"
ETCD = "registry.k8s.io/etcd:3.6.8-0"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    blobs, elsewhere = Blobs(), Blobs()
    images = [pin(PAUSE, add_image(blobs, "pause")), pin(ETCD, add_image(elsewhere, "etcd"))]
    store = Store(tmp_path / "store")
    for data in blobs.data.values():
        store.add_bytes(data)
    write_lock(tmp_path / "kutter.lock", samples.lock_of(images))
    monkeypatch.setenv("KUTTER_STORE", str(tmp_path / "store"))
    return tmp_path


def build(project: Path, sizes: str | None) -> None:
    """Leave an output of the board pc, measured or not."""
    output = project / "output/pc"
    output.mkdir(parents=True)
    digest = Digest.of(b"")
    disk = OutputFile(path=RelativePath("disk.img"), size=140_000_000, digest=digest)
    manifest = OutputManifest(board="pc", derivation=digest, lock=digest, pure=True, files=(disk,))
    (output / "manifest.json").write_bytes(manifest.to_bytes())
    if sizes is not None:
        (output / "sizes.json").write_text(sizes)


def tree(project: Path, *options: str) -> int:
    return main(["tree", "--sizes", "--board", "pc", "--project", str(project), *options])


def test_files_packages_and_images(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build(project, '{"packages": {"busybox": 700000, "systemd": 9000000}}')
    assert tree(project) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:5] == [
        "pc: files of its newest output",
        " disk.img  140.0 MB",
        "pc: as installed, 9.7 MB",
        " systemd  9.0 MB",
        " busybox  0.7 MB",
    ]
    assert lines[5].startswith("pc: 2 images, compressed, ")
    assert [ETCD, "not", "vendored"] in [line.split() for line in lines]


def test_pictures_and_json(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build(project, '{"packages": {"busybox": 700000}}')
    assert tree(project, "--svg", str(project / "svg"), "--json") == 0
    found = json.loads(capsys.readouterr().out)["pc"]
    assert found["packages"] == {"busybox": 700000}
    assert found["images"][ETCD] is None
    assert found["images"][PAUSE] > 0
    drawn = sorted(path.name for path in (project / "svg").iterdir())
    assert drawn == ["pc-images.svg", "pc-packages.svg"]


def test_what_was_not_built_is_said(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tree(project) == 0
    assert capsys.readouterr().out.splitlines()[1] == " not built"


def test_an_output_of_an_older_version_was_not_measured(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build(project, None)
    assert tree(project) == 2
    assert capsys.readouterr().err == (
        f"error: {project}/output/pc was not measured: there is no sizes.json\n"
        "hint: name an output that this version built: `kutterlock build --board B`\n"
    )


def test_a_picture_of_nothing_is_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tree", "--svg", "x", "--project", str(project)]) == 2
    assert capsys.readouterr().err == "error: --svg goes with --sizes\n"
