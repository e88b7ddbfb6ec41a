"""What the real lock tells the nodes: kubeadm, containerd and flannel name locked images only."""

import importlib
import ipaddress
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from kutterlock.adapters.process import run
from kutterlock.adapters.tomlfile import read_lock
from kutterlock.build.rendered import FLANNEL_SOURCE, flannel_source, rendered_texts
from kutterlock.model.digest import Digest
from kutterlock.model.lock import Lock
from tests.support.kutter import BOARDS, COMMON, OVERLAY, PATH, PROJECT, program_or_reason

IMAGE_META = {"imageRepository": str, "imageTag": str}
REGISTRATION = {
    "name": str, "criSocket": str, "taints": list, "kubeletExtraArgs": list,
    "ignorePreflightErrors": list, "imagePullPolicy": str, "imagePullSerial": bool,
}  # fmt: skip
COMPONENT = {"extraArgs": list, "extraVolumes": list, "extraEnvs": list}
KINDS: dict[str, dict[str, Any]] = {
    "kubeadm.k8s.io/v1beta4 InitConfiguration": {
        "bootstrapTokens": list, "dryRun": bool, "nodeRegistration": REGISTRATION,
        "localAPIEndpoint": {"advertiseAddress": str, "bindPort": int}, "certificateKey": str,
        "skipPhases": list, "patches": {"directory": str}, "timeouts": dict,
    },
    "kubeadm.k8s.io/v1beta4 ClusterConfiguration": {
        "etcd": {"local": {**IMAGE_META, **COMPONENT, "dataDir": str}, "external": dict},
        "networking": {"serviceSubnet": str, "podSubnet": str, "dnsDomain": str},
        "kubernetesVersion": str, "controlPlaneEndpoint": str,
        "apiServer": {**COMPONENT, "certSANs": list}, "controllerManager": COMPONENT,
        "scheduler": COMPONENT, "dns": {**IMAGE_META, "disabled": bool},
        "proxy": {"disabled": bool}, "certificatesDir": str, "imageRepository": str,
        "featureGates": dict, "clusterName": str, "encryptionAlgorithm": str,
        "certificateValidityPeriod": str, "caCertificateValidityPeriod": str,
    },
    "kubelet.config.k8s.io/v1beta1 KubeletConfiguration": {"cgroupDriver": str},
}  # fmt: skip
"""Every field that kubeadm's v1beta4 has, after its types.go (of the kubelet's, those rendered).
kubeadm decodes strictly: a field that is not here stops it."""


yaml: Any = importlib.import_module("yaml")


def keys_stand_once(node: Any) -> bool:  # noqa: ANN401 -- PyYAML has no types
    """Whether no mapping has a key twice: Kubernetes' own parser refuses it, PyYAML does not."""
    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value]
        return len(keys) == len(set(keys)) and all(keys_stand_once(v) for _, v in node.value)
    return not isinstance(node, yaml.SequenceNode) or all(map(keys_stand_once, node.value))


def documents(text: str) -> list[dict[str, Any]]:
    """Parse the documents of a YAML file, none of them empty."""
    assert all(map(keys_stand_once, yaml.compose_all(text)))
    found = list(yaml.safe_load_all(text))
    assert all(isinstance(document, dict) for document in found)
    return found


def strays(value: Mapping[str, Any], known: Mapping[str, Any], place: str) -> Iterator[str]:
    """Yield every field that is not known, or has a value of another type."""
    for key, item in value.items():
        expected = known.get(key)
        if isinstance(expected, dict) and isinstance(item, dict):
            yield from strays(item, expected, f"{place}.{key}")
        elif not isinstance(expected, type) or not isinstance(item, expected):
            yield f"{place}.{key}: {item!r}"


@pytest.fixture(scope="module")
def lock() -> Lock:
    return read_lock(PROJECT / "kutter.lock")


@pytest.fixture(scope="module")
def flannel(lock: Lock) -> str:
    """The manifest that flannel published, where the mirror folder has it."""
    place = Path(os.environ.get("KUTTER_TEST_MIRROR", "/nonexistent")) / FLANNEL_SOURCE
    if not place.is_file():
        pytest.skip(f"KUTTER_TEST_MIRROR names no folder with {FLANNEL_SOURCE}")
    data = place.read_bytes()
    assert Digest.of(data) == lock.sources[f"flannel-manifest/{FLANNEL_SOURCE}"].digest
    return data.decode()


def manifest(lock: Lock) -> str:
    """Stand in for flannel's manifest: it names the images that the lock has for it."""
    names = [name for name, pin in lock.images.items() if pin.needed_by.startswith("flannel")]
    assert len(names) == 2
    return "".join(f"        image: {name}\n" for name in names)


@pytest.mark.parametrize("board", BOARDS)
def test_every_board_gets_what_the_build_installs(lock: Lock, board: str) -> None:
    source = flannel_source(lock, lock.boards[board])
    assert source is not None
    assert source.path == f"flannel-manifest/{FLANNEL_SOURCE}"
    texts = rendered_texts(lock, lock.boards[board], lambda _: manifest(lock))
    installed = set(re.findall(r'"\$rendered/([a-z.]+)"', (COMMON / "post-build.sh").read_text()))
    assert set(texts) == installed == {"kubeadm.yaml", "flannel.yml", "containerd.toml"}


def test_all_images_are_of_the_lock(lock: Lock) -> None:
    texts = rendered_texts(lock, lock.boards["pc-x86_64"], lambda _: manifest(lock))
    named = set(re.findall(r"sandbox = '([^']+)'", texts["containerd.toml"]))
    named |= {name.partition("@")[0] for name in re.findall(r"image: (\S+)", texts["flannel.yml"])}
    assert len(named) == 3
    assert named <= set(lock.images)
    digests = re.findall(r"@(sha256:[0-9a-f]{64})", texts["flannel.yml"])
    assert set(digests) <= {str(pin.digest) for pin in lock.images.values()}


