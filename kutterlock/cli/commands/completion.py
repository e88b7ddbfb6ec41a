"""`kutterlock completion`: print a completion script for a shell."""

import argparse

from kutterlock.cli.context import Context

SHELLS = ("bash", "zsh", "fish")


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "completion",
        description="Print a completion script, to be sourced or saved as its first lines say: "
        "source <(kutterlock completion bash)",
    )
    parser.add_argument("shell", choices=SHELLS, help="the shell to print it for")
    return parser


def run(arguments: argparse.Namespace, context: Context) -> None:
    """Print the script."""
    from kutterlock.cli.completion import commands, script
    from kutterlock.cli.main import build_parser

    text = script(arguments.shell, commands(build_parser()))
    context.output.document(text.rstrip("\n"))
    context.output.json({"shell": arguments.shell, "script": text})
