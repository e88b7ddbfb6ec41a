"""Makes a board's bill of materials for the commands that print or sign it."""

import argparse
from importlib.resources import files

from kutterlock import __version__
from kutterlock.cli.context import Context
from kutterlock.cli.doors import workshop
from kutterlock.model.digest import Digest
from kutterlock.model.lock import BoardPin, Lock
from kutterlock.model.sbom.bill import Bill, make_bill
from kutterlock.resolve.boardinfo import board_info


def board_bill(
    context: Context, arguments: argparse.Namespace, lock: Lock, digest: Digest, board: BoardPin
) -> Bill:
    """Return the bill of a locked board."""
    return make_bill(
        lock,
        digest,
        board,
        board_info(lock, board, workshop(context, arguments)),
        binaries=_binaries(context, lock),
        licences=spdx_licences(),
        tool=f"kutterlock {__version__}",
    )


def _binaries(context: Context, lock: Lock) -> frozenset[Digest]:
    """Return the digests of the files that upstream compiled, as the catalog knows them."""
    catalog = context.catalog()
    return frozenset(
        file.digest
        for name in lock.inputs
        for release in catalog.releases(name)
        for file in release.files
        if file.kind == "binary" and file.digest
    )


def spdx_licences() -> frozenset[str]:
    """Return the identifiers that SPDX knows."""
    text = files("kutterlock.trust").joinpath("data/spdx-licences.txt").read_text()
    return frozenset(line for line in text.splitlines() if not line.startswith("#"))
