"""What the actions of `kutterlock bundle` do."""

import argparse
import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from kutterlock.cli.context import Context
from kutterlock.cli.output import human_size
from kutterlock.cli.signers import check_passphrase_options, named_signers
from kutterlock.cli.trusting import (
    cabinet,
    tell_signers,
    tell_unsigned,
    time_of_judgement,
    verified_lock,
)
from kutterlock.errors import UsageError
from kutterlock.model.encoding.text import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kutterlock.bundle.contents import Held
    from kutterlock.bundle.create import Created, CreateRequest
    from kutterlock.bundle.enough import OpenFile
    from kutterlock.bundle.take import Taken
    from kutterlock.bundle.volume import Head
    from kutterlock.model.bundle.manifest import Bundle
    from kutterlock.model.lock import Lock
    from kutterlock.trust.verified import Judge, VerifiedLock


def run_create(arguments: argparse.Namespace, context: Context) -> None:
    """Write a bundle."""
    import tempfile
    from dataclasses import replace

    from kutterlock.bundle.create import create
    from kutterlock.cli.bundle_review import Papers, make_papers, paper_tools, write_review
    from kutterlock.cli.bundle_tools import check_options, make_tools
    from kutterlock.resolve.staleness import require_current

    check_options(arguments)
    check_passphrase_options(arguments)
    if arguments.previous and not arguments.review:
        raise UsageError("--previous is what the page of --review compares with: name that, too")
    verified = verified_lock(context, arguments)
    tell_signers(context, verified)
    require_current(context.manifest(), verified.lock, context.project)
    request = _request(arguments, context, verified.lock)
    target = arguments.output or _default_target(context, verified.lock)
    wanted = arguments.review or arguments.sbom
    store = context.store()
    with store.in_use(), tempfile.TemporaryDirectory(prefix="kutter-tools-") as place:
        tools = make_tools(arguments, context, Path(place))
        papers = make_papers(context, verified, request.boards, tools) if wanted else Papers()
        tools += paper_tools(papers, Path(place)) if arguments.sbom else ()
        created = create(replace(request, tools=tools), store, target, context.progress)
    _tell_created(context, created, signed=bool(request.signers))
    if arguments.review:
        signers = [signer.public.short_id for signer in request.signers]
        write_review(arguments, context, created, verified.lock, papers, signers)


def _request(arguments: argparse.Namespace, context: Context, lock: "Lock") -> "CreateRequest":
    from kutterlock.bundle.create import CreateRequest

    return CreateRequest(
        project=context.project,
        lock=lock,
        boards=tuple(arguments.board) if arguments.board else None,
        all_platforms=arguments.all_platforms,
        base=read_base(arguments.since) if arguments.since else None,
        limit=arguments.volume_size,
        signers=tuple(named_signers(context, arguments)),
    )


def _default_target(context: Context, lock: "Lock") -> Path:
    return context.project / f"{lock.project}-{lock.project_version}.bundle.tar"


def read_base(path: Path) -> "Held":
    """Read a base: an inventory, a manifest, or a bundle's first volume."""
    from kutterlock.bundle.contents import held_by
    from kutterlock.cli.bundle_review import read_manifest_of
    from kutterlock.model.bundle.inventory import read_inventory
    from kutterlock.trust.papers import read_bounded

    bundle = read_manifest_of(path)
    if bundle is not None:
        return held_by(bundle.held)
    return held_by(read_inventory(read_bounded(path, 64 << 20), str(path)))


def run_import(arguments: argparse.Namespace, context: Context) -> None:
    """Take a bundle in, or drop what arrived."""
    from kutterlock.adapters.disk.files import real_path
    from kutterlock.bundle.landing import Landing
    from kutterlock.bundle.take import Judges, take

    if arguments.abort:
        if arguments.file:
            raise UsageError(
                "--abort takes no FILE: it drops what arrived of every unfinished import",
                hint="say `kutterlock bundle import --abort` if that is meant",
            )
        _abort(context)
        return
    if not arguments.file:
        raise UsageError("name the bundle's volumes", hint="or drop an import with --abort")
    landing = Landing(
        directory=arguments.into or context.project,
        replace=arguments.replace,
        said=bool(arguments.into or arguments.project),
    )
    court = _Court(arguments, context)
    judges = Judges(head=court.judge_head, project=court.judge_project)
    store = context.store()
    taken = take(arguments.file, store, landing, judges, context.progress)
    store.add_root(real_path(taken.directory) / "kutter.lock")
    court.remember()
    _tell_taken(context, taken, court.facts())


def run_inventory(arguments: argparse.Namespace, context: Context) -> None:
    """List the store: what is hashed and found right."""
    from kutterlock.adapters.disk.files import write_atomically
    from kutterlock.bundle.contents import inventory
    from kutterlock.model.bundle.inventory import write_inventory
    from kutterlock.model.bundle.manifest import content_digest

    store = context.store()
    with store.in_use():
        blobs, corrupted = inventory(store, context.progress)
    for digest in corrupted:
        context.progress.note(f" corrupted   {digest}: left out, so that a delta brings it again")
    data = write_inventory(blobs)
    context.output.json({"corrupted": corrupted})
    if arguments.output is None:
        context.output.document(data.decode())
        context.output.json({"inventory": json.loads(data)})
        return
    write_atomically(arguments.output, data)
    figures = f"{counted(len(blobs), 'blob')}, {human_size(sum(blob.size for blob in blobs))}"
    context.output.say(f" inventory   {figures}, content {content_digest(blobs)}")
    context.output.json({"blobs": len(blobs), "content": str(content_digest(blobs))})


