"""`kutterlock attest`: sign outputs: their manifests, provenance and SBOM."""

import argparse
from pathlib import Path

from kutterlock.cli.commands.build import add_build_options
from kutterlock.cli.context import Context
from kutterlock.cli.signers import add_signer_options, make_signers
from kutterlock.cli.trusting import add_trust_options, tell_signers, verified_lock


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "attest",
        description="Verify outputs against their manifests, write provenance (SLSA v1, in-toto) "
        "and SBOM (CycloneDX) beside their files, and sign all three. A second signer runs the "
        "same command: signatures are added beside the others. With --unsigned, provenance and "
        "SBOM are written, marked as those of a development build, and not signed.",
    )
    add_build_options(parser)
    add_trust_options(parser)
    add_signer_options(parser)
    return parser


def run(arguments: argparse.Namespace, context: Context) -> None:
    """Attest the newest output of each board."""
    from kutterlock import __version__
    from kutterlock.adapters.disk.files import real_path
    from kutterlock.build.outputs import verify_output
    from kutterlock.cli.boardbill import board_bill
    from kutterlock.cli.doors import output_root
    from kutterlock.model.sbom.cyclonedx import cyclonedx
    from kutterlock.trust.outputs import attest

    verified = verified_lock(context, arguments)
    tell_signers(context, verified)
    signers = [] if verified.unsigned else make_signers(context, arguments)
    written: dict[str, list[str]] = {}
    for name in arguments.board or sorted(verified.lock.boards):
        board = verified.lock.board(name)
        directory = real_path(output_root(context, arguments) / name)
        verify_output(directory)
        bill = board_bill(context, arguments, verified.lock, verified.digest, board)
        paths = attest(directory, verified, board, cyclonedx(bill), signers, __version__)
        written[name] = [str(path.relative_to(directory)) for path in paths]
        _tell(context, name, directory, written[name], signed=bool(signers))
    context.output.json({"lock": verified.digest, "attested": written})


def _tell(
    context: Context, board: str, directory: Path, written: list[str], *, signed: bool
) -> None:
    done = "signed" if signed else "written, NOT signed: a development build"
    context.output.say(f" {board}: manifest, provenance and SBOM {done}")
    for path in written:
        context.output.say(f"   {path}")
    context.output.say(f"   verify with: kutterlock verify output {directory}")
