"""The output manifest: every file that a build made, with its digest.

It depends on nothing but the derivation and the files, so two machines write the same bytes, and
a signature of it covers the output. What differs from run to run stands in the build record.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kutterlock.errors import KutterError
from kutterlock.model.digest import Digest
from kutterlock.model.encoding.strict_json import read_object, write_document
from kutterlock.model.encoding.table import Fault, Reader, Table
from kutterlock.model.paths import RelativePath

OUTPUT_VERSION = 1

MANIFEST_NAME = "manifest.json"
DERIVATION_NAME = "derivation.json"
RECORD_NAME = "build.json"
LOG_NAME = "build.log"
FILES_NAME = "files"
"""The directory, inside an output, that holds the files themselves."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class OutputFile:
    """One file: its path below `files/`, size in bytes, digest."""

    path: RelativePath
    size: int
    digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputManifest:
    """What a derivation came to."""

    board: str
    derivation: Digest
    lock: Digest
    pure: bool
    files: tuple[OutputFile, ...]

    def to_bytes(self) -> bytes:
        """Return canonical JSON."""
        value = {
            "output-version": OUTPUT_VERSION,
            "board": self.board,
            "derivation": self.derivation,
            "lock": self.lock,
            "pure": self.pure,
            "files": {
                file.path: {"size": file.size, "digest": file.digest} for file in sorted(self.files)
            },
        }
        return write_document(value)


def parse_output_manifest(data: bytes) -> OutputManifest:
    """Read a manifest's bytes. Raises KutterError with every fault."""
    return _read(read_object(data, f"the output's {MANIFEST_NAME}"))


def _read(value: Mapping[str, Any]) -> OutputManifest:
    reader = Reader()
    root = reader.root(value)
    if root.integer("output-version") != OUTPUT_VERSION:
        root.fault("output-version", f"this kutterlock reads {OUTPUT_VERSION}")
    nothing = Digest.of(b"")
    manifest = OutputManifest(
        board=root.text("board"),
        derivation=root.parsed("derivation", Digest.parse) or nothing,
        lock=root.parsed("lock", Digest.parse) or nothing,
        pure=root.flag("pure"),
        files=tuple(_file(path, t) for path, t in root.table("files", required=True).tables()),
    )
    root.close()
    reader.finish(_damaged)
    return manifest


def _file(path: str, table: Table) -> OutputFile:
    size = table.integer("size")
    digest = table.parsed("digest", Digest.parse) or Digest.of(b"")
    table.close()
    try:
        return OutputFile(path=RelativePath(path), size=size, digest=digest)
    except ValueError as error:
        table.fault(None, str(error))
        return OutputFile(path=RelativePath("-"), size=size, digest=digest)


def _damaged(faults: tuple[Fault, ...]) -> KutterError:
    return KutterError(
        f"the output's {MANIFEST_NAME} cannot be trusted as it stands",
        details=[str(fault) for fault in faults],
        hint="build again with --rebuild",
    )
