"""Entry point: read what is ambient, dispatch to a command, turn errors into text and exit codes.

Only the command that is called for is imported; the others stand in the help with their name and
what they are for: `--help` is to stay under 100 ms of CPU.
"""

import argparse
import contextlib
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kutterlock import __version__
from kutterlock.cli.commands import COMMANDS
from kutterlock.cli.context import Context
from kutterlock.cli.output import Output
from kutterlock.cli.progress import ConsoleProgress
from kutterlock.errors import KutterError, UsageError
from kutterlock.model.progress import Progress

INTERRUPTED = 130
USUAL_COLUMNS = 80

if TYPE_CHECKING:
    import datetime

    _Children = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001
else:
    _Children = argparse._SubParsersAction  # noqa: SLF001 -- no public name


def main(argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> int:
    """Run one command and return its exit code; `environ` stands in for the process's own."""
    words = sys.argv[1:] if argv is None else argv
    ambient = os.environ if environ is None else environ
    arguments = argparse.Namespace(json=False)
    progress = ConsoleProgress()
    try:
        arguments = build_parser(words).parse_args(words)
        status = _dispatch(arguments, ambient, progress)
        sys.stdout.flush()
    except KutterError as error:
        report(error, as_json=arguments.json)
        return error.exit_code
    except KeyboardInterrupt:
        print("\ninterrupted: nothing was lost; run the same command again to go on",
              file=sys.stderr)  # fmt: skip
        return INTERRUPTED
    except BrokenPipeError:
        _silence_stdout()
        return 1
    except Exception as error:  # noqa: BLE001 -- nobody is shown a traceback who did not ask
        _silence_stdout()
        report(worded := unexpected(error), as_json=False)
        if ambient.get("KUTTER_TRACEBACK"):
            sys.excepthook(type(error), error, error.__traceback__)
        return worded.exit_code
    finally:
        progress.close()
    return status


def _dispatch(arguments: argparse.Namespace, environ: Mapping[str, str], progress: Progress) -> int:
    context = make_context(arguments, environ, _working_directory(), progress)
    module = importlib.import_module(f"kutterlock.cli.commands.{arguments.module}")
    return module.run(arguments, context) or 0


def _working_directory() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        raise UsageError("the working directory is gone", hint="cd to one that exists") from error


def unexpected(error: Exception) -> KutterError:
    """Word what no part of the program put into words: the machine's errors, and our own faults."""
    if isinstance(error, OSError) and error.errno is not None:
        from kutterlock.adapters.files import explain

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


def _silence_stdout() -> None:
    """Forget what cannot be written, so that the interpreter does not try again at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Parser(argparse.ArgumentParser):
    """Help as wide as the terminal: argparse would import shutil, for 5 ms, to find that out."""

    def __init__(self, **more: Any) -> None:  # noqa: ANN401 -- as argparse has them
        super().__init__(formatter_class=_Help, **more)


class _Help(argparse.HelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


def _columns() -> int:
    with contextlib.suppress(ValueError):
        if columns := int(os.environ.get("COLUMNS", "")):
            return columns
    with contextlib.suppress(ValueError, OSError):
        return os.get_terminal_size().columns or USUAL_COLUMNS
    return USUAL_COLUMNS


class _Commands(_Children):
    """The commands of the parser: each with what it is for, whether it is imported or not."""

    def add_parser(self, name: str, **options: Any) -> argparse.ArgumentParser:  # noqa: ANN401
        return super().add_parser(name, help=COMMANDS[name], **options)


def build_parser(words: Sequence[str] | None = None) -> argparse.ArgumentParser:
    """Build the command line: all of it, or what is needed to read `words`."""
    parser: argparse.ArgumentParser = _Parser(
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
    command.set_defaults(module=name)
    add_common_options(command)


def add_common_options(parser: argparse.ArgumentParser) -> None:
    """Add what every command takes."""
    group = parser.add_argument_group("common options")
    group.add_argument("--project", metavar="DIR", help="the directory of kutter.toml (default: .)")
    group.add_argument("--store", metavar="DIR", help="the store (default: $KUTTER_STORE)")
    group.add_argument("--json", action="store_true", help="print facts as JSON")


def make_context(
    arguments: argparse.Namespace, environ: Mapping[str, str], directory: Path, progress: Progress
) -> Context:
    """Gather the places that a command works in."""
    home = Path(environ.get("HOME", "/"))
    cache_home = Path(environ.get("XDG_CACHE_HOME") or home / ".cache")
    cache = Path(environ.get("KUTTER_CACHE") or cache_home / "kutter")
    store = Path(arguments.store or environ.get("KUTTER_STORE") or cache / "store")
    return Context(
        project=(directory / (arguments.project or ".")).resolve(),
        cache=cache,
        store_path=store,
        environ={**environ, **_said(arguments)},
        output=Output(as_json=arguments.json),
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


def report(error: KutterError, *, as_json: bool) -> None:
    """Print an error: what went wrong, the single facts, what to do next."""
    if as_json:
        import json

        facts = {"error": error.reason, "details": error.details, "hint": error.hint}
        print(json.dumps({**facts, "exit-code": error.exit_code}, indent=1))
        return
    print(f"error: {error.reason}", file=sys.stderr)
    for detail in error.details:
        print(f"  {detail}", file=sys.stderr)
    if error.hint:
        print(f"hint: {error.hint}", file=sys.stderr)
