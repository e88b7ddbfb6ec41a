"""`kutterlock key`: make keys, show them, and hand them to other tools in their own forms."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from kutterlock.cli.context import Context
from kutterlock.cli.signers import add_passphrase_options, find_public_key, key_path, passphrase
from kutterlock.errors import UsageError

if TYPE_CHECKING:
    from kutterlock.model.signing.keys import PublicKey

FORMS = ("pem", "cosign", "minisign", "ssh", "allowed-signers", "tuf")


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser("key")
    parser.add_argument("action", choices=("generate", "show", "export"), metavar="ACTION",
                        help="generate, show or export")  # fmt: skip
    parser.add_argument("name", metavar="KEY",
                        help="a key of the user's configuration by name, or a file")  # fmt: skip
    parser.add_argument("--type", choices=("ed25519", "ecdsa-p256"), default="ed25519",
                        help="generate: what kind (default: ed25519)")  # fmt: skip
    parser.add_argument("--no-passphrase", action="store_true",
                        help="generate: leave the private key unencrypted")  # fmt: skip
    parser.add_argument("--form", choices=FORMS, default="pem",
                        help=f"export: one of {', '.join(FORMS)} (default: pem)")  # fmt: skip
    add_passphrase_options(parser)
    return parser


def run(arguments: argparse.Namespace, context: Context) -> None:
    """Do it."""
    {"generate": _generate, "show": _show, "export": _export}[arguments.action](arguments, context)


def _generate(arguments: argparse.Namespace, context: Context) -> None:
    from kutterlock.adapters.signing.keys import write_public_key

    path = key_path(context, arguments.name)
    public_path = path.with_suffix(".pub.pem")
    if public_path.exists():
        raise UsageError(f"{public_path} exists; a key is never overwritten")
    if path.exists():
        public = _interrupted(arguments, context, path)
        context.output.say(f"{path}: private key, which was there without its public key")
    else:
        public = _new(arguments, context, path)
    write_public_key(public_path, public)
    context.output.say(f"{public_path}: public key, to be given to whoever verifies")
    _tell(context, arguments.name, public, written=[path, public_path])


def _new(arguments: argparse.Namespace, context: Context, path: Path) -> "PublicKey":
    from kutterlock.adapters.signing.keys import generate, write_private_key

    secret = b""
    if not arguments.no_passphrase:
        secret = passphrase(context, arguments, str(path), twice=True)()
    signer = generate(arguments.type)
    write_private_key(path, signer, secret)
    context.output.say(f"{path}: private key, {'encrypted' if secret else 'NOT encrypted'}")
    return signer.public


def _interrupted(arguments: argparse.Namespace, context: Context, path: Path) -> "PublicKey":
    """Read the key whose making was interrupted before its public key was written."""
    from kutterlock.adapters.signing.keys import read_private_key

    public = read_private_key(path, passphrase(context, arguments, str(path))).public
    if public.kind != arguments.type:
        raise UsageError(f"{path} exists, and is of kind {public.kind}")
    return public


def _show(arguments: argparse.Namespace, context: Context) -> None:
    key = find_public_key(context, arguments.name)
    _tell(context, arguments.name, key, written=[])


def _export(arguments: argparse.Namespace, context: Context) -> None:
    key = find_public_key(context, arguments.name)
    name = Path(arguments.name).name.partition(".")[0]
    try:
        text = _form(key, arguments.form, name)
    except ValueError as error:
        raise UsageError(f"{arguments.name}: {error}") from error
    context.output.document(text.rstrip("\n"))
    context.output.json({"form": arguments.form, "key": text})


def _form(key: "PublicKey", form: str, name: str) -> str:
    import json

    from kutterlock.model.signing import keys, sshsig

    if form == "minisign":
        return keys.minisign_form(key)
    if form == "ssh":
        return keys.ssh_form(key, name)
    if form == "allowed-signers":
        return f'{name} namespaces="{sshsig.NAMESPACE}" {keys.ssh_form(key, name)}'
    if form == "tuf":
        return json.dumps({key.id: keys.tuf_form(key, name)}, indent=1, sort_keys=True)
    return keys.pem(key)


def _tell(context: Context, name: str, key: "PublicKey", written: list[Path]) -> None:
    minisign = key.minisign_id[::-1].hex().upper() if key.kind == "ed25519" else ""
    context.output.table([["kind", key.kind], ["id", key.id]])
    if minisign:
        context.output.table([["minisign id", minisign]])
    context.output.json({
        "name": name, "kind": key.kind, "id": key.id, "minisign-id": minisign,
        "written": [str(path) for path in written],
    })  # fmt: skip
