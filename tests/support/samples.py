"""Small values of every document, for tests that need one and do not care which."""

import datetime
from collections.abc import Iterable

from kutterlock.model.digest import Digest
from kutterlock.model.lock import (
    BoardPin,
    DebianPackagePin,
    EnvironmentPin,
    ImagePin,
    InputPin,
    Lock,
    OverridePin,
    Refusal,
    SourcePin,
    Trust,
)
from kutterlock.model.paths import RelativePath


def source(path: str, *, data: bytes = b"", key: str = "") -> SourcePin:
    """Pin a source whose bytes are `data` (default: its path)."""
    return SourcePin(
        key=key or path,
        path=RelativePath(path),
        digest=Digest.of(data or path.encode()),
        urls=(f"https://example.org/{path}",),
        trust=Trust(level="checksum", by="example.org"),
        packages=(path.split("/", 1)[0],),
    )


def lock() -> Lock:
    """Return a lock with one of everything."""
    sources = [source("buildroot-2026.08.tar.gz"), source("hello/hello-1.0.tar.gz")]
    image = "registry.k8s.io/pause:3.10.2"
    return Lock(
        project="demo",
        project_version="1",
        as_of=datetime.date(2026, 8, 22),
        source_date_epoch=1784143200,
        meaning={"inputs.buildroot": "*", "project.name": "demo"},
        inputs={
            "buildroot": InputPin(
                name="buildroot",
                version="2026.08",
                constraint="*",
                refused=(Refusal(version="2026.09", rule="digest-known", reason="no hash: known"),),
                facts={"commit": "abc"},
            )
        },
        overlays={"demo": Digest.of(b"overlay")},
        buildroot="buildroot-2026.08.tar.gz",
        overrides={
            "hello": OverridePin(
                name="hello",
                version="1.0",
                url="https://example.org/hello-1.0.tar.gz",
                patches=((RelativePath("patches/a b.patch"), Digest.of(b"patch")),),
            )
        },
        sources={pin.key: pin for pin in sources},
        images={
            image: ImagePin(
                reference=image,
                digest=Digest.of(b"index"),
                platforms=("linux/amd64",),
                needed_by="kubeadm 1.36.2",
                trust=Trust(level="catalog"),
            )
        },
        boards={
            "pc": BoardPin(
                name="pc",
                arch="x86_64",
                defconfig="pc_defconfig",
                overlays=("demo",),
                config=Digest.of(b"config"),
                packages={"hello": "1.0"},
                sources=("hello/hello-1.0.tar.gz",),
                images=(image,),
                outputs=("rootfs.tar",),
            )
        },
        environment=EnvironmentPin(
            kind="debian",
            architecture="amd64",
            suite="trixie",
            snapshot="20261122T000000Z",
            archives={"debian": "https://snapshot.debian.org/archive/debian/20261122T000000Z/"},
            packages=(
                DebianPackagePin(
                    name="make",
                    version="4.4.1-2",
                    archive="debian",
                    path=RelativePath("pool/main/m/make-dfsg/make_4.4.1-2_amd64.deb"),
                    digest=Digest.of(b"make"),
                ),
            ),
            toolchains=("x86_64-linux-gnu",),
        ),
    )


def lock_of(images: Iterable[ImagePin]) -> Lock:
    """Return a lock that names these images and nothing else that would have to be fetched."""
    plain = lock()
    pins = {pin.reference: pin for pin in images}
    boards = {
        name: board._replace(images=tuple(pins), sources=()) for name, board in plain.boards.items()
    }
    arm = boards["pc"]._replace(name="pi", arch="aarch64")
    return plain._replace(
        images=pins,
        boards={**boards, "pi": arm},
        sources={plain.buildroot: plain.sources[plain.buildroot]},
        environment=plain.environment._replace(packages=()),
    )


def lock_without_images() -> Lock:
    """Return `lock()` for tests about files."""
    plain = lock()
    boards = {name: board._replace(images=()) for name, board in plain.boards.items()}
    return plain._replace(images={}, boards=boards)
