"""A near side that makes bundles and a far side that takes them in, without a command line."""

import functools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kutterlock.adapters.disk.store import Store
from kutterlock.adapters.signing.keys import KeySigner
from kutterlock.bundle.contents import Held, held_by
from kutterlock.bundle.create import Created, CreateRequest, create
from kutterlock.bundle.enough import OpenFile
from kutterlock.bundle.judge import judge_head, judge_project
from kutterlock.bundle.landing import Landing
from kutterlock.bundle.take import Judges, Taken, take
from kutterlock.bundle.volume import Head
from kutterlock.model.bundle.manifest import RECORD, Bundle, read_bundle
from kutterlock.model.digest import Digest
from kutterlock.model.progress import Silence
from kutterlock.model.signing.trustroot import ROOT_NAME, SignedRoot
from kutterlock.trust.verified import Judge
from tests.support import signing
from tests.support.projects import lock_of, write_project

BASE = "https://upstream.example"


def some_files(count: int = 5, size: int = 3000, seed: int = 1) -> dict[str, bytes]:
    """Return files with bytes that differ."""
    chance = random.Random(seed)
    return {f"p{n}/p{n}.tar": chance.randbytes(size + 100 * n) for n in range(count)}


@dataclass
class Near:
    """The side that has a network: a project, and a store that holds its closure."""

    directory: Path
    files: Mapping[str, bytes] = field(default_factory=some_files)
    signers: tuple[KeySigner, ...] = (signing.ALICE,)

    def __post_init__(self) -> None:
        write_project(self.project, self.files, BASE)
        (self.project / "kutter.toml").write_text('[project]\nname = "demo"\n')
        (self.project / ROOT_NAME).write_bytes(root().to_bytes())
        overlay = self.project / "overlays/demo"
        (overlay / "bin").mkdir(parents=True, exist_ok=True)
        (overlay / "bin/run").write_text("#!/bin/sh\n")
        (overlay / "bin/run").chmod(0o755)
        if not (overlay / "bin/link").is_symlink():
            (overlay / "bin/link").symlink_to("run")
        (self.project / "patches").mkdir(exist_ok=True)
        (self.project / "patches/a b.patch").write_text("--- a\n+++ b\n")
        for data in self.files.values():
            self.store.add_bytes(data)

    @property
    def project(self) -> Path:
        return self.directory / "project"

    @property
    def store(self) -> Store:
        return Store(self.directory / "store")

    def create(
        self, name: str = "out/b.tar", *, base: Held | None = None, limit: int | None = None
    ) -> Created:
        request = CreateRequest(
            project=self.project, lock=lock_of(self.files, BASE), base=base, limit=limit,
            signers=self.signers,
        )  # fmt: skip
        return create(request, self.store, self.directory / name, Silence())


@dataclass
class Far:
    """The side without one."""

    directory: Path
    unsigned: bool = False
    pins: bool = True

    @property
    def store(self) -> Store:
        return Store(self.directory / "store")

    @property
    def project(self) -> Path:
        return self.directory / "project"

    def judges(self) -> Judges:
        judge = Judge(at=signing.NOW, root=root() if self.pins else None, unsigned=self.unsigned)
        lock_judge = Judge(at=signing.NOW, unsigned=True)

        def of_head(head: Head) -> None:
            judge_head(head, judge)

        def of_project(open_file: OpenFile, bundle: Bundle) -> None:
            judge_project(open_file, bundle, lock_judge)

        return Judges(head=of_head, project=of_project)

    def take(self, paths: Sequence[Path], *, replace: bool = False) -> Taken:
        landing = Landing(directory=self.project, replace=replace)
        return take(paths, self.store, landing, self.judges(), Silence())

    def is_empty(self) -> bool:
        """Whether nothing of any bundle can be seen here."""
        return not list(self.store.blobs()) and not self.project.exists()

    def holds(self, near: Near) -> bool:
        """Whether everything arrived, byte for byte."""
        bundle = read_bundle((self.project / RECORD).read_bytes())
        arrived = {path.name: path.read_bytes() for path in self.store.root.glob("sha*/*/*")}
        right = all(Digest.of(data).hex == name for name, data in arrived.items())
        whole = {blob.digest.hex for blob in bundle.held} <= arrived.keys()
        return right and whole and {*near.files.values()} <= {*arrived.values()}


@functools.cache
def root() -> SignedRoot:
    """Return one root for everybody: signing it again would give other bytes (ECDSA)."""
    return signing.root()


def base_of(bundle: Bundle) -> Held:
    """Make a base of a bundle."""
    return held_by(bundle.held)
