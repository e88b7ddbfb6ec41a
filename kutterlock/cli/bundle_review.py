"""`bundle create --review DIR`: gathers what the approver's page needs, and writes it."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from kutterlock.cli.context import Context

if TYPE_CHECKING:
    from kutterlock.bundle.create import Created, Tool
    from kutterlock.model.bundle.manifest import Bundle
    from kutterlock.model.digest import Digest
    from kutterlock.model.lock import Lock
    from kutterlock.model.sbom.bill import Bill
    from kutterlock.trust.verified import VerifiedLock


def write_review(
    arguments: argparse.Namespace,
    context: Context,
    created: "Created",
    lock: "Lock",
    papers: "Papers",
    signers: list[str],
) -> None:
    """Write the review of a bundle that was just made."""
    from kutterlock.adapters.disk.files import write_atomically
    from kutterlock.bundle.review import Reviewed, review_files

    reviewed = Reviewed(
        bundle=created.bundle,
        lock=lock,
        volumes=[(path.name, path.stat().st_size) for path in created.paths],
        licences=papers.licences,
        previous=_previous(arguments),
        signers=signers,
        root=_root(context),
    )
    files = {**review_files(reviewed), **_bill_files(papers.bills)}
    for name, data in files.items():
        write_atomically(arguments.review / name, data)
    context.output.say(f" review      {arguments.review}: {', '.join(sorted(files))}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """What is known of a closure: the bill of each board, and the licence of each file."""

    bills: "list[Bill]" = field(default_factory=list)
    licences: "dict[Digest, str]" = field(default_factory=dict)


def make_papers(
    context: Context,
    verified: "VerifiedLock",
    boards: tuple[str, ...] | None,
    tools: "Sequence[Tool]",
) -> Papers:
    """Make the bill of each board (default: all), and read the licences out of the files."""
    from kutterlock.bundle.licences import closure_licences, tool_licences
    from kutterlock.cli.boardbill import board_bill

    lock = verified.lock
    own = argparse.Namespace(output=None, sandbox=None)
    names = sorted(boards or lock.boards)
    bills = [board_bill(context, own, lock, verified.digest, lock.board(name)) for name in names]
    closure = closure_licences(context.store(), lock, _licences(bills))
    return Papers(bills=bills, licences={**closure, **tool_licences(tools)})


def paper_tools(papers: Papers, workplace: Path) -> "tuple[Tool, ...]":
    """Return the files of `--sbom`: the bills, and the licence of each file by its digest."""
    from kutterlock.adapters.disk.files import write_atomically
    from kutterlock.bundle.wheels import tool_at
    from kutterlock.model.encoding.canonical_json import canonical_json

    files = {"licences.json": canonical_json(papers.licences), **_bill_files(papers.bills)}
    for name, data in files.items():
        write_atomically(workplace / name, data)
    return tuple(tool_at(workplace / name) for name in files)


def read_manifest_of(path: Path) -> "Bundle | None":
    """Read the manifest of a bundle, or one that an import left; None for an inventory."""
    from kutterlock.adapters.disk.files import explained
    from kutterlock.bundle.volume import Volume
    from kutterlock.model.bundle.manifest import read_bundle
    from kutterlock.trust.papers import read_bounded

    with explained(path), path.open("rb") as file:
        start = file.read(1)
    if start != b"{":
        with Volume(path) as volume:
            return volume.head.bundle
    data = read_bounded(path, 64 << 20)
    return None if b'"type":"kutterlock-inventory/' in data else read_bundle(data, str(path))


def _previous(arguments: argparse.Namespace) -> "Bundle | None":
    path = arguments.previous or arguments.since
    return read_manifest_of(path) if path else None


def _bill_files(bills: "list[Bill]") -> dict[str, bytes]:
    from kutterlock.model.sbom.cyclonedx import cyclonedx

    return {f"sbom-{bill.board}.cdx.json": cyclonedx(bill) for bill in bills}


def _licences(bills: "list[Bill]") -> "dict[Digest, str]":
    return {
        source.digest: ", ".join(licence.spdx or licence.name for licence in item.licences)
        for bill in bills
        for item in bill.items
        for source in item.sources
    }


def _root(context: Context) -> "Digest | None":
    from kutterlock.model.signing.trustroot import ROOT_NAME, read_root
    from kutterlock.trust.papers import read_bounded

    path = context.project / ROOT_NAME
    return read_root(read_bounded(path)).digest if path.exists() else None
