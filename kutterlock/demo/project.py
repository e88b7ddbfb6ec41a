"""Lays out the demonstration: a project as a user would write it, its upstream, its catalog."""

from dataclasses import dataclass
from pathlib import Path

from kutterlock.adapters.disk.files import write_atomically
from kutterlock.adapters.tomlfile import table_bytes
from kutterlock.demo import upstream
from kutterlock.demo.facts import catalog_tables

MANIFEST = """\
# The demonstration: two boards from a miniature Buildroot that kutterlock carries.
[project]
name = "kutter-demo"
version = "1"

[inputs]
buildroot = "*"
linux = "==6.12.*"
kubernetes = "==1.36.*"

[build-environment]
kind = "host"                   # this machine's own compiler: quick, and impure

[boards.demo-x86_64]
arch = "x86_64"
overlays = ["demo"]
defconfig = "demo_x86_64_defconfig"
outputs = ["disk.img", "kernel.bin", "rootfs.cpio"]
images = false

[boards.demo-arm64]
arch = "aarch64"
overlays = ["demo"]
defconfig = "demo_arm64_defconfig"
outputs = ["disk.img", "kernel.bin", "rootfs.cpio"]
images = false
"""

HOSTS = ("buildroot.example", "dl.k8s.example", "downloads.example", "kernel.example",
         "sources.buildroot.net", "zones.example")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Demonstration:
    """Where everything of a demonstration lies, below one directory."""

    directory: Path

    @property
    def project(self) -> Path:
        """The user's project: kutter.toml and overlays/."""
        return self.directory / "project"

    @property
    def upstream(self) -> Path:
        """What the loopback server serves: one directory a host."""
        return self.directory / "upstream"

    def environment(self) -> dict[str, str]:
        """Return the environment variables that keep kutterlock within the directory."""
        return {
            "HOME": str(self.directory / "home"),
            "KUTTER_CACHE": str(self.directory / "cache"),
            "KUTTER_STORE": str(self.directory / "store"),
            "KUTTER_CATALOG": str(self.directory / "catalog"),
            "KUTTER_STATE": str(self.directory / "state"),
            "KUTTER_CONFIG": str(self.directory / "config.toml"),
        }


def lay_out(directory: Path) -> Demonstration:
    """Write project, upstream and catalog below `directory`."""
    demonstration = Demonstration(directory=directory)
    digests = upstream.make_upstream(demonstration.upstream)
    for name, table in catalog_tables(digests).items():
        write_atomically(directory / "catalog" / f"{name}.toml", table_bytes(table))
    write_atomically(demonstration.project / "kutter.toml", MANIFEST.encode())
    upstream.copy_overlay("demo", demonstration.project / "overlays/demo")
    return demonstration


def point_at(demonstration: Demonstration, url: str) -> None:
    """Write a configuration in which `url` mirrors every host of the embedded upstream."""
    mirrors = {f"https://{host}/": [f"{url}{host}/"] for host in HOSTS}
    path = demonstration.directory / "config.toml"
    write_atomically(path, table_bytes({"mirrors": mirrors}))