def test_kubeadm_is_told_the_locked_version_and_images(lock: Lock) -> None:
    text = rendered_texts(lock, lock.boards["rpi4-aarch64"], lambda _: manifest(lock))[
        "kubeadm.yaml"
    ]
    version = lock.inputs["kubernetes"].version
    assert f"kubernetesVersion: v{version}\n" in text
    assert "cgroupDriver: systemd\n" in text
    places = re.findall(r"imageRepository: (\S+)\n\s+imageTag: (\S+)", text)
    components = {name.rpartition("/")[0] + ":" + name.rpartition(":")[2] for name in lock.images}
    assert {":".join(place) for place in places} <= components
    assert len(places) == 2


def rendered(lock: Lock, *, docker: bool = False) -> list[dict[str, Any]]:
    board = lock.boards["pc-x86_64"]
    packages = {**board.packages, "cri-dockerd": "1"} if docker else board.packages
    texts = rendered_texts(lock, board._replace(packages=packages), lambda _: manifest(lock))
    return documents(texts["kubeadm.yaml"])


@pytest.mark.parametrize("docker", [False, True])
def test_kubeadm_knows_every_field_that_it_is_told(lock: Lock, docker: bool) -> None:  # noqa: FBT001
    found = rendered(lock, docker=docker)
    kinds = [f"{document.pop('apiVersion')} {document.pop('kind')}" for document in found]
    assert kinds == list(KINDS)
    for kind, document in zip(kinds, found, strict=True):
        assert list(strays(document, KINDS[kind], kind.split()[1])) == []


def test_the_check_sees_a_field_that_kubeadm_does_not_know() -> None:
    wrong = {"dns": {"imageTag": 1, "type": "CoreDNS"}, "useHyperKubeImage": True}
    known = KINDS["kubeadm.k8s.io/v1beta4 ClusterConfiguration"]
    assert list(strays(wrong, known, "it")) == [
        "it.dns.imageTag: 1", "it.dns.type: 'CoreDNS'", "it.useHyperKubeImage: True",
    ]  # fmt: skip
    with pytest.raises(AssertionError):
        documents("dns: {}\ndns: {}\n")


def test_what_kubeadm_is_told_are_plain_texts(lock: Lock) -> None:
    """An unquoted version such as 1.30 would be read as a number."""
    _, cluster, _ = rendered(lock)
    assert cluster["etcd"]["local"]["imageTag"] in {key.rpartition(":")[2] for key in lock.images}
    assert ipaddress.ip_network(cluster["networking"]["podSubnet"]).prefixlen == 16


@pytest.mark.real
class TestFlannel:
    """The locked manifest itself, with the bytes that its hash names."""

    def test_it_parses_and_names_locked_images_by_digest(self, lock: Lock, flannel: str) -> None:
        text = rendered_texts(lock, lock.boards["pc-x86_64"], lambda _: flannel)["flannel.yml"]
        found = documents(text)
        assert [document["kind"] for document in found] == [
            "Namespace", "ClusterRole", "ClusterRoleBinding", "ServiceAccount", "ConfigMap",
            "DaemonSet",
        ]  # fmt: skip
        pod = found[-1]["spec"]["template"]["spec"]
        images = [part["image"] for part in (*pod["containers"], *pod["initContainers"])]
        pinned = {f"{name}@{pin.digest}" for name, pin in lock.images.items()}
        assert len(images) == 3
        assert set(images) <= pinned
        plain = [re.sub(r"@sha256:[0-9a-f]{64}", "", line) for line in text.splitlines()]
        assert plain == flannel.splitlines()

    def test_its_network_is_the_one_that_kubeadm_is_told(self, lock: Lock, flannel: str) -> None:
        (settings,) = [d["data"] for d in documents(flannel) if d["kind"] == "ConfigMap"]
        network = json.loads(settings["net-conf.json"])
        _, cluster, _ = rendered(lock)
        assert network["Network"] == cluster["networking"]["podSubnet"]
        assert network["Backend"] == {"Type": "vxlan"}

    def test_its_plugin_is_one_that_the_node_has_a_place_for(self, flannel: str) -> None:
        (settings,) = [d["data"] for d in documents(flannel) if d["kind"] == "ConfigMap"]
        types = [plugin["type"] for plugin in json.loads(settings["cni-conf.json"])["plugins"]]
        assert types == ["flannel", "portmap"]
        mk = (OVERLAY / "package/cni-plugins-bin/cni-plugins-bin.mk").read_text()
        assert {"portmap", "bridge", "host-local"} <= set(re.findall(r"[a-z-]+", mk))
        pod = documents(flannel)[-1]["spec"]["template"]["spec"]
        places = {v["hostPath"]["path"] for v in pod["volumes"] if "hostPath" in v}
        assert {"/opt/cni/bin", "/etc/cni/net.d"} <= places

    def test_kubectl_reads_it(self, lock: Lock, flannel: str, tmp_path: Path) -> None:
        kubectl = program_or_reason("kubectl")
        if isinstance(kubectl, str):
            pytest.skip(kubectl)
        text = rendered_texts(lock, lock.boards["pc-x86_64"], lambda _: flannel)["flannel.yml"]
        (tmp_path / "flannel.yml").write_text(text)
        (tmp_path / "kustomization.yaml").write_text("resources: [flannel.yml]\n")
        done = run([str(kubectl), "kustomize", str(tmp_path)], {"PATH": PATH})
        assert done.status == 0, done.errors
        assert sorted(d["kind"] for d in documents(done.output.decode())) == sorted(
            d["kind"] for d in documents(flannel)
        )
