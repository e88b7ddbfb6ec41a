"""`--json` of every verb: one document of one shape, whatever the verb came to.

An object with `exit-code`; after a failure with `error`, `details` and `hint` as well.
"""

import contextlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from kutterlock.cli.commands import COMMANDS
from kutterlock.cli.completion import commands
from kutterlock.cli.main import build_parser
from tests.support.line import REPOSITORY, Line, Ran

pytestmark = pytest.mark.integration

BOARD = ("--board", "demo-x86_64")
QEMU = "#!/bin/sh\nprintf 'demo login: '\nexec /bin/sleep 60\n"
WAIT = 1800


STEPS = """
0  init --print
2  init
0  init --project PLACE/other
0  resolve --offline
0  resolve --check
3  resolve --project PLACE/other --check
0  vendor --export PLACE/view
3  vendor --board none
0  tree
0  why linux
2  why nothing
0  diff PROJECT/kutter.lock
18 diff PLACE/before.lock --exit-code
0  outdated
0  audit
0  audit --as-of 2999-01-01 --strict
1  audit --kernel PROJECT/kutter.toml
0  key generate me --no-passphrase
0  key show me
0  key export me
2  key export you
0  trust init --add me=me
0  trust sign --key me
0  trust show
2  trust pin
0  trust pin --digest ROOT
0  trust rotate --key me
6  verify
0  sign --key me
0  sign lock --key me
0  sign PROJECT/kutter.toml --key me
0  verify
0  verify --signatures-only
0  verify lock
0  verify store
0  verify PROJECT/kutter.toml
0  verify file PROJECT/kutter.toml
5  verify view PLACE/view --board demo-x86_64
2  verify image none
0  build --offline --board demo-x86_64
2  build --offline --board demo-x86_64 --vary path
0  boot --board demo-x86_64
13 boot --board demo-x86_64 --expect nothing --timeout 0.1
0  sbom --board demo-x86_64
0  sbom --board demo-x86_64 --to PLACE/bill
2  sbom
0  attest --key me --board demo-x86_64
0  verify output PROJECT/output/demo-x86_64
0  images list
0  images export PLACE/images
0  images push 127.0.0.1:1/images
2  images push
2  images sign
0  bundle create --key me -o PLACE/demo.tar
0  sign bundle PLACE/demo.tar --key me
0  verify bundle PLACE/demo.tar
0  bundle inspect PLACE/demo.tar
0  bundle inventory
0  bundle inventory -o PLACE/inventory
0  bundle import PLACE/demo.tar --into PLACE/into
0  bundle import --abort
0  bundle rehearse PLACE/demo.tar
5  bundle rehearse PROJECT/kutter.lock
0  catalog show
0  catalog show rules
0  catalog show linux
0  catalog show linux 6.12.901
2  catalog update
0  store stats
0  store check
0  store gc --dry-run
0  completion fish
1  demo --keep PLACE/other
"""
"""Exit code and words; what follows finds what was made before."""


def steps(line: Line) -> Iterator[tuple[int, list[str]]]:
    """Yield what each step is to come to, and its words."""
    places = {"PLACE": line.demonstration.directory, "PROJECT": line.project}
    for step in STEPS.strip().splitlines():
        status, *words = step.split()
        for name, place in places.items():
            words = [word.replace(name, str(place)) for word in words]
        yield int(status), words


SHAPE = {"exit-code", "error", "details", "hint"}


def documented() -> dict[str, set[str]]:
    """Read the facts of each command from the table in docs/formats.md."""
    page = (REPOSITORY / "docs/formats.md").read_text().partition("## `--json`\n")[2]
    found: dict[str, set[str]] = {}
    for names, facts in re.findall(r"^\| (`.*`) \| (.*) \|$", page, re.MULTILINE):
        for name in re.findall(r"`([^`]+)`", names):
            found[name] = set(re.findall(r"`([^`]+)`", facts))
    found["store"] |= found["verify"]
    return found


def document(ran: Ran) -> dict[str, Any]:
    """Read the one document, and hold it against its shape."""
    found = json.loads(ran.output)
    assert isinstance(found, dict)
    assert found["exit-code"] == ran.status
    assert "error: " not in ran.errors
    said = {"error", "details", "hint"} & set(found)
    assert said == ({"error", "details", "hint"} if ran.status else set()), found
    if ran.status:
        assert found["error"]
        assert isinstance(found["details"], list)
    else:
        assert len(found) > 1, "no facts"
    return found


