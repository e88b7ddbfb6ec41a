"""`verify bundle` and `sign bundle`: a verdict on volumes that were not taken in, two of three."""

import dataclasses
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kutterlock.adapters.tomlfile import write_lock
from kutterlock.bundle.create import CreateRequest, create
from kutterlock.bundle.volume import Volume
from kutterlock.cli.main import main
from kutterlock.model.encoding import ustar
from kutterlock.model.progress import Silence
from tests.support.bundles import BASE, Near, base_of, some_files
from tests.support.projects import lock_of

MANIFEST = '[project]\nname = "demo"\n[inputs]\nbuildroot = "*"\n'
LATER = "2026-12-24T12:00:00Z"
LIMIT = 300_000
Run = Callable[..., int]


@pytest.fixture
def near(tmp_path: Path) -> Near:
    near = Near(tmp_path / "near", files=some_files(count=5, size=60_000), signers=())
    (near.project / "kutter.toml").write_text(MANIFEST)
    (near.project / "kutter.root.json").unlink()
    return near


@pytest.fixture
def run(near: Near, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command line, with a pinned root of which two of three sign bundles, one the lock."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.toml").touch()
    environ = {"HOME": str(tmp_path), "PATH": "", "KUTTER_STATE": str(tmp_path / "state"),
               "KUTTER_CONFIG": str(tmp_path / "config/config.toml")}  # fmt: skip

    def call(*words: str) -> int:
        capsys.readouterr()
        place = ["--project", str(near.project), "--store", str(tmp_path / "none")]
        return main([*words, *place], environ)

    for name in ("alice", "bob", "carol", "mallory"):
        assert main(["key", "generate", name, "--no-passphrase"], environ) == 0
    made = ["trust", "init", "--add", "alice", "--add", "bob", "--add", "carol", "--key", "bob"]
    assert call(*made, "--threshold", "bundle=2", "--json") == 0
    assert call("trust", "pin", "--digest", json.loads(capsys.readouterr().out)["digest"]) == 0
    assert call("sign", "--key", "alice") == 0
    return call


def volumes(near: Near, *, base: bool = False) -> list[str]:
    request = CreateRequest(
        project=near.project, lock=lock_of(near.files, BASE), limit=LIMIT,
        base=base_of(near.create("base.tar").bundle) if base else None,
    )  # fmt: skip
    if base:
        near.files = {**near.files, "q/q.tar": b"new" * 999}
        lock = lock_of(near.files, BASE)
        near.store.add_bytes(near.files["q/q.tar"])
        write_lock(near.project / "kutter.lock", lock)
        request = dataclasses.replace(request, lock=lock)
    return [str(p) for p in create(request, near.store, near.directory / "v.tar", Silence()).paths]


