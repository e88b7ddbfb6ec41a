"""`kutterlock bundle inspect`: what a bundle holds, from its first volume alone."""

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from kutterlock.cli.bundling import bundle_judge
from kutterlock.cli.context import Context
from kutterlock.cli.output import human_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kutterlock.bundle.volume import Head, Volume
    from kutterlock.model.bundle.manifest import Bundle
    from kutterlock.trust.verified import Finding

LOCK = "project/kutter.lock"
RELEASE = "project/kutter.release.json"
LICENCES = "tools/licences.json"
LARGEST = 16 << 20
MOST_LINES = 30


def run_inspect(arguments: argparse.Namespace, context: Context) -> None:
    """Show a bundle."""
    from kutterlock.bundle.volume import Volume

    with Volume(arguments.file) as volume:
        head = volume.head
        papers = _read_papers(volume)
    findings = _signature_findings(arguments, context, head)
    versions, licences, release = _versions(papers), _licences(papers), _release(papers)
    context.output.table(_summary(head))
    context.output.table([key, str(value)] for key, value in release.items())
    context.output.table([f"{item.check}:", item.result] for item in findings)
    context.output.table([name, version] for name, version in versions.items())
    for line in _licence_lines(licences, head.bundle):
        context.output.say(line)
    if arguments.files:
        context.output.table(_file_rows(head.bundle, licences))
    context.output.json({
        "bundle": str(head.id), "volume": head.label.number,
        "signatures": [f"{item.check}: {item.result}" for item in findings],
        **release, "versions": versions, "licences": licences,
        "manifest": json.loads(head.manifest),
    })  # fmt: skip


def _read_papers(volume: "Volume") -> dict[str, bytes]:
    """Read the lock, the release and the licences, which come before the blobs."""
    from kutterlock.model.digest import Digest

    found = {}
    for piece in volume.pieces:
        if piece.name.startswith(("blobs/", "parts/")):
            break
        volume.begin(piece)
        if piece.name not in (LOCK, RELEASE, LICENCES) or piece.size > LARGEST:
            volume.skip(piece)
            continue
        data = b"".join(bytes(chunk) for chunk in volume.content(piece))
        if Digest.of(data).hex != piece.sha256:
            raise volume.fault(f"is damaged: {piece.name} is not what it should be")
        found[piece.name] = data
    return found


def _versions(papers: dict[str, bytes]) -> dict[str, str]:
    from kutterlock.adapters.tomlfile import parse_lock_bytes

    if LOCK not in papers:
        return {}
    lock = parse_lock_bytes(papers[LOCK], Path(LOCK))
    return {name: pin.version for name, pin in sorted(lock.inputs.items())}


def _release(papers: dict[str, bytes]) -> dict[str, int | str]:
    from kutterlock.model.attest.statement import read_statement
    from kutterlock.model.times import write_time

    if RELEASE not in papers:
        return {}
    statement = read_statement(papers[RELEASE])
    return {"release": statement.version, "expires": write_time(statement.expires)}


def _licences(papers: dict[str, bytes]) -> dict[str, str]:
    from kutterlock.model.encoding.strict_json import read_object

    data = papers.get(LICENCES)
    found = read_object(data, LICENCES, largest=LARGEST) if data else {}
    return {name: text for name, text in found.items() if isinstance(text, str)}


def _licence_lines(licences: dict[str, str], bundle: "Bundle") -> list[str]:
    if not licences:
        return [f" licences    {_whereabouts(bundle)}"]
    counted = Counter(name for text in licences.values() for name in text.split(", "))
    ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    more = [f" licences    {len(ranked) - MOST_LINES} more names: --files lists each file's"]
    return [
        *(
            f" licence     {name or 'unknown'}: {count} files"
            for name, count in ranked[:MOST_LINES]
        ),
        *(more if len(ranked) > MOST_LINES else []),
    ]


def _whereabouts(bundle: "Bundle") -> str:
    """Say where the licences are, which this volume does not have whole."""
    named = [tool for tool in bundle.tools if f"tools/{tool.name}" == LICENCES]
    if not named:
        return "not in this bundle: `bundle create --sbom` puts them in"
    if not named[0].carried:
        return "as in the base: `bundle inspect` shows them there"
    volumes = [
        str(number)
        for number, pieces in enumerate(bundle.pieces(), 1)
        if any(piece.whole == named[0].sha256 for piece in pieces)
    ]
    return f"in volume {', '.join(volumes)}: `bundle inspect` shows them there"


def _signature_findings(
    arguments: argparse.Namespace, context: Context, head: "Head"
) -> "tuple[Finding, ...]":
    from kutterlock.bundle.judge import judge_head
    from kutterlock.errors import UntrustedError
    from kutterlock.trust.verified import Finding

    try:
        found = judge_head(head, bundle_judge(arguments, context, head))
    except UntrustedError as error:
        lines = (error.reason, *error.details)
        return tuple(Finding(check="NOT trusted", result=line) for line in lines)
    return found


def _summary(head: "Head") -> list[list[str]]:
    bundle = head.bundle
    carried = [blob for blob in bundle.blobs if blob.carried]
    rows = [
        ["bundle", str(head.id)],
        ["project", f"{bundle.project} {bundle.version}, boards {', '.join(bundle.boards)}"],
        ["lock", bundle.lock],
        ["volume", f"{head.label.number} of {len(bundle.volumes)}"],
        ["project", f"{len(bundle.files)} files, {human_size(sum(f.size for f in bundle.files))}"],
        ["blobs", f"{len(carried)}, {human_size(sum(blob.size for blob in carried))}"],
        ["content", bundle.content],
    ]
    if bundle.base:
        left = bundle.left_out
        size = human_size(sum(blob.size for blob in left))
        rows.append(["base", f"has {len(left)} blobs more, {size}: content {bundle.base}"])
    return rows


def _file_rows(bundle: "Bundle", licences: dict[str, str]) -> "Iterator[list[str]]":
    """Yield member, size, name and licence, of what the base has too."""
    for blob in bundle.held:
        is_file = blob.name.startswith("project/")
        kind = "" if is_file else "tools/" if blob in bundle.tools else "blobs/"
        member = f"{kind}{blob.sha256 if kind == 'blobs/' else blob.name}"
        yield [
            member if blob.carried else "(in the base)",
            human_size(blob.size),
            "" if member == blob.name else blob.name,
            "the project's own" if is_file else licences.get(blob.digest, "not stated"),
        ]
