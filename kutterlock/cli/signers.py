"""The options by which a command is told who signs, and the signers that they come to.

A passphrase comes from a file, from a variable named by an option, or from a prompt.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kutterlock.cli.context import Context
from kutterlock.errors import UsageError

if TYPE_CHECKING:
    from kutterlock.model.signing.keys import PublicKey, Signer

LONGEST_PASSPHRASE = 1024


def add_signer_options(parser: argparse.ArgumentParser) -> None:
    """Add the ways to name signers."""
    group = parser.add_argument_group("who signs")
    group.add_argument("--key", metavar="KEY", action="append", default=[],
                       help="a private key: a file, or the name of one made by `key generate`; "
                       "may be given several times")  # fmt: skip
    group.add_argument("--agent", metavar="KEY", action="append", default=[],
                       help="a key of the ssh-agent, by its comment or id")  # fmt: skip
    group.add_argument("--signer", metavar="COMMAND",
                       help="a command that signs its stdin (HSM, key service)")  # fmt: skip
    group.add_argument("--signer-key", metavar="FILE", type=Path,
                       help="the public key of --signer")  # fmt: skip
    add_passphrase_options(group)


def add_passphrase_options(parser: argparse._ActionsContainer) -> None:
    """Add the ways to give a passphrase without a prompt."""
    parser.add_argument("--passphrase-file", metavar="FILE", type=Path,
                        help="read the passphrase from this file")  # fmt: skip
    parser.add_argument("--passphrase-env", metavar="NAME",
                        help="read the passphrase from this environment variable")  # fmt: skip


def make_signers(context: Context, arguments: argparse.Namespace) -> "list[Signer]":
    """Make every signer that was named. Raises UsageError when none was."""
    signers = named_signers(context, arguments)
    if not signers:
        raise UsageError(
            "nobody was named to sign",
            hint="name a key with --key, --agent or --signer; make one with "
            "`kutterlock key generate NAME`",
        )
    return signers


def named_signers(context: Context, arguments: argparse.Namespace) -> "list[Signer]":
    """Make every signer that was named; none is fine. Raises UsageError."""
    check_passphrase_options(arguments)
    signers: list[Signer] = [_file_signer(context, arguments, name) for name in arguments.key]
    signers += [_agent_signer(context, name) for name in arguments.agent]
    if arguments.signer:
        signers.append(_command_signer(context, arguments))
    return signers


def check_passphrase_options(arguments: argparse.Namespace) -> None:
    """Raise UsageError for a passphrase that no key is there for."""
    if not arguments.key and (arguments.passphrase_file or arguments.passphrase_env):
        option = "--passphrase-file" if arguments.passphrase_file else "--passphrase-env"
        raise UsageError(f"{option} is for the key of --key, and none was named")


def key_path(context: Context, name: str, ending: str = ".pem") -> Path:
    """Return the file of a key: the path itself, or a name in the user's configuration."""
    path = Path(name)
    return path if "/" in name or path.exists() else context.config / "keys" / f"{name}{ending}"


def find_public_key(context: Context, name: str) -> "PublicKey":
    """Read a public key: a file in any form, or the name of a key made by `key generate`."""
    from kutterlock.adapters.signing.keys import read_public_key

    return read_public_key(key_path(context, name, ".pub.pem"))


def passphrase(
    context: Context, arguments: argparse.Namespace, what: str, *, twice: bool = False
) -> Callable[[], bytes]:
    """Return a function that gets the passphrase in the way that was asked for."""

    def get() -> bytes:
        if arguments.passphrase_file:
            return _first_line(arguments.passphrase_file)
        if arguments.passphrase_env:
            return _from_environment(context, arguments.passphrase_env)
        return _prompted(what, twice=twice)

    return get


def _first_line(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            line = file.read(LONGEST_PASSPHRASE).partition(b"\n")[0].rstrip(b"\r")
    except OSError as error:
        raise UsageError(f"--passphrase-file {path}: {error.strerror}") from error
    if not line:
        raise UsageError(f"--passphrase-file {path}: the first line is empty")
    return line


def _from_environment(context: Context, name: str) -> bytes:
    value = context.environ.get(name, "")
    if not value:
        raise UsageError(f"--passphrase-env {name}: the variable is not set")
    return value.encode()


def _prompted(what: str, *, twice: bool) -> bytes:
    if not sys.stdin.isatty():
        raise UsageError(
            f"{what} needs a passphrase, and there is no terminal to ask on",
            hint="use --passphrase-file or --passphrase-env",
        )
    first = _typed(f"Passphrase of {what}: ")
    if twice and _typed("Once more: ") != first:
        raise UsageError("the two passphrases differ")
    if not first:
        raise UsageError("an empty passphrase", hint="say --no-passphrase if that is meant")
    return first.encode()


def _typed(prompt: str) -> str:
    import getpass

    try:
        return getpass.getpass(prompt)
    except EOFError as error:
        sys.stderr.write("\n")  # the cursor is behind the prompt
        raise UsageError(
            "no passphrase was typed: the input ended (Ctrl-D)",
            hint="nothing was written; type one, or use --passphrase-file or --passphrase-env",
        ) from error


def _file_signer(context: Context, arguments: argparse.Namespace, name: str) -> "Signer":
    from kutterlock.adapters.signing.keys import read_private_key

    path = key_path(context, name)
    return read_private_key(path, passphrase(context, arguments, str(path)))


def _agent_signer(context: Context, name: str) -> "Signer":
    from kutterlock.adapters.signing.agent import agent_keys

    place = context.environ.get("SSH_AUTH_SOCK")
    if not place:
        raise UsageError("--agent: SSH_AUTH_SOCK is not set", hint="start an ssh-agent")
    keys = agent_keys(Path(place))
    found = [key for key in keys if name == key.comment or key.public.id.startswith(name.lower())]
    if len(found) != 1:
        raise UsageError(
            f"the ssh-agent has {len(found) or 'no'} keys that {name!r} names",
            details=[f"{key.public.short_id} {key.public.kind} {key.comment}" for key in keys],
            hint="only Ed25519 and P-256 keys can sign here",
        )
    return found[0]


def _command_signer(context: Context, arguments: argparse.Namespace) -> "Signer":
    import shlex

    from kutterlock.adapters.signing.keys import read_public_key
    from kutterlock.adapters.signing.signer import CommandSigner

    if not arguments.signer_key:
        raise UsageError("--signer needs --signer-key, the public key of what it signs with")
    return CommandSigner(
        argv=tuple(shlex.split(arguments.signer)),
        environment=context.environ,
        public=read_public_key(arguments.signer_key),
    )