@pytest.fixture
def worked(line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Line:
    """A project that can be booted, and a QEMU that says what it should."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/qemu-system-x86_64").write_text(QEMU)
    (tmp_path / "bin/qemu-system-x86_64").chmod(0o755)
    before = line.lock.read_text()
    (line.demonstration.directory / "before.lock").write_text(before.replace("6.12.901", "6.12.9"))
    with line.manifest.open("a") as manifest:
        manifest.write('\n[boards.demo-x86_64.boot]\nkernel = "kernel.bin"\n')
    return line


def test_every_verb_prints_one_document_of_one_shape(worked: Line) -> None:
    named = documented()
    seen: set[tuple[str, str]] = set()
    root = ""
    for status, words in steps(worked):
        ran = worked.run(*(root if word == "ROOT" else word for word in words), "--json")
        assert ran.status == status, (words, ran.output + ran.errors)
        found = document(ran)
        undocumented = set(found) - named[words[0]] - SHAPE
        assert not undocumented, words
        root = found["offered"]["digest"] if words == ["trust", "show"] else root
        seen |= {(words[0], word) for word in ("", *words[1:2])}
    declared = {
        (command.name, word) for command in commands(build_parser())
        for word in ("", *command.words)
    }  # fmt: skip
    shells = {("completion", "bash"), ("completion", "zsh")}
    assert declared - seen == {("shell", ""), *shells}


def in_a_process(line: Line, *words: str) -> Ran:
    """Run a command whose children print, too."""
    done = subprocess.run(
        [sys.executable, "-B", "-m", "kutterlock", words[0], "--project", str(line.project),
         "--json", *words[1:]],
        env={**line.environ(), "PYTHONPATH": str(REPOSITORY)}, check=False, capture_output=True,
        text=True, timeout=WAIT,
    )  # fmt: skip
    return Ran(status=done.returncode, output=done.stdout, errors=done.stderr)


def test_what_a_shell_prints_stays_out_of_the_document(line: Line) -> None:
    ran = in_a_process(line, "shell", *BOARD, "--", "sh", "-c", "echo within; exit 3")
    assert "within" in ran.errors
    assert json.loads(ran.output) == {
        "board": "demo-x86_64", "command": ["sh", "-c", "echo within; exit 3"], "exit-code": 3,
    }  # fmt: skip


def test_the_steps_of_a_demonstration_stay_out_of_the_document(line: Line) -> None:
    ran = in_a_process(line, "demo")
    assert document(ran)["sources"] == 12
    assert "\n-- What happened\n" not in ran.output
    assert "kutter.lock written: 23 pins" in ran.errors


@pytest.mark.parametrize("verb", COMMANDS)
def test_what_was_typed_wrongly_is_a_document_too(verb: str, vendored: Line) -> None:
    ran = vendored.run(verb, "--nonsense", "--json")
    assert (ran.status, ran.errors) == (2, "")
    assert document(ran)["hint"].endswith(" --help` lists what there is")


def test_a_word_after_two_dashes_is_not_ours(line: Line) -> None:
    ran = line.run("shell", "--board", "none", "--", "ls", "--json")
    assert (ran.status, ran.output) == (3, "")


def run_to(line: Line, stdout: str, words: Sequence[str]) -> Ran:
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(Path(stdout).open("w"))
        done = subprocess.run(
            [sys.executable, "-B", "-m", "kutterlock", *words, "--project", str(line.project)],
            env={**line.environ(), "PYTHONPATH": str(REPOSITORY)}, check=False, stdout=file,
            stderr=subprocess.PIPE, text=True, timeout=WAIT,
        )  # fmt: skip
    return Ran(status=done.returncode, output="", errors=done.stderr)


def test_a_document_that_cannot_be_printed_is_told_on_stderr(line: Line) -> None:
    ran = run_to(line, "/dev/full", ["tree", "--json"])
    assert (ran.status, ran.errors) == (14, (
        "error: no space left while writing standard output\n"
        "hint: free some space, or name another disk: --store, --output, KUTTER_CACHE\n"
    ))  # fmt: skip
