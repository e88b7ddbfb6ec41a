"""`bundle create --python`, `--wheels`: puts kutterlock itself into the bundle."""

import argparse
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from kutterlock.cli.context import Context
from kutterlock.errors import UsageError

if TYPE_CHECKING:
    from kutterlock.bundle.create import Tool

_PYTHON = re.compile(r"3\.(1[1-9]|[2-9][0-9])\Z")


def check_options(arguments: argparse.Namespace) -> None:
    """Raise UsageError for a Python or an architecture that there is no kutterlock for."""
    from kutterlock.model.manifest import ARCHITECTURES

    for python in arguments.python:
        if not _PYTHON.match(python):
            raise UsageError(
                f"--python {python}: kutterlock runs on Python 3.11 and newer",
                hint="write it like 3.12",
            )
    for architecture in arguments.arch:
        if architecture not in ARCHITECTURES:
            raise UsageError(f"--arch {architecture}: write {' or '.join(ARCHITECTURES)}")
    if arguments.arch and not arguments.python:
        raise UsageError("--arch goes with --python: it says where that Python runs")


def make_tools(
    arguments: argparse.Namespace, context: Context, workplace: Path
) -> "tuple[Tool, ...]":
    """Gather bootstrap and wheels, in `workplace`; nothing when nobody asked for them."""
    if not arguments.python and not arguments.wheels:
        return ()
    from kutterlock.bundle.wheels import Target, collect_tools, download_wheels

    if arguments.wheels:
        if not arguments.wheels.is_dir():
            raise UsageError(f"--wheels {arguments.wheels} is not a directory")
        return collect_tools(arguments.wheels, workplace)
    targets = [
        Target(python=python, architecture=architecture)
        for python in arguments.python
        for architecture in arguments.arch or [os.uname().machine]
    ]
    wheels = workplace / "wheels"
    secret = arguments.passphrase_env  # whatever its name: pip_environment() goes by names
    environ = {name: value for name, value in context.environ.items() if name != secret}
    download_wheels(targets, wheels, environ)
    return collect_tools(wheels, workplace)
