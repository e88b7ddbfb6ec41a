"""`bundle create --python`: what of the command line reaches pip."""

import argparse
import datetime
import json
import sys
from pathlib import Path

import pytest

from kutterlock.cli.bundle_tools import make_tools
from kutterlock.cli.context import Context
from kutterlock.cli.output import Output
from kutterlock.errors import NetworkError
from kutterlock.model.progress import Silence


def options(**said: object) -> argparse.Namespace:
    usual: dict[str, object] = {"python": [], "arch": [], "wheels": None, "passphrase_env": None}
    return argparse.Namespace(**{**usual, **said})


def context(place: Path, **environ: str) -> Context:
    return Context(
        project=place, cache=place, store_path=place, environ=environ, progress=Silence(),
        output=Output(as_json=False), now=lambda: datetime.datetime.now(datetime.UTC),
    )  # fmt: skip


def test_the_passphrase_never_reaches_pip_whatever_it_is_called(tmp_path: Path) -> None:
    program, seen = tmp_path / "python", tmp_path / "seen"
    program.write_text(
        f"#!{sys.executable} -IS\n"
        f"import json, os\njson.dump(dict(os.environ), open({str(seen)!r}, 'w'))\nexit(1)\n"
    )
    program.chmod(0o755)
    environ = {"PIP_PYTHON": str(program), "PIP_SECRET": "topsecret", "TMPDIR": str(tmp_path)}
    arguments = options(python=["3.11"], passphrase_env="PIP_SECRET")
    with pytest.raises(NetworkError):
        make_tools(arguments, context(tmp_path, **environ), tmp_path)
    assert "topsecret" not in seen.read_text()
    assert json.loads(seen.read_text())["PIP_PYTHON"] == str(program)
