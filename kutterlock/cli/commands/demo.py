"""`kutterlock demo`: the whole line on an upstream that kutterlock carries."""

import argparse
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from kutterlock.cli.context import Context
from kutterlock.cli.output import Output
from kutterlock.errors import KutterError

if TYPE_CHECKING:
    from kutterlock.demo.project import Demonstration

Step = tuple[str, tuple[str, ...]]

ROOT_DIGEST = "@ROOT-DIGEST@"
"""Stands for the digest of the trust root, which is known once it was made."""

CONNECTED: tuple[Step, ...] = (
    ("Pin everything: versions, sources, the closure of both boards.", ("resolve",)),
    ("Fetch the closure into the store, checking every byte.", ("vendor",)),
)
SIGNING: tuple[Step, ...] = (
    ("The release engineer's key, and the trust root that names it.",
     ("key", "generate", "release", "--no-passphrase")),
    ("", ("trust", "init", "--key", "release", "--add", "release=release")),
    ("Everybody else pins that root once, by a digest received another way.",
     ("trust", "pin", "--digest", ROOT_DIGEST)),
    ("Sign the lock. From here on nothing else is built.", ("sign", "--key", "release")),
)  # fmt: skip
BUILDING: tuple[Step, ...] = (
    ("Who signed the lock, and is the closure still what it pins?", ("verify",)),
    ("Say what is pinned, and why.", ("why", "linux")),
    ("Build both boards in the sandbox, then once more in other surroundings, and compare.",
     ("build", "--offline", "--rebuild", "--vary", "path,hostname,timezone,umask")),
    ("Sign what was built: the manifest of digests, its provenance, its SBOM.",
     ("attest", "--key", "release")),
    ("What an auditor asks: who signed this disk image, and what was it made from?",
     ("verify", "output", "demo-x86_64")),
    ("Build again: nothing changed, so nothing is done.", ("build", "--offline")),
    ("Check that the lock still says what the manifest asks for.", ("resolve", "--check")),
)  # fmt: skip


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "demo",
        description="Resolve, vendor, verify, build and rebuild two boards from a miniature "
        "Buildroot that kutterlock carries. Talks to this machine's loopback only.",
    )
    parser.add_argument("--keep", metavar="DIR", help="keep everything in this new directory")
    return parser


def run(arguments: argparse.Namespace, context: Context) -> None:
    """Run every step. Raises KutterError when one fails."""
    started = time.monotonic()
    directory = _directory(arguments.keep)
    try:
        demonstration = _lay_out(directory, context)
        _connected(demonstration, context)
        context.output.say("\n-- The upstream is shut down: from here on there is no network.")
        _steps(SIGNING, demonstration, context)
        _steps(BUILDING, demonstration, context)
        _summarise(demonstration, context, time.monotonic() - started)
        if not arguments.keep:
            context.output.say("   All of it is removed; `demo --keep DIR` leaves it to look at.")
    finally:
        if not arguments.keep:
            from kutterlock.adapters.disk.files import remove_tree

            remove_tree(directory)


def _directory(keep: str | None) -> Path:
    if keep is None:
        import tempfile

        return Path(tempfile.mkdtemp(prefix="kutter-demo-"))
    from kutterlock.adapters.disk.files import real_path

    directory = real_path(Path(keep))
    if directory.exists() or directory.is_symlink():
        raise KutterError(f"{directory} exists", hint="name a directory that is not there yet")
    directory.mkdir(parents=True)
    return directory


def _lay_out(directory: Path, context: Context) -> "Demonstration":
    from kutterlock.demo.project import lay_out

    for program in ("make", "cc"):
        if shutil.which(program, path=context.environ.get("PATH", "")) is None:
            raise KutterError(f"the demonstration needs {program}", hint=f"install {program}")
    context.output.say("-- kutterlock demo: two boards from a miniature Buildroot")
    context.output.say(f"   everything happens in {directory}")
    return lay_out(directory)


def _connected(demonstration: "Demonstration", context: Context) -> None:
    from kutterlock.demo.project import point_at
    from kutterlock.demo.server import serve

    with serve(demonstration.upstream) as url:
        point_at(demonstration, url)
        context.output.say(f"   {url} plays the internet")
        _steps(CONNECTED, demonstration, context)


def _steps(steps: tuple[Step, ...], demonstration: "Demonstration", context: Context) -> None:
    for purpose, words in steps:
        if purpose:
            context.output.say(f"\n-- {purpose}")
        if ROOT_DIGEST in words:
            digest = _root_digest(demonstration, context)
            words = tuple(digest if word == ROOT_DIGEST else word for word in words)  # noqa: PLW2901
        context.output.step(words)
        _run(words, demonstration, context, context.output.for_steps())


def _run(
    words: tuple[str, ...], demonstration: "Demonstration", context: Context, output: Output
) -> None:
    from kutterlock.cli.main import run_command

    arguments = [words[0], "--project", str(demonstration.project), *words[1:]]
    run_command(arguments, {**context.environ, **demonstration.environment()}, output)


def _root_digest(demonstration: "Demonstration", context: Context) -> str:
    shown = Output(as_json=True)
    _run(("trust", "show"), demonstration, context, shown)
    digest: str = shown.facts["offered"]["digest"]
    return digest


def _summarise(demonstration: "Demonstration", context: Context, seconds: float) -> None:
    from kutterlock.adapters.tomlfile import read_lock

    lock = read_lock(demonstration.project / "kutter.lock")
    say = context.output.say
    say("\n-- What happened")
    say(f"   {len(lock.sources)} files pinned by hash for {len(lock.boards)} boards, all fetched")
    say("   from one signed lock, each board built twice: the same bytes, no network in reach.")
    say('   kind = "host" used this machine\'s compiler; pin a Debian build environment instead,')
    say("   and the same lock gives the same bytes on every machine.")
    say(f"   {seconds:.0f} s. Next: `kutterlock init`, or read README.md for Kutter OS itself.")
    context.output.json({"seconds": round(seconds, 1), "sources": len(lock.sources)})
