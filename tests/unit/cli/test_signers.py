"""A passphrase that is asked for on a terminal."""

import contextlib
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.line import REPOSITORY


def read_until(master: int, text: str) -> str:
    """Read a terminal until it shows `text`, or to its end (EIO)."""
    shown = b""
    with contextlib.suppress(OSError):
        while not text or text.encode() not in shown:
            shown += os.read(master, 4096)
    return shown.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("typed", [[], [b"secret\n"]])
def test_the_end_of_the_input_at_a_prompt_is_told(tmp_path: Path, typed: list[bytes]) -> None:
    environ = {"KUTTER_CONFIG": str(tmp_path / "config.toml"), "PYTHONPATH": str(REPOSITORY)}
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-B", "-m", "kutterlock", "key", "generate", "release"],
        env=environ, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    prompts = [f"Passphrase of {tmp_path}/keys/release.pem: ", "Once more: "]
    for prompt, answer in zip(prompts, [*typed, b"\x04"], strict=False):
        read_until(master, prompt)
        os.write(master, answer)
    shown = read_until(master, "")
    os.close(master)
    assert process.wait() == 2
    assert shown == (
        "\nerror: no passphrase was typed: the input ended (Ctrl-D)\n"
        "hint: nothing was written; type one, or use --passphrase-file or --passphrase-env\n"
    )
    assert not list(tmp_path.iterdir())
