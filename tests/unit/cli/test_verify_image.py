"""`verify image` under a pinned root: what is demanded, texts and exit codes. No registry."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kutterlock.adapters.disk.store import Store
from kutterlock.adapters.tomlfile import write_lock
from kutterlock.cli.main import main
from tests.support import samples
from tests.support.images import Blobs, add_image, pin

PAUSE = "registry.k8s.io/pause:3.10.2"
MANIFEST = '[project]\nname = "demo"\n[inputs]\nbuildroot = "*"\n'
Run = Callable[..., int]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """A project whose pinned root knows alice and bob, and demands nothing but the lock."""
    blobs, store = Blobs(), Store(tmp_path / "store")
    write_lock(tmp_path / "kutter.lock", samples.lock_of([pin(PAUSE, add_image(blobs, "pause"))]))
    (tmp_path / "kutter.toml").write_text(MANIFEST)
    for data in blobs.data.values():
        store.add_bytes(data)
    environ = {"HOME": str(tmp_path), "PATH": "", "KUTTER_STATE": str(tmp_path / "state"),
               "KUTTER_CONFIG": str(tmp_path / "config/config.toml")}  # fmt: skip
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.toml").touch()

    def call(*words: str) -> int:
        capsys.readouterr()
        return main([*words, "--project", str(tmp_path), "--store", str(store.root)], environ)

    for name in ("alice", "bob"):
        assert main(["key", "generate", name, "--no-passphrase"], environ) == 0
    made = ["trust", "init", "--add", "alice", "--add", "bob", "--key", "bob"]
    assert call(*made, "--threshold", "image=2", "--json") == 0
    assert call("trust", "pin", "--digest", json.loads(capsys.readouterr().out)["digest"]) == 0
    assert call("sign", "--key", "alice") == 0
    return call


def test_a_demand_of_the_manifest_needs_the_threshold_of_the_root(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    assert run("images", "export", str(one), "--board", "pc", "--key", "alice") == 0
    assert run("images", "export", str(two), "--board", "pc", "--key", "alice", "--key", "bob") == 0
    assert run("verify", "image", str(one / "pc-images.tar")) == 0
    (tmp_path / "kutter.toml").write_text(MANIFEST + '[trust]\nrequire = ["image"]\n')
    assert run("verify", "image", str(one / "pc-images.tar")) == 6
    assert capsys.readouterr().err.splitlines()[0] == (
        f"error: {PAUSE}: 1 of the 2 signatures that the trust root demands for 'image'"
    )
    assert run("verify", "image", str(two / "pc-images.tar"), "--json") == 0
    assert sorted(json.loads(capsys.readouterr().out)["signers"]) == ["alice", "bob"]


def test_a_root_that_expired_accepts_nothing_but_is_judged_at_the_time_stated(
    run: Run, tmp_path: Path
) -> None:
    assert run("images", "export", str(tmp_path / "out"), "--board", "pc", "--key", "alice") == 0
    archive = str(tmp_path / "out/pc-images.tar")
    assert run("verify", "image", archive, "--at", "2199-01-01") == 6
    assert run("verify", "image", archive) == 0


def test_a_lock_that_is_not_signed_as_demanded_hands_on_no_images(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = tmp_path / "out/pc-images.tar"
    assert run("images", "export", str(archive.parent), "--board", "pc", "--key", "alice") == 0
    capsys.readouterr()
    (tmp_path / "kutter.release.json").unlink()
    shutil.rmtree(tmp_path / "signatures")
    said = (
        "error: kutter.release.json: 0 of the 1 signatures that the trust root demands for 'lock'"
    )
    for words in (
        ["export", str(tmp_path / "other"), "--key", "alice"],
        ["export", str(tmp_path / "other")],
        ["push", "localhost:1", "--key", "alice"],
        ["sign", str(archive), "--key", "bob"],
    ):
        assert run("images", *words) == 6
        assert capsys.readouterr().err.splitlines()[0] == said
    assert run("images", "export", str(tmp_path / "other"), "--unsigned", "--key", "alice") == 6
    assert capsys.readouterr().err.splitlines()[0] == (
        "error: images of a lock that was not verified (--unsigned) cannot be signed"
    )
    assert not (tmp_path / "other").exists()
    assert run("images", "export", str(tmp_path / "other"), "--unsigned") == 0


def test_what_is_attested_of_an_image_is_evidence(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run("images", "export", str(out), "--board", "pc", "--key", "alice") == 0
    assert run("verify", "image", str(out / "pc-images.tar"), "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    key = facts["checks"][-3]["result"].split()[1].rstrip(",")
    assert facts["checks"][-2:] == [
        {
            "check": f"{PAUSE}: provenance",
            "result": f"alice {key}: copied unchanged from {PAUSE}, which this lock pins",
        },
        {"check": f"{PAUSE}: SBOM", "result": f"alice {key}: CycloneDX of 2 components"},
    ]
    assert facts["not-covered"] == [
        "1 manifest that the indexes name and the layout does not have",
        "what is in the layers: digests say that they are those signed, not that they are good",
    ]
