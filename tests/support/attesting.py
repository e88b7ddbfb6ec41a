"""An output as `build` leaves it, and Buildroot's show-info of its board."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kutterlock.adapters.tomlfile import lock_bytes
from kutterlock.model.attest.image import ImageFacts, LockFacts, image_statements
from kutterlock.model.buildroot.showinfo import parse_show_info
from kutterlock.model.digest import Digest
from kutterlock.model.lock import ImagePin, Trust
from kutterlock.model.oci.image import OCI_MANIFEST, Descriptor, Index, Manifest
from kutterlock.model.output import OutputFile, OutputManifest
from kutterlock.model.paths import RelativePath
from kutterlock.model.sbom.bill import Bill, make_bill
from kutterlock.model.sbom.cyclonedx import cyclonedx
from kutterlock.model.signing.keys import Signer
from kutterlock.trust.outputs import attest
from kutterlock.trust.verified import Judge, VerifiedLock, verify_lock
from tests.support import samples
from tests.support.signing import ALICE, BOB, NOW, papers, root

LOCK = samples.lock()
BOARD = LOCK.boards["pc"]
FILES = {"disk.img": b"disk", "sub/kernel.bin": b"kernel"}
RECORD: dict[str, object] = {
    "started": "2026-11-22T12:00:00+00:00",
    "finished": "2026-11-22T12:10:00+00:00",
    "sandbox": "bubblewrap",
    "environment": "debian",
    "host": {},
    "reproduced": None,
    "unsigned": False,
    "lock-signers": ["alice", "bob"],
}


def package(name: str, **changes: object) -> dict[str, Any]:
    """Return one entry of show-info."""
    return {
        "type": "target", "name": name, "virtual": False, "version": "1.0", "licenses": "MIT",
        "license_files": [], "redistributable": True, "dl_dir": name, "hashes": [], "patches": [],
        "package_dir": f"package/{name}", "dependencies": [],
        "downloads": [{"source": f"{name}-1.0.tar.gz", "uris": ["https://example.org"]}],
        **changes,
    }  # fmt: skip


SHOW_INFO = {
    "hello": package(
        "hello",
        licenses="GPL-2.0+ (programs, tools), LGPL-2.1, bzip2-1.0.4, Freeware (with a note)",
        patches=["package/hello/0001-a fix.patch", "/kutter/patches/hello/a b.patch"],
        dependencies=["host-tool", "toolchain"],
        **{"cpe-id": "cpe:2.3:a:gnu:hello:1.0:*:*:*:*:*:*:*"},
    ),
    "host-tool": package("tool", type="host", licenses="", version="2.0"),
    "toolchain": package("toolchain", virtual=True, version="", downloads=[]),
    "toolchain-external-bootlin": package("toolchain-external-bootlin", licenses="GPL-3.0"),
    "empty": package("empty", version="", downloads=[]),
}
LICENCES = frozenset({"MIT", "GPL-2.0-or-later", "LGPL-2.1-only", "GPL-3.0-only"})


def bill(show_info: Mapping[str, object] | None = None) -> Bill:
    """Return the board's bill."""
    return make_bill(
        LOCK,
        Digest.of(lock_bytes(LOCK)),
        BOARD,
        parse_show_info(json.dumps(show_info or SHOW_INFO).encode()),
        binaries=(),
        licences=LICENCES,
        tool="kutterlock 0.1.0",
    )


def verified() -> VerifiedLock:
    """Return the lock, signed by alice and bob."""
    return verify_lock(LOCK, papers(ALICE, BOB), Judge(at=NOW, root=root()))


def output(directory: Path, **record: object) -> Path:
    """Write an output that was built from the lock."""
    entries = []
    for name, data in FILES.items():
        place = directory / "files" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        entries.append(OutputFile(path=RelativePath(name), size=len(data), digest=Digest.of(data)))
    manifest = OutputManifest(
        board="pc", derivation=Digest.of(b"derivation"), lock=Digest.of(lock_bytes(LOCK)),
        pure=True, files=tuple(entries),
    )  # fmt: skip
    (directory / "manifest.json").write_bytes(manifest.to_bytes())
    (directory / "build.json").write_text(json.dumps({**RECORD, **record}))
    (directory / "build.log").write_text("log")
    (directory / "derivation.json").write_text("{}")
    return directory


def attested(directory: Path, *signers: Signer) -> Path:
    """Write an output and attest it."""
    for signer in signers:
        place = directory if directory.exists() else output(directory)
        attest(place, verified(), BOARD, cyclonedx(bill()), [signer], "0.1.0")
    return directory


def image_statements_of_a_manifest() -> tuple[tuple[bytes, str], ...]:
    """Return the statements about one platform's image of two layers, one of them twice."""
    config, layer, other = (
        Descriptor(media_type="x/y", digest=Digest.of(name), size=1)
        for name in (b"config", b"layer", b"other")
    )
    document = Manifest(media_type=OCI_MANIFEST, config=config, layers=(layer, other, layer))
    return image_statements(image_facts(document))


def image_facts(document: Index | Manifest) -> ImageFacts:
    """Return what is known of an image that the lock of alice and bob pins."""
    digest = Digest.of(b"image")
    return ImageFacts(
        name="registry.example/app",
        digest=digest,
        document=document,
        pin=ImagePin(
            reference="registry.k8s.io/pause:3.10",
            digest=digest,
            platforms=("linux/amd64",),
            needed_by="kubeadm 1.36.2",
            trust=Trust(level="catalog"),
        ),
        lock=LockFacts(
            project="demo",
            project_version="1",
            digest=Digest.of(b"lock"),
            signers=("alice", "bob"),
            release=3,
            version="0.1.0",
        ),
    )
