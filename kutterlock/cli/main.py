"""Entry point: read what is ambient, dispatch to a command, turn errors into text and exit codes.

Only the command that is called for is imported; the others stand in the help with their name and
what they are for: `--help` is to stay under 100 ms of CPU.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kutterlock import __version__
from kutterlock.cli.commands import COMMANDS
from kutterlock.cli.context import Context
from kutterlock.cli.output import Output
from kutterlock.cli.parser import Parser, meant, take_late_words
from kutterlock.cli.progress import ConsoleProgress, plain_interval
from kutterlock.errors import InterruptionError, KutterError, UsageError
from kutterlock.model.progress import Progress

if TYPE_CHECKING:
    import datetime

    _Children = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001
else:
    _Children = argparse._SubParsersAction  # noqa: SLF001 -- no public name


def main(argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> int:
    """Run one command and return its exit code; `environ` stands in for the process's own."""
    words = sys.argv[1:] if argv is None else argv
    ambient = os.environ if environ is None else environ
    try:
        return _carry_out(words, ambient, Output(as_json=_asks_for_json(words)))
    except OSError:  # a failure that could not be printed
        _silence_stdout()
        return 1


def _carry_out(words: Sequence[str], environ: Mapping[str, str], output: Output) -> int:
    """Run a command and print what it came to, a failure too."""
    try:
        status = run_command(words, environ, output)
        output.close(status)
    except KutterError as error:
        failure = error
    except KeyboardInterrupt as stop:
        failure = InterruptionError(*stop.args)
    except Exception as error:  # noqa: BLE001 -- nobody is shown a traceback who did not ask
        is_broken = _silence_stdout()
        if is_broken and isinstance(error, BrokenPipeError):
            return 1  # whoever read it has seen enough
        output.as_json = output.as_json and not is_broken
        failure = unexpected(error)
        if environ.get("KUTTER_TRACEBACK"):
            sys.excepthook(type(error), error, error.__traceback__)
    else:
        return status
    output.fail(failure)
    return failure.exit_code


def _asks_for_json(words: Sequence[str]) -> bool:
    """Say whether failures are to be JSON, which holds before the command line is understood."""
    return "--json" in list(takewhile(lambda word: word != "--", words))


def run_command(words: Sequence[str], environ: Mapping[str, str], output: Output) -> int:
    """Run one command; return its exit code, or raise what went wrong."""
    progress = ConsoleProgress(plain=plain_interval(environ.get("KUTTER_PROGRESS", "")))
    try:
        arguments, left = build_parser(words).parse_known_args(words)
        take_late_words(arguments, left, arguments.parser)
        _require_nothing_left(left, arguments.parser)
        output.as_json = output.as_json or arguments.json
        context = make_context(arguments, environ, _working_directory(), output, progress)
        module = importlib.import_module(f"kutterlock.cli.commands.{arguments.module}")
        return module.run(arguments, context) or 0
    finally:
        progress.close()


def _require_nothing_left(left: Sequence[str], command: argparse.ArgumentParser) -> None:
    """Raise UsageError for words that a command does not take."""
    if not left:
        return
    from kutterlock.cli.completion import flags_of

    near = meant(left[0].partition("=")[0], flags_of(command))
    raise UsageError(
        f"`{command.prog}` does not take {' '.join(left)}{near}",
        hint=f"`{command.prog} --help` lists what there is",
    )


def _working_directory() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        raise UsageError("the working directory is gone", hint="cd to one that exists") from error


def unexpected(error: Exception) -> KutterError:
    """Word what no part of the program put into words: the machine's errors, and our own faults."""
    if isinstance(error, OSError) and error.errno is not None:
        from kutterlock.adapters.disk.files import explain

        return explain(error, Path(os.fsdecode(error.filename or "standard output")))
    if isinstance(error, MemoryError):
        return KutterError("this machine has too little memory", hint="try fewer jobs: -j 1")
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "?"
    return KutterError(
        f"kutterlock met what it did not expect: {type(error).__name__}: {error}",
        details=[f"at {place}"],
        hint="this is a fault of kutterlock: report it, with what KUTTER_TRACEBACK=1 shows",
    )


def _silence_stdout() -> bool:
    """Forget what cannot be written, so that the interpreter does not try again at its end.

    Returns whether there was something of that kind.
    """
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False


class _Commands(_Children):
    """The commands of the parser: each with what it is for, whether it is imported or not."""

    def add_parser(self, name: str, **options: Any) -> argparse.ArgumentParser:  # noqa: ANN401
        return super().add_parser(name, help=COMMANDS[name], **options)


def build_parser(words: Sequence[str] | None = None) -> argparse.ArgumentParser:
    """Build the command line: all of it, or what is needed to read `words`."""
    parser: argparse.ArgumentParser = Parser(
        prog="kutterlock",
        description="Pin, vendor and build a whole operating system from one lock.",
    )
    parser.add_argument("--version", action="version", version=f"kutterlock {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, action=_Commands)
    first = words[:1] if words else ()
    for name in first if set(first) & set(COMMANDS) else COMMANDS:
        if words is None or name in words:
            _declare(name, commands)
        else:
            commands.add_parser(name, add_help=False)
    return parser


def _declare(name: str, commands: _Children) -> None:
    module = importlib.import_module(f"kutterlock.cli.commands.{name}")
    command: argparse.ArgumentParser = module.add(commands)
    command.set_defaults(module=name, parser=command)
    add_common_options(command)


def add_common_options(parser: argparse.ArgumentParser) -> None:
    """Add what every command takes."""
    group = parser.add_argument_group("common options")
    group.add_argument("--project", metavar="DIR", help="the directory of kutter.toml (default: .)")
    group.add_argument("--store", metavar="DIR", help="the store (default: $KUTTER_STORE)")
    group.add_argument("--json", action="store_true", help="print facts as JSON")


def make_context(
    arguments: argparse.Namespace,
    environ: Mapping[str, str],
    directory: Path,
    output: Output,
    progress: Progress,
) -> Context:
    """Gather the places that a command works in."""
    home = Path(environ.get("HOME", "/"))
    cache_home = Path(environ.get("XDG_CACHE_HOME") or home / ".cache")
    cache = Path(environ.get("KUTTER_CACHE") or cache_home / "kutter")
    store = Path(arguments.store or environ.get("KUTTER_STORE") or cache / "store")
    return Context(
        # as `real_path` does, whose import `--help` would have to wait for
        project=Path(os.path.realpath(directory / (arguments.project or "."))),
        cache=cache,
        store_path=store,
        environ={**environ, **_said(arguments)},
        output=output,
        progress=progress,
        now=_now,
    )


def _now() -> "datetime.datetime":
    import datetime

    return datetime.datetime.now(datetime.UTC)


def _said(arguments: argparse.Namespace) -> dict[str, str]:
    """Return what options say in place of environment variables."""
    mirror: str | None = getattr(arguments, "debian_mirror", None)
    return {"KUTTER_DEBIAN_MIRROR": mirror} if mirror else {}
