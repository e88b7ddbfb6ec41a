"""Closures of Kutter-like boards, read from real Buildroot in a real sandbox."""

import json
from pathlib import Path
from typing import Any

import pytest

from kutterlock.errors import ManifestError
from kutterlock.model.buildroot.showinfo import parse_show_info
from kutterlock.model.lock import Trust
from kutterlock.resolve.closure import BoardClosure, evaluate_board, evaluate_boards
from tests.support.real import RealTree, real_tree

pytestmark = pytest.mark.real

EXPECTED = Path(__file__).parent.parent / "data/real/expected"
VERSIONS = ("2025.02.16", "2026.02.3", "2026.05.1")
FORCED = {"host-cmake", "host-coreutils", "host-gzip", "host-make"}
"""What BR2_FORCE_HOST_BUILD adds to a closure, for the environment is the machine as it is."""

NEWEST = {"linux": "6.12.104", "containerd": "2.3.4", "runc": "1.4.3", "cni-plugins": "1.9.1"}


@pytest.fixture(scope="module", params=VERSIONS)
def tree(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RealTree:
    found = real_tree(request.param, tmp_path_factory.mktemp("real"))
    if isinstance(found, str):
        pytest.skip(found)
    return found


@pytest.fixture(scope="module")
def closures(tree: RealTree) -> dict[str, BoardClosure]:
    found = evaluate_boards(tree.items({"linux": "6.12.95"}), tree.bench(), workers=2)
    return {closure.board: closure for closure in found}


def expected(board: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EXPECTED / f"2025.02.16-{board}.json").read_text())
    return found


@pytest.mark.parametrize("board", ["pc", "rpi4"])
def test_it_agrees_with_the_recorded_closure(
    tree: RealTree, closures: dict[str, BoardClosure], board: str
) -> None:
    if tree.version != "2025.02.16":
        pytest.skip("show-info was recorded of 2025.02.16")
    recorded, found = expected(board), closures[board]
    assert set(found.packages) - set(recorded) == FORCED
    assert set(recorded) - set(found.packages) == set()
    kernel = {"linux", "linux-headers"} if board == "rpi4" else set()
    for key in set(recorded) - kernel:
        assert found.packages[key] == recorded[key]["version"], key
    info = parse_show_info(found.evaluation.show_info).packages
    for key in set(recorded) - kernel:
        package = info[key]
        assert sorted(item.path for item in package.downloads) == recorded[key]["files"], key
        assert sorted(package.hash_files) == recorded[key]["hashes"], key
    paths = {path for key in set(recorded) - kernel for path in recorded[key]["files"]}
    assert paths <= {source.path for source in found.sources}


def test_every_source_has_a_hash_a_hint_and_a_package(closures: dict[str, BoardClosure]) -> None:
    for closure in closures.values():
        assert len(closure.sources) > 95
        for source in closure.sources:
            assert source.urls, source.path
            assert all(url.startswith(("https://", "http://")) for url in source.urls)
            assert source.packages, source.path


def test_hashes_are_the_trees_own(tree: RealTree, closures: dict[str, BoardClosure]) -> None:
    sources = {source.path: source for source in closures["pc"].sources}
    busybox = sources[next(path for path in sources if path.startswith("busybox/"))]
    place = tree.bench().tree() / "package/busybox/busybox.hash"
    assert f"{busybox.digest.algorithm}  {busybox.digest.hex}  {busybox.path.name}" in (
        place.read_text()
    )
    assert busybox.trust == Trust(level="checksum", by="package/busybox/busybox.hash")
    algorithms = {source.digest.algorithm for source in sources.values()}
    assert algorithms == {"sha256", "sha512"}


def test_asking_twice_gives_the_same(tree: RealTree, closures: dict[str, BoardClosure]) -> None:
    (question, pins), _ = tree.items({"linux": "6.12.95"}, "copies-again")
    again = evaluate_board(question, pins, tree.bench("cache-again"))
    first = closures["pc"]
    assert (again.config, again.packages, again.sources) == (
        first.config, first.packages, first.sources,
    )  # fmt: skip
    assert again.evaluation.show_info == first.evaluation.show_info


def test_inputs_are_pinned_from_outside(tree: RealTree) -> None:
    (question, pins), _ = tree.items(NEWEST, "copies-newest")
    closure = evaluate_board(question, pins, tree.bench())
    assert {name: closure.packages[name] for name in NEWEST} == NEWEST
    sources = {source.path: source for source in closure.sources}
    containerd = sources["containerd/containerd-2.3.4-go2.tar.gz"]  # type: ignore[index]
    assert containerd.digest.hex == (
        "175bbf57d637c987fa742f846b43b1b8ba2c61af6a9eaec619c625e4a8a19b69"
    )


def test_an_input_whose_archive_buildroot_changes_needs_a_hash(tree: RealTree) -> None:
    (question, pins), _ = tree.items({"linux": "6.12.95", "flannel": "0.28.9"}, "copies-flannel")
    with pytest.raises(ManifestError) as caught:
        evaluate_board(question, pins, tree.bench())
    assert caught.value.details == (
        "flannel: flannel/flannel-0.28.9-go2.tar.gz: add packages.flannel.sha256 to kutter.toml",
    )


def test_a_misspelt_option_is_named(tree: RealTree) -> None:
    items = tree.items({"linux": "6.12.95"}, "copies-misspelt")
    question, pins = items[0]
    place = question.overlays.places["kutter"] / "configs" / question.defconfig
    place.write_text(place.read_text() + "BR2_PACKAGE_KUBELET=y\n")
    line = len(place.read_text().splitlines())
    with pytest.raises(ManifestError) as caught:
        evaluate_board(question, pins, tree.bench("cache-misspelt"))
    assert caught.value.details == (f"line {line}: BR2_PACKAGE_KUBELET=y: not in .config",)
