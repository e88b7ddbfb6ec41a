"""`kutterlock audit`: overrides and their review dates, trust, and support that has ended."""

import argparse
import datetime

from kutterlock.cli.context import Context


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser("audit", help="overrides, overdue reviews, trust, end of life")
    parser.add_argument(
        "--as-of",
        metavar="DATE",
        type=datetime.date.fromisoformat,
        help="the day to judge at (default: today)",
    )
    parser.add_argument("--pins", action="store_true", help="list every pin and who vouched for it")
    parser.add_argument("--strict", action="store_true", help="exit 12 when something is overdue")
    return parser


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Print what a reviewer should look at. Returns 12 when strict and something fails."""
    from kutterlock.errors import PolicyError
    from kutterlock.resolve.audit import audit

    as_of = arguments.as_of or context.now().date()
    found = audit(context.manifest(), context.lock(), context.catalog(), as_of)
    output = context.output
    output.say(f"overrides of {context.manifest_path.name}")
    output.table(found.overrides or [("none",)])
    output.say("pins by how their hash is trusted")
    output.table((level, str(count)) for level, count in found.trust.items())
    if arguments.pins:
        rows = [(level, *pin) for level, pins in found.pins.items() for pin in pins]
        output.table(rows)
    output.say(f"findings as of {as_of}")
    output.table(
        [
            ("FAILS" if f.fails else "note", f.rule, f"{f.subject} {f.reason}")
            for f in found.findings
        ]
        or [("none",)]
    )
    output.json(
        {
            "as-of": as_of,
            "overrides": [
                dict(zip(("name", "version", "review-by", "reason"), row, strict=True))
                for row in found.overrides
            ],
            "trust": found.trust,
            "pins": {
                level: [{"pin": name, "by": by} for name, by in pins]
                for level, pins in found.pins.items()
            },
            "findings": [finding.as_json() for finding in found.findings],
        }
    )
    return PolicyError.exit_code if arguments.strict and found.failures else 0
