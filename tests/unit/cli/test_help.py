"""`--help` of every command: it works, it is quick, and what the README says is in it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kutterlock.cli.commands import COMMANDS
from kutterlock.cli.commands.completion import SHELLS
from kutterlock.cli.completion import Command, commands
from kutterlock.cli.main import build_parser, main
from tests.unit.cli.test_startup import HEAVY, REPOSITORY

MOST_MODULES = 120
"""What `--help` may load beyond the interpreter's own start: about 10 ms a hundred."""

EVERY_HELP = """
import contextlib, io, json, sys
before = set(sys.modules)
from kutterlock.cli.main import COMMANDS, main
texts = {}
for words in [["--help"], *([name, "--help"] for name in COMMANDS)]:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            main(words, {})
        except SystemExit as end:
            assert not end.code, words
    texts[words[0]] = printed.getvalue()
json.dump({"texts": texts, "loaded": sorted(set(sys.modules) - before)}, sys.stdout)
"""


@pytest.fixture(scope="module")
def helped() -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-S", "-c", EVERY_HELP], check=True, capture_output=True,
        env={"PYTHONPATH": str(REPOSITORY), "COLUMNS": "100"},
    )  # fmt: skip
    assert done.stderr == b""
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def described() -> dict[str, Command]:
    return {command.name: command for command in commands(build_parser())}


def test_help_of_every_command_loads_nothing_heavy(helped: dict[str, object]) -> None:
    loaded = helped["loaded"]
    assert isinstance(loaded, list)
    assert sorted(set(loaded) & (HEAVY | {"tomli", "hashlib"})) == []
    assert len(loaded) < MOST_MODULES, loaded


def test_help_names_every_command_and_what_it_is_for(
    helped: dict[str, object], described: dict[str, Command]
) -> None:
    texts = helped["texts"]
    assert isinstance(texts, dict)
    assert tuple(described) == tuple(COMMANDS)
    overview = " ".join(texts["--help"].split())
    for name, command in described.items():
        assert command.help, name
        assert f"{name} {command.help}" in overview
        assert texts[name].startswith(f"usage: kutterlock {name} ")
        assert all(option.help for option in command.options), name


def mentions(text: str) -> set[tuple[str, ...]]:
    """Find every `kutterlock VERB ...` of a document."""
    found = re.findall(r"^kutterlock ([a-z][a-z-]*\b)(?!:)((?: [^`\n#|]+)?)", text, re.MULTILINE)
    return {
        (verb, *re.findall(r"(?<= )--?[A-Za-z][a-z-]*", rest.split(" -- ")[0]))
        for verb, rest in found
    }


DOCUMENTS = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_name_only_commands_and_options_that_exist(
    document: Path, described: dict[str, Command]
) -> None:
    text = document.read_text()
    code = re.findall(r"`(kutterlock [^`\n]+)`|^(?:    |\$ )+(kutterlock .*)$", text, re.MULTILINE)
    for verb, *flags in sorted(mentions("\n".join(one or other for one, other in code))):
        assert verb in described, f"{document.name}: kutterlock {verb}"
        unknown = set(flags) - set(described[verb].flags)
        assert not unknown, f"{document.name}: kutterlock {verb} {unknown}"


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_is_a_script_that_its_shell_reads(
    shell: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["completion", shell], {}) == 0
    script = capsys.readouterr().out
    assert "--keep-going" in script or "-l keep-going" in script
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not on this machine")
    path = tmp_path / "script"
    path.write_text(script)
    done = subprocess.run([shell, "-n", str(path)], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def words_of_zsh(script: str, *typed: str) -> list[str]:
    """Ask zsh for the last word's completions; its own functions are stood in for."""
    stand_ins = (
        'compadd() { shift; print -l -- "$@" }; _files() { print files }\n'
        '_describe() { print -l -- "${(@)commands%%:*}" }\n'
    )
    line = " ".join(f"'{word}'" for word in typed)
    asking = f"words=({line}); CURRENT={len(typed)}\n"
    done = subprocess.run(
        ["zsh", "-f", "-c", stand_ins + asking + script], check=True, capture_output=True, text=True
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_zsh_completes(capsys: pytest.CaptureFixture[str]) -> None:
    if not shutil.which("zsh"):
        pytest.skip("zsh is not on this machine")
    assert main(["completion", "zsh"], {}) == 0
    script = capsys.readouterr().out
    assert words_of_zsh(script, "kutterlock", "") == list(COMMANDS)
    assert words_of_zsh(script, "kutterlock", "store", "")[:3] == ["check", "gc", "stats"]
    assert "view" in words_of_zsh(script, "kutterlock", "verify", "")
    assert "--rebuild" in words_of_zsh(script, "kutterlock", "build", "--re")
    assert words_of_zsh(script, "kutterlock", "build", "--sandbox", "") == [
        "bubblewrap", "unshare", "none",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("kutterlock out", ["outdated"]),
        ("kutterlock build --reb", ["--rebuild"]),
        ("kutterlock build --sandbox ", ["bubblewrap", "none", "unshare"]),
        ("kutterlock store ", ["check", "gc", "stats"]),
        ("kutterlock verify bu", ["bundle"]),
    ],
)
def test_fish_completes(
    line: str, expected: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    if not shutil.which("fish"):
        pytest.skip("fish is not on this machine")
    assert main(["completion", "fish"], {}) == 0
    script = f"{capsys.readouterr().out}complete -C '{line}'\n"
    done = subprocess.run(
        ["fish", "--no-config", "-c", script], check=True, capture_output=True, text=True,
        cwd=tmp_path, env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert [shown.split("\t")[0] for shown in done.stdout.splitlines()] == expected


@pytest.mark.parametrize(
    ("words", "position", "expected"),
    [
        (["kutterlock", "out"], 1, ["outdated"]),
        (["kutterlock", "store", ""], 2, ["check", "gc", "stats"]),
        (["kutterlock", "build", "--re"], 2, ["--rebuild"]),
        (["kutterlock", "build", "--sandbox", ""], 3, ["bubblewrap", "unshare", "none"]),
        (["kutterlock", "verify", ""], 2,
         ["lock", "output", "image", "bundle", "file", "store", "view"]),
        (["kutterlock", "sign", ""], 2, ["lock", "bundle"]),
    ],
)  # fmt: skip
def test_bash_completes(
    words: list[str], position: int, expected: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    if not shutil.which("bash"):
        pytest.skip("bash is not on this machine")
    assert main(["completion", "bash"], {}) == 0
    typed = " ".join(f"'{word}'" for word in words)
    script = capsys.readouterr().out + (
        f"COMP_WORDS=({typed}); COMP_CWORD={position}\n"
        '_kutterlock; printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(["bash", "-c", script], check=True, capture_output=True, text=True)
    shown = done.stdout.split()
    assert [word for word in shown if words[-1] or not word.startswith("-")] == expected
