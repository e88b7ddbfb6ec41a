"""Closures of the miniature Buildroot: its traps, met in a real sandbox."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

import kutterlock.demo
from kutterlock.adapters.disk.files import hash_file
from kutterlock.adapters.process import find_program
from kutterlock.adapters.sandbox.run import choose_sandbox
from kutterlock.build.inputs import copy_overlays
from kutterlock.build.recipe import Versions
from kutterlock.errors import KutterError, ManifestError, NoSandboxError
from kutterlock.model.digest import Digest
from kutterlock.model.manifest import PackagePin
from kutterlock.resolve.closure import BoardClosure, Pins, evaluate_board
from kutterlock.resolve.evaluation import Bench, Question

pytestmark = pytest.mark.integration

MINIATURE = Path(kutterlock.demo.__file__).parent / "miniature"
PINNED = {
    "linux": PackagePin(name="linux", digest=Digest.of(b"linux")),
    "kubernetes": PackagePin(name="kubernetes", digest=Digest.of(b"kubernetes")),
}


@dataclass(frozen=True)
class Miniature:
    """A project with the miniature's own overlays."""

    bench: Bench

    def evaluate(
        self, overlay: str, defconfig: str, packages: dict[str, PackagePin] | None = None
    ) -> BoardClosure:
        versions = Versions(
            arch="aarch64" if "arm64" in defconfig else "x86_64",
            inputs={"kubernetes": "1.36.902", "linux": "6.12.900"},
            overrides={},
        )
        target = self.bench.cache / f"copies-{defconfig}"
        question = Question(
            board=defconfig.removesuffix("_defconfig"),
            defconfig=defconfig,
            overlays=copy_overlays(self.bench.project, [overlay], target),
            versions=versions,
            buildroot=Digest.of(b"miniature"),
            environment="this machine",
            kind="host",
            epoch=1788220800,
        )
        return evaluate_board(
            question, Pins(versions=versions, packages=packages or {}), self.bench
        )


@pytest.fixture
def miniature(tmp_path: Path) -> Miniature:
    if not find_program("make", os.environ["PATH"]) or not find_program("cc", os.environ["PATH"]):
        pytest.skip("needs make and a C compiler")
    try:
        sandbox = choose_sandbox(os.environ["PATH"])
    except NoSandboxError as error:
        pytest.skip(error.reason)
    shutil.copytree(MINIATURE / "overlays", tmp_path / "overlays")
    shutil.copytree(MINIATURE / "tree", tmp_path / "tree")
    return Miniature(
        Bench(
            project=tmp_path, cache=tmp_path / "cache", tree=lambda: tmp_path / "tree",
            root=lambda: None, sandbox=sandbox,
        )
    )  # fmt: skip


def test_the_demo_boards(miniature: Miniature) -> None:
    pc = miniature.evaluate(
        "demo", "demo_x86_64_defconfig", PINNED | {"linux": PackagePin(name="linux")}
    )
    arm = miniature.evaluate("demo", "demo_arm64_defconfig", {"kubernetes": PINNED["kubernetes"]})
    for closure, arch in ((pc, "amd64"), (arm, "arm64")):
        sources = {source.path: source for source in closure.sources}
        assert closure.packages["kubernetes"] == "1.36.902"
        assert closure.packages["linux"] == "6.12.900"
        path = f"kubernetes/kubernetes-node-linux-{arch}.tar.gz"
        assert sources[path].digest == Digest.of(b"kubernetes")  # type: ignore[index]
        assert any(source.digest.algorithm == "sha512" for source in closure.sources)
    assert pc.config == hash_file(pc.evaluation.directory / "config")
    assert pc.config != arm.config


@pytest.mark.parametrize("name", ["nohash", "unlisted"])
def test_a_package_without_a_hash(miniature: Miniature, name: str) -> None:
    with pytest.raises(ManifestError) as caught:
        miniature.evaluate("faults", f"fault_{name}_defconfig")
    assert caught.value.details == (
        f"fault-{name}: fault-{name}/fault-1.0.tar.gz: add packages.fault-{name}.sha256 to "
        "kutter.toml",
    )


def test_lines_that_are_dropped(miniature: Miniature) -> None:
    with pytest.raises(ManifestError) as caught:
        miniature.evaluate("faults", "fault_unsatisfied_defconfig")
    assert caught.value.details == (
        "line 5: BR2_PACKAGE_WORLDCLOCK=y: not in .config",
        "line 6: BR2_PACKAGE_NO_SUCH_THING=y: not in .config",
    )


def test_a_hash_file_with_a_type_that_nobody_knows(miniature: Miniature) -> None:
    with pytest.raises(KutterError) as caught:
        miniature.evaluate("faults", "fault_algorithm_defconfig")
    assert caught.value.reason == (
        "overlays/faults/package/fault-algorithm/fault-algorithm.hash, line 1: "
        f"'sha3-256  {'0' * 64}  fault-1.0.tar.gz' is not 'TYPE  HEX  FILE'"
    )
    assert caught.value.hint == (
        "Buildroot knows the types md5, sha1, sha224, sha256, sha384, sha512"
    )


def test_a_source_directory_from_an_override_file(miniature: Miniature) -> None:
    overlay = miniature.bench.project / "overlays/demo"
    (overlay / "override.mk").write_text("LIBGLYPH_OVERRIDE_SRCDIR = /home/me/libglyph\n")
    with pytest.raises(ManifestError) as caught:
        miniature.evaluate("demo", "demo_x86_64_defconfig", PINNED)
    assert caught.value.details == ("libglyph takes its source from /home/me/libglyph",)
