"""Real Buildroot trees: evaluated from a mirror folder, with the Kutter-like configuration."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from kutterlock.adapters.archives.unpack import unpacked_tree
from kutterlock.adapters.disk.files import hash_file
from kutterlock.adapters.sandbox.run import choose_sandbox
from kutterlock.build.inputs import copy_overlays
from kutterlock.build.recipe import Versions
from kutterlock.catalog.reader import load_catalog
from kutterlock.errors import NoSandboxError
from kutterlock.model.digest import Digest
from kutterlock.resolve.closure import Pins
from kutterlock.resolve.evaluation import Bench, Question, Runs

OVERLAY = Path(__file__).parent.parent / "data/real/overlay"
BOARDS = {
    "pc": ("x86_64", "kutter_pc_x86_64_defconfig"),
    "rpi4": ("aarch64", "kutter_rpi4_defconfig"),
}
EPOCH = 1784143200


@dataclass(frozen=True, kw_only=True)
class RealTree:
    """One Buildroot release in a mirror folder, and a place to work in."""

    version: str
    archive: Path
    work: Path
    digest: Digest
    sandbox: Runs

    def bench(self, cache: str = "cache") -> Bench:
        """Return a bench whose tree is unpacked; answers are kept in `cache`."""
        trees = self.work / "cache"
        tree = unpacked_tree(self.archive, self.digest, trees, name=self.archive.name)
        return Bench(
            project=self.work, cache=self.work / cache, tree=lambda: tree, root=lambda: None,
            sandbox=self.sandbox,
        )  # fmt: skip

    def items(self, inputs: dict[str, str], copies: str = "copies") -> list[tuple[Question, Pins]]:
        """Return the two boards as questions, judged by the shipped catalog."""
        shutil.copytree(OVERLAY, self.work / "overlays/kutter", dirs_exist_ok=True)
        overlays = copy_overlays(self.work, ["kutter"], self.work / copies)
        catalog = load_catalog()
        releases = {name: catalog.release(name, version) for name, version in inputs.items()}
        files = {name: found.files for name, found in releases.items() if found}
        items = []
        for board, (arch, defconfig) in BOARDS.items():
            versions = Versions(
                arch=arch, inputs={"buildroot": self.version, **inputs}, overrides={}
            )
            question = Question(
                board=board, defconfig=defconfig, overlays=overlays, versions=versions,
                buildroot=self.digest, environment="this machine", kind="host", epoch=EPOCH,
            )  # fmt: skip
            items.append((question, Pins(versions=versions, packages={}, release_files=files)))
        return items


def real_tree(version: str, work: Path) -> RealTree | str:
    """Return a release's tree, or the reason why there is none here."""
    mirror = os.environ.get("KUTTER_TEST_MIRROR")
    if not mirror:
        return "KUTTER_TEST_MIRROR names no folder of upstream files"
    archive = Path(mirror) / f"buildroot-{version}.tar.gz"
    if not archive.is_file():
        return f"the mirror folder has no {archive.name}"
    try:
        sandbox = choose_sandbox(os.environ["PATH"])
    except NoSandboxError as error:
        return error.reason
    return RealTree(
        version=version, archive=archive, work=work, digest=hash_file(archive), sandbox=sandbox
    )
