"""The overlay `docker`: what it changes of Kutter OS, judged by the programs that read it."""

import json
import re
import shutil
from pathlib import Path

import pytest

from kutterlock.adapters.process import run
from kutterlock.adapters.tomlfile import read_manifest
from kutterlock.catalog.reader import load_catalog
from kutterlock.model.manifest import Manifest
from tests.support.kutter import (
    OVERLAY,
    PATH,
    PROJECT,
    ROOTFS,
    UNITS,
    Node,
    program_or_reason,
    root_with_units,
    verify_units,
)

pytestmark = pytest.mark.integration

DOCKER = PROJECT / "overlays/docker"
DOCKER_ROOTFS = DOCKER / "board/rootfs"
DOCKER_UNITS = DOCKER_ROOTFS / "usr/lib/systemd/system"
ENVIRONMENT = {"PATH": PATH, "LC_ALL": "C.UTF-8"}
BOARDS = {"docker-x86_64": "pc_x86_64", "docker-aarch64": "rpi4_aarch64"}


def program(name: str) -> str:
    found = program_or_reason(name)
    if isinstance(found, str):
        pytest.skip(found)
    return str(found)


def manifest_with_docker(place: Path) -> Manifest:
    """Return the project's manifest after its reader took the marks away."""
    text = (PROJECT / "kutter.toml").read_text()
    (place / "kutter.toml").write_text(
        re.sub(r"^# (?=[a-z-]+ = |\[)", "", text, flags=re.MULTILINE)
    )
    return read_manifest(place / "kutter.toml")


def test_the_tables_in_the_manifest_are_those_of_its_boards(tmp_path: Path) -> None:
    plain, manifest = read_manifest(PROJECT / "kutter.toml"), manifest_with_docker(tmp_path)
    assert set(manifest.boards) - set(plain.boards) == set(BOARDS)
    assert set(manifest.inputs) - set(plain.inputs) == {"cri-dockerd"}
    for name, board in BOARDS.items():
        assert manifest.boards[name].overlays == ("kutter", "docker")
        assert manifest.boards[name].defconfig == f"kutter_docker_{board}_defconfig"


@pytest.mark.parametrize("board", BOARDS.values())
def test_a_board_with_docker_differs_in_its_runtime_only(board: str) -> None:
    def lines(path: Path) -> list[str]:
        return [line for line in path.read_text().splitlines()[1:] if line]

    plain = lines(OVERLAY / f"configs/kutter_{board}_defconfig")
    docker = lines(DOCKER / f"configs/kutter_docker_{board}_defconfig")
    own = "$(BR2_EXTERNAL_KUTTER_DOCKER_PATH)/board/"
    assert [line for line in docker if line not in plain] == [
        f'BR2_ROOTFS_OVERLAY="$(BR2_EXTERNAL_KUTTER_PATH)/board/common/rootfs {own}rootfs"',
        'BR2_ROOTFS_POST_BUILD_SCRIPT="$(BR2_EXTERNAL_KUTTER_PATH)/board/common/post-build.sh '
        f'{own}post-build.sh"',
        "BR2_KUTTER_RUNTIME_BUILT=y",
        "BR2_KUTTER_DOCKER=y",
    ]
    assert [line.partition("=")[0] for line in plain if line not in docker] == [
        "BR2_ROOTFS_OVERLAY", "BR2_ROOTFS_POST_BUILD_SCRIPT", "BR2_KUTTER_RUNTIME_RELEASED",
    ]  # fmt: skip


def test_versions_and_hashes_stand_in_the_catalog_and_the_lock_only() -> None:
    versions = {str(release.version) for release in load_catalog().releases("cri-dockerd")}
    assert "0.3.26" in versions
    for path in DOCKER.rglob("*"):
        if path.is_file():
            text = path.read_text()
            assert not {version for version in versions if version in text}, path
            assert not re.search(r"\b[0-9a-f]{64}\b", text), path


def test_scripts_are_plain_shell_and_shellcheck_finds_nothing() -> None:
    found = [path for path in DOCKER.rglob("*") if path.is_file()]
    scripts = [path for path in found if path.read_bytes().startswith(b"#!/bin/sh")]
    assert sorted(path.name for path in scripts) == ["import", "post-build.sh"]
    assert [path.name for path in scripts if not path.stat().st_mode & 0o100] == []
    done = run([program("shellcheck"), "-s", "sh", *map(str, scripts)], ENVIRONMENT)
    assert done.output.decode() == ""


def test_images_go_to_docker_before_the_kubelet_runs(tmp_path: Path) -> None:
    node = Node(root=tmp_path)
    for name in ("docker", "blkid", "udevadm"):
        node.program(name)
    node.write("images/images.tar", "one")
    environment = {
        "KUTTER_DATA": str(tmp_path),
        "KUTTER_LIB": str(DOCKER_ROOTFS / "usr/lib/kutter"),
        "KUTTER_RUN": f"{tmp_path}/run",
        "KUTTER_STATE": f"{tmp_path}/state",
    }
    assert node.run("usr/lib/kutter/images", environment=environment).status == 0
    loads = [call for call in node.calls if call.startswith("docker")]
    assert loads == [f"docker image load --quiet --input {tmp_path}/images/images.tar"]
    assert "Before=kubelet.service\n" in (UNITS / "kutter-images.service").read_text()
    after = (DOCKER_UNITS / "kutter-images.service.d/20-docker.conf").read_text()
    assert after == "[Unit]\nRequires=docker.service\nAfter=docker.service\n"


