"""What `vendor` notes of a run that had everything, and when it is believed the next time."""

import json
import os
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import pytest

from kutterlock.adapters.disk.store import Store
from kutterlock.adapters.tomlfile import write_lock
from kutterlock.cli.main import main, make_context
from kutterlock.cli.output import Output
from kutterlock.cli.vendored import Note
from kutterlock.model.digest import Digest
from kutterlock.model.progress import Silence
from kutterlock.vendor.gc import collect, find_garbage
from tests.support import samples

CONTENT = (b"buildroot-2026.08.tar.gz", b"hello/hello-1.0.tar.gz", b"make")
NOTHING_NEW = {
    "present": 3, "fetched": [], "bytes": 0, "missing": [], "not-tried": [], "exit-code": 0,
}  # fmt: skip


class Scene:
    """A project with everything in its store, vendored once."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.store = Store(directory / "store")
        self.environ = {"KUTTER_CONFIG": str(directory / "config.toml"), "HOME": str(directory)}
        (directory / "config.toml").touch()
        write_lock(directory / "kutter.lock", samples.lock_without_images())
        for data in CONTENT:
            self.store.add_bytes(data)

    def vendor(self, *words: str) -> int:
        places = ["--project", str(self.directory), "--store", str(self.store.root)]
        return main(["vendor", *words, *places], self.environ)

    def note(self, **more: object) -> Note:
        options = {"board": None, "all_platforms": False, "json": False, **more}
        arguments = Namespace(**options, project=str(self.directory), store=str(self.store.root))
        output = Output(as_json=False)
        context = make_context(arguments, self.environ, self.directory, output, Silence())
        return Note(context, arguments)


@pytest.fixture
def scene(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Scene:
    found = Scene(tmp_path)
    assert found.vendor() == 0
    capsys.readouterr()
    return found


def test_a_note_says_the_same_as_the_long_way(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in ([], ["--mirror", str(scene.directory)]):  # the second never asks the note
        assert scene.vendor(*words) == 0
        assert scene.vendor(*words, "--json") == 0
        text, _, facts = capsys.readouterr().out.partition("\n")
        assert text == " closure     3 files: all present"
        assert json.loads(facts) == NOTHING_NEW


def test_a_note_is_of_every_file_and_of_the_root_that_keeps_them(scene: Scene) -> None:
    assert scene.note().count() == 3
    (path,) = (scene.store.root / "vendored").iterdir()
    _, count, *files = path.read_text().splitlines()
    blobs = [scene.store.path(Digest.of(data)) for data in CONTENT]
    root = scene.store.root_path(scene.directory / "kutter.lock")
    assert count == "3"
    assert sorted(files) == sorted(
        f"{found.stat().st_size} {found.relative_to(scene.store.root)}" for found in (*blobs, root)
    )


def gone(scene: Scene) -> None:
    scene.store.remove(Digest.of(b"make"))


def cut(scene: Scene) -> None:
    path = scene.store.path(Digest.of(b"make"))
    path.chmod(0o644)
    os.truncate(path, 3)


def fifo(scene: Scene) -> None:
    gone(scene)
    os.mkfifo(scene.store.locate(Digest.of(b"make")))


def unrooted(scene: Scene) -> None:
    scene.store.root_path(scene.directory / "kutter.lock").unlink()


def relocked(scene: Scene) -> None:
    path = scene.directory / "kutter.lock"
    path.write_bytes(path.read_bytes() + b"\n")


def with_manifest(scene: Scene) -> None:
    (scene.directory / "kutter.toml").write_text("[project]\n")


def configured(scene: Scene) -> None:
    (scene.directory / "config.toml").write_text('[network]\nallowed-hosts = ["a.example"]\n')


def from_elsewhere(scene: Scene) -> None:
    scene.environ["KUTTER_MIRROR"] = "https://mirror.example/"


def damaged(scene: Scene) -> None:
    (path,) = (scene.store.root / "vendored").iterdir()
    question = path.read_text().partition("\n")[0]
    path.write_text(f"{question}\nmany\n")


def empty(scene: Scene) -> None:
    (path,) = (scene.store.root / "vendored").iterdir()
    path.write_bytes(b"")


def collected(scene: Scene) -> None:
    collect(scene.store, find_garbage(scene.store))


@pytest.mark.parametrize(
    "change",
    [gone, cut, fifo, unrooted, relocked, with_manifest, configured, from_elsewhere, damaged,
     empty, collected],
)  # fmt: skip
def test_whatever_changed_is_looked_at_anew(scene: Scene, change: Callable[[Scene], None]) -> None:
    assert scene.note().count() == 3
    change(scene)
    assert scene.note().count() is None


@pytest.mark.parametrize("options", [{"board": ["pc"]}, {"all_platforms": True}])
def test_other_options_are_another_question(scene: Scene, options: dict[str, object]) -> None:
    assert scene.note(**options).count() is None
    assert scene.note().count() == 3


def test_a_lock_that_changed_under_way_is_not_noted(scene: Scene) -> None:
    collected(scene)
    note = scene.note()
    relocked(scene)
    note.write(3, [])
    assert not list((scene.store.root / "vendored").iterdir())


def test_what_is_missing_is_not_noted(scene: Scene) -> None:
    collected(scene)
    gone(scene)
    assert scene.vendor("--offline", "--keep-going") == 7
    assert not list((scene.store.root / "vendored").iterdir())


def test_a_store_that_cannot_be_written_is_no_trouble(scene: Scene) -> None:
    collected(scene)
    (scene.store.root / "vendored").rmdir()
    (scene.store.root / "vendored").write_bytes(b"in the way")
    assert scene.vendor() == 0
