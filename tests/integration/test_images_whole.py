"""Images of real tools, and large ones: the whole way by the command line, and no more memory."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from kutterlock.adapters.disk.store import Store
from kutterlock.adapters.tomlfile import write_lock
from kutterlock.model.digest import Digest
from kutterlock.model.oci.image import OCI_INDEX, OCI_MANIFEST
from tests.integration.test_vendor import argv, environment, peak_memory
from tests.support import samples
from tests.support.containerd import Containerd
from tests.support.images import Blobs, add_manifest, pin, write_layout
from tests.support.programs import PATH, program, run
from tests.support.registry import Registry

pytestmark = pytest.mark.integration

ARCHITECTURES = ("amd64", "arm64")
MOST_MEMORY = 150 << 20
LAYER = 300 << 20
"""Twice as much as the program may have, in bytes."""


@dataclass
class Site:
    """Two registries, and a project whose lock pins one image of the first."""

    directory: Path
    source: Registry
    target: Registry

    @property
    def name(self) -> str:
        return f"{self.source.host}/app:v1"

    @property
    def digest(self) -> str:
        return self.source.digest("app:v1")

    @property
    def project(self) -> Path:
        return self.directory / "project"

    def lock(self) -> None:
        self.project.mkdir()
        lock = samples.lock_of([pin(self.name, {"digest": self.digest})])
        write_lock(self.project / "kutter.lock", lock)
        Store(self.project / "store").add_bytes(b"buildroot-2026.08.tar.gz")

    def must(self, *words: str) -> str:
        done = subprocess.run(
            argv(self.project, *words), env=environment(self.project), capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Registry(tmp_path / "one") as source, Registry(tmp_path / "two") as target:
        yield Site(tmp_path, source, target)


def make_with_umoci(layout: Path, directory: Path) -> None:
    """Make an image for each architecture, as somebody would who writes them by hand."""
    run("umoci", "init", "--layout", str(layout))
    for architecture in ARCHITECTURES:
        image = f"{layout}:{architecture}"
        content = directory / f"for-{architecture}"
        content.write_text(f"made for {architecture}\n")
        run("umoci", "new", "--image", image)
        run("umoci", "config", "--image", image, "--os", "linux", "--architecture", architecture,
            "--config.cmd", "/hello")  # fmt: skip
        run("umoci", "insert", "--rootless", "--image", image, str(content), "/hello")


def make_index(layout: Path) -> bytes:
    entries = json.loads((layout / "index.json").read_text())["manifests"]
    named = {entry["annotations"]["org.opencontainers.image.ref.name"]: entry for entry in entries}
    manifests = [
        {
            "mediaType": OCI_MANIFEST,
            "digest": named[architecture]["digest"],
            "size": named[architecture]["size"],
            "platform": {"os": "linux", "architecture": architecture},
        }
        for architecture in ARCHITECTURES
    ]
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}
    return json.dumps(index).encode()


def publish_made_by_tools(site: Site) -> Digest:
    """umoci makes the images, skopeo sends them, oras joins them to an index."""
    layout = site.directory / "umoci"
    make_with_umoci(layout, site.directory)
    for architecture in ARCHITECTURES:
        site.source.push_layout(layout, architecture, f"app:{architecture}")
    index = site.directory / "index.json"
    index.write_bytes(make_index(layout))
    run("oras", "manifest", "push", "--plain-http", "--media-type", OCI_INDEX, site.name,
        str(index))  # fmt: skip
    return Digest.of(index.read_bytes())


@pytest.mark.skipif(os.geteuid() != 0, reason="containerd needs root")
def test_an_image_made_by_real_tools_goes_the_whole_way(site: Site) -> None:
    wanted = publish_made_by_tools(site)
    assert site.digest == str(wanted)
    site.lock()
    site.must("vendor", "--all-platforms")
    (listed,) = json.loads(site.must("images", "list", "--json"))["images"]
    assert (listed["digest"], listed["vendored"]) == (str(wanted), True)
    site.must("images", "export", str(site.directory / "out"))
    site.must("images", "push", site.target.host, "--record", str(site.directory / "pushed.json"))
    assert site.target.digest("app:v1") == str(wanted)
    with Containerd() as containerd:
        containerd.ctr("images", "import", str(site.directory / "out/pc-images.tar"))
        assert containerd.cri_has(site.name)
        assert containerd.cri_has(f"{site.source.host}/app@{wanted}")
    pulled = site.directory / "pulled"
    run("oras", "cp", "--from-plain-http", "--to-oci-layout", "--platform", "linux/arm64",
        f"{site.target.host}/app:v1", f"{pulled}:v1")  # fmt: skip
    run("umoci", "unpack", "--rootless", "--image", f"{pulled}:v1", str(site.directory / "arm64"))
    assert (site.directory / "arm64/rootfs/hello").read_text() == "made for arm64\n"


def publish_large(site: Site) -> None:
    """One image of one platform, with a layer of zeros that is larger than memory may be."""
    blobs = Blobs()
    data = bytes(LAYER)
    image = add_manifest(blobs, "linux/amd64", [(data, str(Digest.of(data)))])
    layout = write_layout(blobs, site.directory / "large", {"v1": image})
    site.source.push_layout(layout, "v1", "app:v1")


def without_sockets(site: Site, *words: str) -> Mapping[str, object]:
    """Run a command in a network namespace with nothing in it: not even loopback is up."""
    done = subprocess.run(
        [program("unshare"), "--net", "--map-root-user", *argv(site.project, *words, "--json")],
        env={**environment(site.project), "PATH": PATH}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    facts: Mapping[str, object] = json.loads(done.stdout)
    return facts


def test_memory_is_flat_in_the_size_of_an_image(site: Site) -> None:
    publish_large(site)
    site.lock()
    variables = environment(site.project)
    out, record = site.directory / "out", site.directory / "pushed.json"
    for words in (
        ["vendor"],
        ["verify"],
        ["images", "export", str(out)],
        ["images", "push", site.target.host, "--record", str(record)],
    ):
        command = argv(site.project, *words, "--board", "pc")
        assert peak_memory(command, variables) < MOST_MEMORY, words
    assert (out / "pc-images.tar").stat().st_size > LAYER
    assert site.target.digest("app:v1") == site.digest
    assert without_sockets(site, "vendor", "--board", "pc")["fetched"] == []
