"""`kutterlock init`: write a commented kutter.toml."""

import argparse

from kutterlock.cli.context import Context
from kutterlock.errors import UsageError


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser("init")
    parser.add_argument("--print", action="store_true", help="print it instead of writing it")
    parser.add_argument("--name", default="my-node", help="the project's name (default: my-node)")
    return parser


def run(arguments: argparse.Namespace, context: Context) -> None:
    """Write the template. Raises UsageError when a manifest is there already."""
    from importlib.resources import files

    from kutterlock.model.paths import plain_name

    try:
        name = plain_name(arguments.name)
    except ValueError as error:
        raise UsageError(f"--name: {error}") from error
    template = files("kutterlock.cli").joinpath("kutter.toml.template").read_text()
    text = template.replace("@NAME@", name)
    if arguments.print:
        context.output.document(text.rstrip())
        context.output.json({"manifest": text})
        return
    path = context.manifest_path
    if path.exists():
        raise UsageError(f"{path} exists", hint="remove it first, or look with `init --print`")
    from kutterlock.adapters.disk.files import write_atomically

    write_atomically(path, text.encode())
    context.output.say(f"{path} written; next: put a board's overlay under overlays/, then")
    context.output.say("  kutterlock resolve")
    context.output.json({"written": str(path)})
