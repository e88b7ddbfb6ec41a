"""An inventory: what a store holds, so that the other side can make the smallest delta."""

from collections.abc import Sequence

from kutterlock.errors import HashMismatchError
from kutterlock.model.bundle.manifest import (
    LARGEST_MANIFEST,
    BundleBlob,
    blob_table,
    content_digest,
    damaged,
    read_blob,
)
from kutterlock.model.digest import Digest
from kutterlock.model.encoding.canonical_json import canonical_json
from kutterlock.model.encoding.strict_json import read_object
from kutterlock.model.encoding.table import Reader

INVENTORY_TYPE = "kutterlock-inventory/1"


def write_inventory(blobs: Sequence[BundleBlob]) -> bytes:
    """Return an inventory: what a store holds."""
    held = sorted(blobs, key=lambda blob: blob.digest)
    return canonical_json(
        {
            "type": INVENTORY_TYPE,
            "content": str(content_digest(held)),
            "blobs": [blob_table(blob) for blob in held],
        }
    )


def read_inventory(data: bytes, name: str = "the inventory") -> tuple[BundleBlob, ...]:
    """Read an inventory, called `name` in errors. Raises HashMismatchError with every fault."""
    reader = Reader()
    root = reader.root(read_object(data, name, HashMismatchError, LARGEST_MANIFEST))
    if root.text("type") != INVENTORY_TYPE:
        root.fault("type", f"this kutterlock reads {INVENTORY_TYPE}")
    content = root.parsed("content", Digest.parse)
    blobs = tuple(read_blob(item) for item in root.table_list("blobs"))
    root.close()
    if not reader.faults and content != content_digest(blobs):
        root.fault("content", "is not that of the blobs")
    reader.finish(lambda faults: damaged(name, faults))
    return blobs