class TestUnits:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        root = root_with_units(tmp_path, "usr/bin/dockerd", "usr/bin/cri-dockerd")
        if isinstance(root, str):
            pytest.skip(root)
        shutil.copytree(DOCKER_ROOTFS, root, dirs_exist_ok=True)
        return root

    def test_systemd_accepts_each_and_the_drop_ins(self, root: Path) -> None:
        units = sorted(path.name for path in DOCKER_UNITS.iterdir() if path.is_file())
        assert len(units) == 4
        dropped = [path.name.removesuffix(".d") for path in DOCKER_UNITS.iterdir() if path.is_dir()]
        done = verify_units(program("systemd-analyze"), root, *units, *dropped)
        assert (done.status, done.errors.decode()) == (0, "")

    def test_all_enabled_together_they_order_without_a_circle(self, root: Path) -> None:
        folders = (UNITS, DOCKER_UNITS)
        files = [path for folder in folders for path in folder.iterdir() if path.is_file()]
        enabled = {path.name for path in files if "[Install]" in path.read_text()}
        argv = [program("systemctl"), f"--root={root}", "enable", "kubelet.service", *enabled]
        assert run(argv, ENVIRONMENT).status == 0
        targets = ("multi-user.target", "sockets.target", "sysinit.target")
        done = verify_units(program("systemd-analyze"), root, *targets)
        assert (done.status, done.errors.decode()) == (0, "")


def test_kubeadm_finds_one_runtime_and_it_is_cri_dockerd() -> None:
    """It looks at /run/containerd/containerd.sock and at /run/cri-dockerd.sock, and wants one."""
    daemon = json.loads((DOCKER_ROOTFS / "etc/docker/daemon.json").read_text())
    text = (DOCKER_ROOTFS / "etc/containerd/config.toml").read_text()
    assert f"address = '{daemon['containerd']}'" in text
    assert daemon["containerd"] != "/run/containerd/containerd.sock"
    assert daemon["exec-opts"] == ["native.cgroupdriver=systemd"]
    socket = (DOCKER_UNITS / "cri-docker.socket").read_text()
    assert "ListenStream=/run/cri-dockerd.sock\n" in socket
    assert "unix:///run/cri-dockerd.sock" in (DOCKER_ROOTFS / "etc/crictl.yaml").read_text()


def test_containerd_accepts_its_configuration() -> None:
    containerd = program("containerd")
    version = run([containerd, "--version"], ENVIRONMENT).output.split()[2].removeprefix(b"v")
    if version.startswith((b"0.", b"1.")):
        pytest.skip(f"containerd {version.decode()} does not know version 3 of its configuration")
    config = str(DOCKER_ROOTFS / "etc/containerd/config.toml")
    done = run([containerd, "--config", config, "config", "dump"], ENVIRONMENT)
    assert done.status == 0, done.errors
    text = done.output.decode()
    assert "address = '/run/docker-containerd/containerd.sock'" in text
    disabled = re.search(r"disabled_plugins = \[([^]]*)\]", text)
    assert disabled is not None
    assert "io.containerd.cri.v1.runtime" in disabled[1]


def test_docker_accepts_its_configuration() -> None:
    program("docker-proxy")
    config = str(DOCKER_ROOTFS / "etc/docker/daemon.json")
    argv = [program("dockerd"), "--validate", "--config-file", config]
    done = run(argv, ENVIRONMENT)
    assert (done.status, done.errors.decode().strip()) == (0, "configuration OK")


def test_the_root_tells_cri_dockerd_of_the_locked_pause_image(tmp_path: Path) -> None:
    target, rendered = tmp_path / "target", tmp_path / "rendered"
    shutil.copytree(ROOTFS, target)
    (target / "etc/containerd/conf.d").mkdir()
    rendered.mkdir()
    (rendered / "cri-dockerd.env").write_text("KUTTER_PAUSE_IMAGE=registry.k8s.io/pause:9.9\n")
    argv = ["sh", str(DOCKER / "board/post-build.sh"), str(target), "pc-x86_64"]
    assert run(argv, {"PATH": PATH, "KUTTER_RENDERED": str(rendered)}).status == 0
    assert not (target / "etc/containerd/conf.d").exists()
    unit = (DOCKER_UNITS / "cri-docker.service").read_text()
    (named,) = re.findall(r"EnvironmentFile=/(.*)\n", unit)
    assert (target / named).read_text() == "KUTTER_PAUSE_IMAGE=registry.k8s.io/pause:9.9\n"
    assert "--pod-infra-container-image ${KUTTER_PAUSE_IMAGE}" in unit
