"""Closures judged from Buildroot's answers."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from kutterlock.adapters.disk.files import hash_file
from kutterlock.build.inputs import copy_overlays
from kutterlock.build.recipe import Versions
from kutterlock.catalog.types import ReleaseFile
from kutterlock.errors import BuildError, HashMismatchError, KutterError, ManifestError
from kutterlock.model.digest import Digest
from kutterlock.model.lock import OverridePin, SourcePin, Trust
from kutterlock.model.manifest import PackagePin
from kutterlock.model.paths import RelativePath
from kutterlock.model.sandbox.plan import NetworkAttempt, SandboxPlan, SandboxResult
from kutterlock.resolve.closure import (
    BoardClosure,
    Pins,
    evaluate_board,
    evaluate_boards,
)
from kutterlock.resolve.evaluation import Bench, Question
from tests.support.answering import Answering, entry

ONE, TWO = Digest.of(b"1"), Digest.of(b"2")


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@dataclass
class World:
    """A project with one overlay, a tree with one .hash file, and a bench around them."""

    root: Path
    sandbox: Answering
    trees: int = 0
    inputs: dict[str, str] = field(default_factory=dict)
    packages: dict[str, PackagePin] = field(default_factory=dict)
    overrides: dict[str, OverridePin] = field(default_factory=dict)
    files: dict[str, tuple[ReleaseFile, ...]] = field(default_factory=dict)
    copies: int = 0

    def __post_init__(self) -> None:
        overlay = self.root / "project/overlays/kutter"
        write(overlay / "external.desc", "name: KUTTER\n")
        write(overlay / "configs/pc_defconfig", "BR2_x86_64=y\n")
        self.hashes("zlib", f"sha256  {ONE.hex}  zlib-1.0.tar.gz\n")

    def hashes(self, name: str, text: str) -> None:
        write(self.root / f"tree/package/{name}/{name}.hash", text)

    def tree(self) -> Path:
        self.trees += 1
        return self.root / "tree"

    @property
    def bench(self) -> Bench:
        return Bench(
            project=self.root / "project", cache=self.root / "cache", tree=self.tree,
            root=lambda: None, sandbox=self.sandbox,
        )  # fmt: skip

    def question(self, board: str = "pc") -> Question:
        self.copies += 1
        target = self.root / f"copies{self.copies}"
        return Question(
            board=board,
            defconfig="pc_defconfig",
            overlays=copy_overlays(self.root / "project", ["kutter"], target),
            versions=Versions(arch="x86_64", inputs=self.inputs, overrides=self.overrides),
            buildroot=ONE,
            environment="sha256:environment",
            kind="debian",
            epoch=1784143200,
        )

    def pins(self, question: Question) -> Pins:
        return Pins(versions=question.versions, packages=self.packages, release_files=self.files)

    def evaluate(self) -> BoardClosure:
        question = self.question()
        return evaluate_board(question, self.pins(question), self.bench)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(root=tmp_path, sandbox=Answering({"zlib": entry("zlib")}))


def zlib(world: World, **changes: Any) -> None:  # noqa: ANN401
    world.sandbox.entries = {"zlib": entry("zlib", **changes)}


def test_a_closure(world: World) -> None:
    world.sandbox.entries = {
        "zlib": entry("zlib"),
        "host-zlib": entry("zlib", type="host"),
        "virtual": {"type": "target", "name": "virtual", "virtual": True},
        "rootfs-cpio": {"type": "rootfs", "image_name": None},
    }
    closure = world.evaluate()
    assert closure.board == "pc"
    assert closure.packages == {"zlib": "1.0", "host-zlib": "1.0"}
    assert closure.sources == (
        SourcePin(
            key="zlib/zlib-1.0.tar.gz",
            path=RelativePath("zlib/zlib-1.0.tar.gz"),
            digest=ONE,
            urls=("https://example.org/dl/zlib-1.0.tar.gz",),
            trust=Trust(level="checksum", by="package/zlib/zlib.hash"),
            packages=("zlib",),
        ),
    )
    assert closure.config == hash_file(closure.evaluation.directory / "config")


def test_buildroot_runs_twice_in_the_builds_own_view(world: World) -> None:
    world.evaluate()
    first, second = world.sandbox.plans
    assert first.argv[-1] == "defconfig"
    assert second.argv[:3] == ("/bin/sh", "-c", 'exec "$@" >"$0"')
    assert first.binds == second.binds
    assert [(bind.target, bind.writable) for bind in first.binds] == [
        ("/kutter/buildroot", False),
        ("/kutter/overlays/kutter", False),
        ("/kutter/dl", False),
        ("/kutter/hashes", False),
        ("/kutter/kutter.mk", False),
        ("/kutter/defconfig", False),
        ("/build", True),
    ]


def test_the_answer_is_kept(world: World) -> None:
    first = world.evaluate()
    assert (len(world.sandbox.plans), world.trees) == (2, 1)
    assert world.evaluate() == first
    assert (len(world.sandbox.plans), world.trees) == (2, 1)


def test_everything_that_matters_asks_anew(world: World) -> None:
    question = world.question()
    pins = world.pins(question)
    evaluate_board(question, pins, world.bench)
    write(world.root / "project/overlays/kutter/external.mk", "# new\n")
    changes = [
        world.question(),
        replace(question, buildroot=TWO),
        replace(question, environment="another"),
        replace(question, epoch=0),
        replace(question, kind="host"),
        replace(question, versions=replace(question.versions, arch="aarch64")),
        replace(question, versions=replace(question.versions, inputs={"linux": "6.12"})),
    ]
    for number, changed in enumerate(changes, 2):
        evaluate_board(changed, pins, world.bench)
        assert len(world.sandbox.plans) == 2 * number


@pytest.mark.parametrize("name", ["config", "show-info", "hashes.json"])
def test_a_damaged_answer_is_asked_for_again(world: World, name: str) -> None:
    first = world.evaluate()
    (first.evaluation.directory / name).write_text("{}")
    assert world.evaluate() == first
    assert len(world.sandbox.plans) == 4


def test_nothing_is_left_behind_but_the_answer(world: World) -> None:
    closure = world.evaluate()
    place = closure.evaluation.directory
    names = sorted(path.name for path in place.parent.iterdir())
    assert names == [place.name, f"{place.name}.digest"]


def test_boards_side_by_side_come_back_in_order(world: World) -> None:
    questions = [world.question(board) for board in ("a", "b", "c")]
    items = [(question, world.pins(question)) for question in questions]
    closures = evaluate_boards(items, world.bench, workers=2)
    assert [closure.board for closure in closures] == ["a", "b", "c"]


def test_the_same_board_asked_by_rivals_gets_one_answer(world: World) -> None:
    items = [(question := world.question(), world.pins(question)) for _ in range(6)]
    closures = evaluate_boards(items, world.bench, workers=6)
    assert len({closure.evaluation.directory for closure in closures}) == 1
    assert {closure.config for closure in closures} == {closures[0].config}


def test_a_line_that_is_not_honoured(world: World) -> None:
    world.sandbox.drops = ("BR2_x86_64=y",)
    with pytest.raises(ManifestError) as caught:
        world.evaluate()
    assert caught.value.reason == "Buildroot does not honour one line of pc_defconfig"
    assert caught.value.details == ("line 1: BR2_x86_64=y: not in .config",)


def test_a_tree_of_another_release(world: World) -> None:
    world.inputs["buildroot"] = "2025.02.17"
    with pytest.raises(ManifestError) as caught:
        world.evaluate()
    assert caught.value.reason == (
        "the tree pinned as Buildroot 2025.02.17 calls itself 2025.02.16"
    )


def test_buildroot_fails(world: World) -> None:
    world.sandbox.status = 2
    with pytest.raises(BuildError) as caught:
        world.evaluate()
    assert caught.value.reason == (
        "Buildroot's `make defconfig` for board 'pc' failed with status 2"
    )
    assert caught.value.details == ("first line", "last line")
    assert list((world.root / "cache/evaluations").iterdir()) == []


def test_a_makefile_that_reaches_for_a_network(world: World) -> None:
    attempt = NetworkAttempt(
        program="curl", command="curl x", address="192.0.2.1:443", how_known="seccomp"
    )
    world.sandbox.attempts = (attempt,)
    with pytest.raises(BuildError) as caught:
        world.evaluate()
    assert caught.value.reason == "evaluating board 'pc' reached for a network"
    assert caught.value.details == (str(attempt),)


def test_a_link_in_place_of_an_answer_is_not_followed(world: World) -> None:
    class Hostile(Answering):
        def run(self, plan: SandboxPlan, on_line: Callable[[bytes], None]) -> SandboxResult:
            result = super().run(plan, on_line)
            build = Path(next(bind.source for bind in plan.binds if bind.target == "/build"))
            (build / "out/.config").unlink()
            (build / "out/.config").symlink_to("/etc/hostname")
            return result

    world.sandbox = Hostile({"zlib": entry("zlib")})
    with pytest.raises(KutterError, match=r"/out/\.config leads out of .* through a symlink"):
        world.evaluate()


@pytest.mark.parametrize("name", ["../../../etc/passwd", "/etc/passwd", "/kutter/dl/../../etc/x"])
def test_a_hash_file_elsewhere_is_not_read(world: World, name: str) -> None:
    zlib(world, hashes=[name])
    with pytest.raises(ManifestError, match="no hash is known for one file"):
        world.evaluate()


def test_a_download_without_a_hash(world: World) -> None:
    extra = {"source": "b.tgz", "uris": []}
    two = entry("two")
    two["downloads"].append(extra)
    world.sandbox.entries = {"one": entry("one", hashes=[]), "two": two | {"hashes": []}}
    with pytest.raises(ManifestError) as caught:
        world.evaluate()
    assert caught.value.reason == "no hash is known for 3 files that board 'pc' downloads"
    assert caught.value.details == (
        "one: one/one-1.0.tar.gz: add packages.one.sha256 to kutter.toml",
        "two: two/b.tgz: add it to two.hash in a folder of BR2_GLOBAL_PATCH_DIR",
        "two: two/two-1.0.tar.gz: add it to two.hash in a folder of BR2_GLOBAL_PATCH_DIR",
    )
    assert caught.value.hint == (
        "take the hash from upstream's own announcement: kutterlock never guesses one"
    )


def test_a_weak_hash_is_none(world: World) -> None:
    world.hashes("zlib", "sha1  0123  zlib-1.0.tar.gz\n")
    with pytest.raises(ManifestError, match="no hash is known for one file"):
        world.evaluate()


def test_the_manifest_supplies_a_hash(world: World) -> None:
    zlib(world, hashes=[])
    world.packages["zlib"] = PackagePin(name="zlib", digest=TWO)
    (source,) = world.evaluate().sources
    assert source.digest == TWO
    assert source.trust == Trust(level="checksum", by="kutter.toml, packages.zlib.sha256")


def test_the_manifest_contradicts_the_tree(world: World) -> None:
    world.packages["zlib"] = PackagePin(name="zlib", digest=TWO)
    with pytest.raises(HashMismatchError) as caught:
        world.evaluate()
    assert caught.value.reason == "two hashes are promised for zlib/zlib-1.0.tar.gz"
    assert caught.value.details == (
        f"{ONE} by package/zlib/zlib.hash",
        f"{TWO} by kutter.toml, packages.zlib.sha256",
    )


def test_two_packages_that_promise_different_hashes(world: World) -> None:
    world.hashes("other", f"sha256  {TWO.hex}  zlib-1.0.tar.gz\n")
    world.sandbox.entries = {
        "zlib": entry("zlib"),
        "other": entry("other", dl_dir="zlib", file="zlib-1.0.tar.gz"),
    }
    with pytest.raises(HashMismatchError, match="two hashes are promised"):
        world.evaluate()


def test_a_pins_url_comes_first(world: World) -> None:
    url = "file:///srv/fixed/zlib-1.1.tar.gz"
    zlib(world, version="1.1")
    world.packages["zlib"] = PackagePin(name="zlib", version="1.1", url=url, digest=TWO)
    (source,) = world.evaluate().sources
    assert source.urls == (url, "https://example.org/dl/zlib-1.1.tar.gz")


def release(url: str, digest: Digest | None = TWO, level: str = "pgp") -> ReleaseFile:
    return ReleaseFile(
        role="source", name="f", kind="source", url=url, digest=digest, trust=Trust(level=level)
    )


GITHUB = "https://github.com/containerd/containerd/archive"


def containerd(world: World, file: str) -> None:
    world.sandbox.entries = {
        "containerd": entry("containerd", "2.3.4", file=file, site=f"{GITHUB}/v2.3.4", hashes=[])
    }
    world.inputs["containerd"] = "2.3.4"


def test_the_catalog_supplies_the_hash_of_a_tags_archive(world: World) -> None:
    containerd(world, "containerd-2.3.4-go2.tar.gz")
    url = f"{GITHUB}/refs/tags/v2.3.4.tar.gz"
    world.files["containerd"] = (release(f"{GITHUB}/refs/tags/v9.tar.gz", ONE), release(url))
    (source,) = world.evaluate().sources
    assert (source.digest, source.trust) == (TWO, Trust(level="pgp"))
    assert source.urls == (url, f"{GITHUB}/v2.3.4/containerd-2.3.4-go2.tar.gz")


def test_an_archive_that_buildroot_changes_has_not_upstreams_hash(world: World) -> None:
    containerd(world, "containerd-2.3.4-go2.tar.gz")
    world.files["flannel"] = (release(f"{GITHUB}/refs/tags/v2.3.4.tar.gz"),)
    with pytest.raises(ManifestError, match="no hash is known for one file"):
        world.evaluate()


def test_an_unknown_hash_of_the_catalog_is_none(world: World) -> None:
    containerd(world, "containerd-2.3.4.tar.gz")
    world.files["containerd"] = (release(f"{GITHUB}/refs/tags/v2.3.4.tar.gz", None),)
    with pytest.raises(ManifestError, match="no hash is known for one file"):
        world.evaluate()


def test_the_strongest_trust_is_kept(world: World) -> None:
    world.files["zlib"] = (release("https://example.org/dl/zlib-1.0.tar.gz", ONE),)
    (source,) = world.evaluate().sources
    assert source.trust == Trust(level="pgp")


def test_a_version_that_is_not_the_locked_one(world: World) -> None:
    world.sandbox.entries = {"linux": entry("linux", "custom", hashes=[]), "zlib": entry("zlib")}
    world.inputs["linux"] = "6.12.104"
    world.packages["zlib"] = PackagePin(name="zlib", version="1.1")
    with pytest.raises(ManifestError) as caught:
        world.evaluate()
    assert caught.value.reason == "board 'pc' would not build the locked versions"
    assert caught.value.details == (
        "linux: locked 6.12.104, Buildroot would build custom",
        "zlib: locked 1.1, Buildroot would build 1.0",
    )


def test_a_pin_of_a_virtual_package_names_the_real_one(world: World) -> None:
    world.sandbox.entries = {
        "libzlib": entry("libzlib", provides=["zlib"], hashes=[]),
        "zlib": {"type": "target", "name": "zlib", "virtual": True},
    }
    world.packages["zlib"] = PackagePin(
        name="zlib", version="1.1", review_by=datetime.date(2027, 1, 31)
    )
    with pytest.raises(ManifestError) as caught:
        world.evaluate()
    assert caught.value.details == ("packages.zlib: zlib is virtual: pin libzlib",)


@pytest.mark.parametrize("folder", ["/home/me/zlib", "/kutter/overlays/../../home", "relative"])
def test_a_source_directory_that_no_digest_covers(world: World, folder: str) -> None:
    world.sandbox.local_sources = (f"ZLIB_OVERRIDE_SRCDIR={folder}",)
    with pytest.raises(ManifestError) as caught:
        world.evaluate()
    assert caught.value.reason == ("board 'pc' has packages whose source goes past every hash")
    assert caught.value.details == (f"zlib takes its source from {folder}",)


def test_a_source_directory_in_an_overlay_is_hashed_with_it(world: World) -> None:
    zlib(world, hashes=[])
    folder = "/kutter/overlays/kutter/package/zlib/src"
    world.sandbox.local_sources = (f"ZLIB_OVERRIDE_SRCDIR={folder}",)
    assert world.evaluate().sources == ()


def test_hash_files_of_overlays_count(world: World) -> None:
    place = "overlays/kutter/patches/zlib/zlib.hash"
    write(world.root / "project" / place, f"sha256  {ONE.hex}  zlib-1.0.tar.gz\n")
    zlib(world, hashes=[f"/kutter/{place}"])
    (source,) = world.evaluate().sources
    assert source.trust == Trust(level="checksum", by=place)