def test_two_of_three_sign_one_after_the_other(
    near: Near, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = volumes(near)
    before = [Path(path).read_bytes() for path in paths]
    assert run("verify", "bundle", *paths) == 6
    assert capsys.readouterr().err.splitlines()[0] == (
        "error: the bundle: 0 of the 2 signatures that the trust root demands for 'bundle'"
    )
    assert run("sign", "bundle", *paths, "--key", "alice") == 0
    assert run("verify", "bundle", *paths) == 6
    assert run("sign", "bundle", *paths, "--key", "mallory") == 0
    assert run("verify", "bundle", *paths) == 6
    assert run("sign", "bundle", *paths, "--key", "carol") == 0
    assert run("verify", "bundle", *paths, "--json", "--at", LATER) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["signers"] == ["alice", "carol"]
    assert facts["exit-code"] == 0
    results = {item["check"]: item["result"] for item in facts["checks"]}
    assert results["volume 2 of 2"].startswith(f"{paths[1]}: ")
    assert results["volume 2 of 2"].endswith(": all digests right")
    assert results["trust root"].endswith(f"judged at {LATER}")
    strangers = [item for item in facts["checks"] if item["result"].endswith("no key of the trust "
                 "root")]  # fmt: skip
    assert len(strangers) == 2  # mallory's, in two forms
    for path, old in zip(paths, before, strict=True):
        with Volume(Path(path)) as volume:
            length = sum(ustar.room(piece.size) for piece in volume.pieces) + len(ustar.END)
        assert Path(path).read_bytes()[-length:] == old[-length:]
        assert Path(path).stat().st_size <= LIMIT
    again = [Path(path).read_bytes() for path in paths]
    assert run("sign", "bundle", *paths, "--key", "carol") == 0
    assert [Path(path).read_bytes() for path in paths] == again


def test_signatures_of_any_volume_count(
    near: Near, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = volumes(near)
    copies = [shutil.copy(path, tmp_path / Path(path).name) for path in paths]
    assert run("sign", "bundle", *paths, "--key", "alice") == 0
    assert run("sign", "bundle", *map(str, copies), "--key", "bob") == 0
    assert run("verify", "bundle", paths[0], str(copies[1])) == 0
    assert re.search(r"^ bundle.json: signature +bob ", capsys.readouterr().out, re.MULTILINE)
    assert run("verify", "bundle", *paths) == 6


def test_a_missing_volume_is_9_and_what_is_there_is_judged(
    near: Near, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = volumes(near)
    signed = ("sign", "bundle", *paths, "--key", "alice", "--key", "bob")
    assert run(*signed) == 0
    assert run("verify", "bundle", paths[1]) == 9
    told = capsys.readouterr()
    assert " not covered: the lock: it is in a volume not named" in told.out
    assert told.err.splitlines()[0] == "error: not here: volume 1 of 2"
    assert "missing: volume 1: project/kutter.lock" in told.err
    assert run("verify", "bundle", paths[1], "--json") == 9
    facts = json.loads(capsys.readouterr().out)
    assert facts["exit-code"] == 9
    assert facts["error"] == "not here: volume 1 of 2"
    assert facts["details"] == [line[2:] for line in told.err.splitlines()[1:-1]]
    assert facts["missing"] == facts["details"]
    assert facts["hint"] == "name all volumes of the bundle"
    assert run(*signed[:3], *signed[4:]) == 9
    assert run("verify", "bundle", *paths, paths[0]) == 2
    assert run("verify", "bundle") == 2
    assert run("sign", "bundle", "--key", "alice") == 2
    assert run("sign", "lock", paths[0], "--key", "alice") == 2


def test_an_import_names_signers_and_release(
    near: Near, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = volumes(near)
    assert run("sign", "bundle", *paths, "--key", "alice", "--key", "bob") == 0
    words = ("bundle", "import", *paths, "--into", str(tmp_path / "os"), "--json")
    assert run(*words) == 0
    facts = json.loads(capsys.readouterr().out)
    names = ("signers", "release", "lock-signers")
    assert [facts[name] for name in names] == [["alice", "bob"], 1, ["alice"]]
    assert run(*words, "--unsigned") == 0
    facts = json.loads(capsys.readouterr().out)
    assert [facts[name] for name in names] == [[], None, []]


def test_a_wrong_byte_anywhere_is_5_and_nobody_signs_it(
    near: Near, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = volumes(near)
    signed = ("sign", "bundle", *paths, "--key", "alice", "--key", "bob")
    assert run(*signed) == 0
    for path in map(Path, paths):
        whole = path.read_bytes()
        for offset in (len(whole) // 3, len(whole) // 2, len(whole) - 5):
            path.write_bytes(whole[:offset] + bytes([whole[offset] ^ 1]) + whole[offset + 1 :])
            spoiled = path.read_bytes()
            assert run("verify", "bundle", *paths) == 5
            assert capsys.readouterr().err.splitlines()[0] == (
                "error: the bundle is damaged: 1 fault"
            )
            assert run(*signed[:-2], "--key", "carol") == 5
            assert path.read_bytes() == spoiled
            assert not list(path.parent.glob(".unverified*"))
        path.write_bytes(whole[: len(whole) // 2])
        assert run("verify", "bundle", *paths) == 5
        path.write_bytes(whole)
    assert run("verify", "bundle", *paths) == 0


def test_the_base_of_a_delta_is_not_covered(
    near: Near, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = volumes(near, base=True)
    assert run("sign", "--key", "alice", "--release", "2") == 0
    paths = volumes(near, base=True)
    assert run("sign", "bundle", *paths, "--key", "alice", "--key", "bob") == 0
    assert run("verify", "bundle", *paths, "--json") == 0
    (line,) = [
        text for text in json.loads(capsys.readouterr().out)["not-covered"] if "base" in text
    ]
    assert line.endswith("`bundle import` hashes them where they are")
