"""kill -9 while a key is made: at every line of the writing, nothing of the secret stays."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from kutterlock.adapters.signing import keys
from kutterlock.adapters.signing.keys import read_private_key, read_public_key
from kutterlock.cli.main import main
from kutterlock.model.signing import pkcs8

pytestmark = pytest.mark.integration

WRITING = frozenset({
    "_generate", "_new", "write_private_key", "write_public_key", "_write_new",
    "_write_nameless", "_write_named", "_fill", "_name",
})  # fmt: skip
MOST_LINES = 200
Trace = Callable[[FrameType, str, Any], Any]


def killer(line: int) -> Trace:
    """Return a trace function that kills its process before a line of the writing is run."""
    left = line

    def each(_: FrameType, event: str, __: object) -> Trace:
        nonlocal left
        left -= event == "line"
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return each

    def trace(frame: FrameType, _: str, __: object) -> Trace | None:
        return each if frame.f_code.co_name in WRITING else None

    return trace


def generate(place: Path, *words: str, line: int | None = None) -> int:
    """Run `key generate` in a process of its own, killed before one line; returns how it ended."""
    child = os.fork()
    if not child:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if line is not None:
            sys.settrace(killer(line))
        environ = {"KUTTER_CONFIG": str(place / "config.toml"), "PASS": "a passphrase"}
        os._exit(main(["key", "generate", "release", *words], environ))
    return os.waitpid(child, 0)[1]


def killed(place: Path, *words: str) -> Iterator[tuple[Path, set[str]]]:
    """Kill `key generate` before each of its lines; yield where, and the files that are there."""
    for line in range(MOST_LINES):
        attempt = place / str(line)
        attempt.mkdir()
        (attempt / "config.toml").touch()
        status = generate(attempt, *words, line=line)
        if status == 0:
            return
        assert status == signal.SIGKILL
        found = {path.name for path in attempt.rglob("*") if path.is_file()}
        yield attempt, found - {"config.toml"}


@pytest.fixture(autouse=True)
def _quick_passphrases(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (keys, pkcs8):
        monkeypatch.setattr(module, "ROUNDS", 1000)


@pytest.mark.parametrize("words", [["--no-passphrase"], ["--passphrase-env", "PASS"]])
def test_a_kill_leaves_no_half_key_and_the_next_run_finishes(
    words: list[str], tmp_path: Path
) -> None:
    kills = 0
    for place, made in killed(tmp_path, *words):
        kills += 1
        assert made in (set(), {"release.pem"}, {"release.pem", "release.pub.pem"})
        private = place / "keys/release.pem"
        if made:
            read_private_key(private, lambda: b"a passphrase")
        if len(made) < 2:
            assert generate(place, *words) == 0
        signer = read_private_key(private, lambda: b"a passphrase")
        assert read_public_key(private.with_suffix(".pub.pem")) == signer.public
    assert kills > 20


def test_without_nameless_files_the_secret_has_its_own_name_from_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a file system that does not have them: a kill may leave that file cut off."""
    monkeypatch.setattr(keys, "_write_nameless", lambda *_: False)
    kills = 0
    for _, made in killed(tmp_path, "--no-passphrase"):
        kills += 1
        assert made <= {"release.pem", "release.pub.pem"}
    assert kills > 20
