"""A volume's label, `volume.json`: which bundle it is of, its number, and the digests of its head.

The head is what every volume begins with: manifest, label, SHA256SUMS, trust roots, signatures. The
label is not signed: it tells damage from forgery, and one bundle's volumes from another's.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from kutterlock.errors import HashMismatchError
from kutterlock.model.bundle.manifest import MOST_VOLUMES, SUMS_NAME
from kutterlock.model.digest import Digest
from kutterlock.model.encoding.canonical_json import canonical_json
from kutterlock.model.encoding.strict_json import read_object
from kutterlock.model.encoding.table import Fault, Reader

LABEL_TYPE = "kutterlock-volume/1"
LABEL_NAME = "volume.json"
LARGEST_LABEL = 1 << 18
_HEAD = re.compile(r"(signatures|roots)/[A-Za-z0-9._-]{1,80}\Z")


class Label(NamedTuple):
    """Volume `number` (from 1) of the bundle whose manifest has the digest `bundle`.

    `head` maps the members of the head after the label to their digests, in order.
    """

    bundle: Digest
    number: int
    head: Mapping[str, Digest]

    def to_bytes(self) -> bytes:
        """Return the file."""
        return canonical_json(
            {
                "type": LABEL_TYPE,
                "bundle": self.bundle,
                "volume": self.number,
                "head": self.head,
            }
        )


def head_order(name: str) -> tuple[int, str]:
    """Sort the head: sums, then roots, then signatures."""
    return (0 if name == SUMS_NAME else 1 if name.startswith("roots/") else 2, name)


def read_label(data: bytes) -> Label:
    """Read a label. Raises HashMismatchError."""
    reader = Reader()
    root = reader.root(read_object(data, LABEL_NAME, HashMismatchError, LARGEST_LABEL))
    if root.text("type") != LABEL_TYPE:
        root.fault("type", f"this kutterlock reads {LABEL_TYPE}")
    head = root.table("head", required=True)
    names = sorted(head.value(), key=head_order)
    label = Label(
        bundle=root.parsed("bundle", Digest.parse) or Digest.of(b""),
        number=root.integer("volume", between=(1, MOST_VOLUMES)),
        head={name: head.parsed(name, Digest.parse) or Digest.of(b"") for name in names},
    )
    for name in names:
        if name != SUMS_NAME and not _HEAD.match(name):
            head.fault(name, "does not belong into a head")
    root.close()
    if not reader.faults and label.to_bytes() != data:
        root.fault(None, "is not in canonical form")
    reader.finish(_damaged)
    return label


def _damaged(faults: tuple[Fault, ...]) -> HashMismatchError:
    return HashMismatchError(
        f"{LABEL_NAME} cannot be used as it stands", details=[str(fault) for fault in faults]
    )
