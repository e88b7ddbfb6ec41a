"""pip, run for the bundle: what it gets to see, and what is shown of it."""

import json
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from kutterlock.bundle.wheels import (
    Target,
    download_wheels,
    find_requirements,
    pip_command,
    pip_environment,
)
from kutterlock.errors import NetworkError

TARGET = Target(python="3.11", architecture="x86_64")
OURS = {
    "PATH": "/usr/bin", "HOME": "/home/me", "TMPDIR": "/tmp", "LANG": "C.UTF-8", "LC_ALL": "C",
    "XDG_CONFIG_HOME": "/c", "PIP_INDEX_URL": "https://user:token@index.example/simple",
    "https_proxy": "http://proxy.example", "NO_PROXY": "localhost", "SSL_CERT_FILE": "/ca.pem",
    "REQUESTS_CA_BUNDLE": "/ca.pem",
}  # fmt: skip
SECRETS = {"SECRETPW": "topsecret", "GITHUB_TOKEN": "x", "KUTTER_STORE": "/s", "PIPE": "x"}


@pytest.fixture
def environment(tmp_path: Path) -> Mapping[str, str]:
    """An environment in which pip hands over to a program that fails and notes what it got."""
    program = tmp_path / "python"
    program.write_text(
        f"#!{sys.executable} -IS\n"
        "import json, os, sys\n"
        f"json.dump(dict(os.environ), open({str(tmp_path / 'seen')!r}, 'w'))\n"
        "url = os.environ['PIP_INDEX_URL']\n"
        "sys.exit(f'WARNING: Retrying: {url}\\nERROR: nothing at {url}/a and http://b:c@d@e/')\n"
    )
    program.chmod(0o755)
    return {**OURS, **SECRETS, "TMPDIR": str(tmp_path), "PIP_PYTHON": str(program)}


def test_pip_gets_its_settings_and_no_secret() -> None:
    assert pip_environment({**OURS, **SECRETS}) == OURS


def test_a_failure_of_pip_shows_no_login_and_no_environment(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    with pytest.raises(NetworkError) as caught:
        download_wheels([TARGET], tmp_path / "wheels", environment)
    argv = pip_command(TARGET, find_requirements(), tmp_path / "wheels")
    assert caught.value.as_text() == (
        "error: pip could not fetch the wheels for Python 3.11 on x86_64\n"
        "  WARNING: Retrying: https://index.example/simple\n"
        "  ERROR: nothing at https://index.example/simple/a and http://e/\n"
        "hint: run the command again, or name a folder that has the wheels with --wheels; "
        f"pip was run as: {shlex.join(argv)}"
    )
    seen = json.loads((tmp_path / "seen").read_text())
    assert not SECRETS.keys() & seen.keys()