class _Court:
    """Judges a bundle by what is pinned here."""

    def __init__(self, arguments: argparse.Namespace, context: Context) -> None:
        self._arguments = arguments
        self._context = context
        # Then nothing of trust needs to be loaded.
        self._unsigned: bool = arguments.unsigned and not arguments.root_digest
        self._head: Head | None = None
        self._verified: VerifiedLock | None = None

    @cached_property
    def _judge(self) -> "Judge":
        assert self._head is not None, "the head is judged first"
        return bundle_judge(self._arguments, self._context, self._head)

    def judge_head(self, head: "Head") -> None:
        self._head = head
        if self._unsigned:
            self._context.output.say(" signatures: not looked at (--unsigned)")
            return
        from kutterlock.bundle.judge import judge_head

        for finding in judge_head(head, self._judge):
            self._context.output.say(f" {finding.check}: {finding.result}")

    def judge_project(self, open_file: "OpenFile", bundle: "Bundle") -> None:
        if self._unsigned:
            from kutterlock.bundle.enough import check_enough, read_carried_lock

            check_enough(read_carried_lock(open_file), bundle)
            tell_unsigned(self._context)
            return
        from kutterlock.bundle.judge import judge_project

        self._verified = judge_project(open_file, bundle, self._judge)
        tell_signers(self._context, self._verified)

    def facts(self) -> dict[str, object]:
        """Return for programs who signed what, now that both were judged."""
        if self._unsigned:
            return {"signers": (), "release": None, "lock-signers": ()}
        from kutterlock.cli.bundle_verify import signers_of

        assert self._head, "the head is judged first"
        assert self._verified, "the project is judged before the bundle is in"
        release = self._verified.release
        return {
            "signers": signers_of(self._head, self._judge),
            "release": release.version if release else None,
            "lock-signers": self._verified.signers,
        }

    def remember(self) -> None:
        """Keep the newest root and the release seen, now that the bundle is in."""
        if self._unsigned or self._judge.root is None:
            return
        papers = cabinet(self._context)
        papers.keep(self._judge.root)
        if self._head and self._verified and self._verified.seen:
            papers.saw(self._head.bundle.project, self._verified.seen)


def bundle_judge(arguments: argparse.Namespace, context: Context, head: "Head") -> "Judge":
    """Gather what a bundle is judged by; `--root-digest` pins its root first."""
    from kutterlock.trust.verified import Judge

    if digest := getattr(arguments, "root_digest", None):
        _pin(context, head, digest)
    if getattr(arguments, "unsigned", False):
        return Judge(at=time_of_judgement(context, arguments), unsigned=True)
    from kutterlock.bundle.judge import newest_root

    papers, project = cabinet(context), head.bundle.project
    pinned = papers.pinned(project)
    return Judge(
        at=time_of_judgement(context, arguments),
        root=newest_root(pinned, head) if pinned else None,
        seen=papers.seen(project),
        pinned=papers.projects(),
        allow_rollback=arguments.allow_rollback,
    )


def _pin(context: Context, head: "Head", text: str) -> None:
    from kutterlock.errors import UntrustedError
    from kutterlock.model.digest import Digest
    from kutterlock.model.signing.trustroot import read_root

    try:
        digest = Digest.parse(text)
    except ValueError as error:
        raise UsageError(f"--root-digest: {error}") from error
    roots = [read_root(data) for data in head.roots()]
    for root in roots:
        if root.digest == digest:
            cabinet(context).pin(root, digest)
            return
    raise UntrustedError(
        f"the bundle has no trust root {digest}",
        details=[f"it has root {root.root.version}: {root.digest}" for root in roots],
        hint="ask the keepers of the root, on a way that does not lead through the bundle",
    )


def _abort(context: Context) -> None:
    from kutterlock.bundle.staging import Staging, begun

    store = context.store()
    dropped = begun(store)
    for name in dropped:
        with Staging(store, name, context.progress) as staging:
            staging.drop()
    context.output.say(f" dropped     {counted(len(dropped), 'unfinished import')}")
    context.output.json({"dropped": [str(name) for name in dropped]})


def _tell_created(context: Context, created: "Created", *, signed: bool) -> None:
    bundle = created.bundle
    carried = [blob for blob in bundle.blobs if blob.carried]
    say = context.output.say
    say(f" bundle      {counted(len(bundle.files), 'file')} of the project, "
        f"{counted(len(carried), 'blob')} of "
        f"{human_size(sum(blob.size for blob in carried))}")  # fmt: skip
    if bundle.base:
        left_out = counted(len(bundle.left_out), "blob or file", "blobs and files")
        say(f" left out    {left_out}, which the base has")
    if not signed:
        say(" NOT signed  nobody can import it unless they say --unsigned; sign with --key KEY")
    for path in created.paths:
        say(f"  {path}  {human_size(path.stat().st_size)}")
    context.output.json({
        "volumes": [{"path": str(path), "bytes": path.stat().st_size} for path in created.paths],
        "content": bundle.content,
        "blobs": len(carried),
        "left-out": len(bundle.left_out),
        "signed": signed,
    })  # fmt: skip


def _tell_taken(context: Context, taken: "Taken", judged: "Mapping[str, object]") -> None:
    context.output.say(
        f" imported    {taken.bundle.project} {taken.bundle.version}: "
        f"{counted(taken.fresh, 'new blob')}, "
        f"{human_size(taken.size)}"
    )
    context.output.say(f"  {taken.directory}")
    context.output.json({
        "bundle": taken.id, "content": taken.bundle.content,
        "fresh": taken.fresh, "bytes": taken.size, "project": str(taken.directory), **judged,
    })  # fmt: skip
