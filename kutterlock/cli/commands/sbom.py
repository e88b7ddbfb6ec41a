"""`kutterlock sbom`: what a board is made of, as CycloneDX or SPDX."""

import argparse
import json
from pathlib import Path

from kutterlock.cli.commands.build import add_build_options
from kutterlock.cli.context import Context
from kutterlock.errors import UsageError
from kutterlock.model.encoding.text import counted


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "sbom",
        description="Print a software bill of materials: every package with version, licence, CPE, "
        "purl, source digests and patches; prebuilt binaries; images. Needs the closure; opens no "
        "connection. The same lock gives the same bytes.",
    )
    parser.add_argument("--format", choices=("cyclonedx", "spdx"), default="cyclonedx",
                        help="the form (default: cyclonedx)")  # fmt: skip
    parser.add_argument("--to", metavar="FILE", type=Path, help="write it there")
    add_build_options(parser)
    return parser


def run(arguments: argparse.Namespace, context: Context) -> None:
    """Print or write the bill of one board."""
    from kutterlock.adapters.disk.files import hash_file, write_atomically
    from kutterlock.cli.boardbill import board_bill
    from kutterlock.model.sbom.cyclonedx import cyclonedx
    from kutterlock.model.sbom.spdx import spdx

    lock = context.lock()
    names = arguments.board or sorted(lock.boards)
    if len(names) != 1:
        raise UsageError("a bill is of one board", hint=f"name it: --board {' | '.join(names)}")
    digest = hash_file(context.lock_path)
    bill = board_bill(context, arguments, lock, digest, lock.board(names[0]))
    data = cyclonedx(bill) if arguments.format == "cyclonedx" else spdx(bill)
    if not arguments.to:
        context.output.document(data.decode().rstrip("\n"))
        if context.output.as_json:
            context.output.json({"format": arguments.format, "bill": json.loads(data)})
        return
    write_atomically(arguments.to, data)
    context.output.say(f"{arguments.to}: {counted(len(bill.items), 'component')} of {bill.board}")
    context.output.json({"written": str(arguments.to), "components": len(bill.items)})
