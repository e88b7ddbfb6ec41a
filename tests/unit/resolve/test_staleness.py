from pathlib import Path

import pytest

from kutterlock.adapters.disk.files import digest_tree, hash_file
from kutterlock.adapters.tomlfile import read_manifest
from kutterlock.errors import StaleLockError
from kutterlock.model.lock import Lock, OverridePin
from kutterlock.model.manifest import Manifest
from kutterlock.model.paths import RelativePath
from kutterlock.resolve.staleness import require_current, stale_fields
from tests.support import samples

MANIFEST = """\
[project]
name = "demo"
[inputs]
buildroot = "*"
[boards.pc]
arch = "x86_64"
overlays = ["demo"]
defconfig = "pc_defconfig"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "kutter.toml").write_text(MANIFEST)
    (tmp_path / "overlays/demo").mkdir(parents=True)
    (tmp_path / "overlays/demo/external.desc").write_text("name: DEMO\n")
    (tmp_path / "fix.patch").write_text("+fix\n")
    return tmp_path


def current(project: Path) -> tuple[Manifest, Lock]:
    manifest = read_manifest(project / "kutter.toml")
    patch = (RelativePath("fix.patch"), hash_file(project / "fix.patch"))
    lock = samples.lock()._replace(
        meaning=manifest.meaning(),
        overlays={"demo": digest_tree(project / "overlays/demo")},
        overrides={"hello": OverridePin(name="hello", patches=(patch,))},
    )
    return manifest, lock


def test_a_current_lock_has_no_stale_field(project: Path) -> None:
    manifest, lock = current(project)
    assert stale_fields(manifest, lock, project) == []
    require_current(manifest, lock, project)


def test_each_stale_field_is_named(project: Path) -> None:
    _, lock = current(project)
    text = MANIFEST.replace('"*"', '"==2026.8"').replace("[boards.pc]", "[boards.rpi]")
    (project / "kutter.toml").write_text(text)
    manifest = read_manifest(project / "kutter.toml")
    stale = stale_fields(manifest, lock, project)
    assert "inputs.buildroot: was *, is ==2026.8" in stale
    assert "boards.pc.arch: was x86_64, is gone from kutter.toml" in stale
    assert "boards.rpi.arch: x86_64 is new in kutter.toml" in stale


def test_an_edited_overlay_and_patch_are_stale(project: Path) -> None:
    manifest, lock = current(project)
    (project / "overlays/demo/external.desc").write_text("name: OTHER\n")
    (project / "fix.patch").unlink()
    overlay = digest_tree(project / "overlays/demo")
    with pytest.raises(StaleLockError) as caught:
        require_current(manifest, lock, project)
    assert caught.value.reason == "kutter.lock is stale in 2 fields"
    assert caught.value.details == (
        f"overlays.demo: was {lock.overlays['demo']}, the tree is {overlay}",
        "overrides.hello.patches: there is no fix.patch",
    )


def test_a_missing_overlay_is_stale(project: Path) -> None:
    manifest, lock = current(project)
    (project / "overlays/demo/external.desc").unlink()
    (project / "overlays/demo").rmdir()
    assert stale_fields(manifest, lock, project) == [
        "overlays.demo: there is no directory overlays/demo"
    ]


def test_trust_below_the_demanded_level_is_stale(project: Path) -> None:
    (project / "kutter.toml").write_text(MANIFEST + '[policy]\nminimum-trust = "checksum"\n')
    manifest, lock = current(project)
    assert stale_fields(manifest, lock, project) == [
        "registry.k8s.io/pause:3.10.2: trusted by catalog, policy.minimum-trust demands checksum"
    ]
