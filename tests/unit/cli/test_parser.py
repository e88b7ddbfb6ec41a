"""What is said of a command line that was typed wrongly."""

from pathlib import Path

import pytest

from kutterlock.cli.main import build_parser, main
from kutterlock.cli.parser import take_late_words


@pytest.mark.parametrize(
    ("words", "said", "helped"),
    [
        ("resovle", "'resovle' is no COMMAND; did you mean resolve?", ""),
        ("frobnicate", "'frobnicate' is no COMMAND", ""),
        ("", "the following arguments are required: COMMAND", ""),
        ("build --baord pc", "`kutterlock build` does not take --baord pc; did you mean --board?",
         "build "),
        ("tree --zzz=1", "`kutterlock tree` does not take --zzz=1", "tree "),
        ("tree pc", "`kutterlock tree` does not take pc", "tree "),
        ("bundle crate", "'crate' is no ACTION; did you mean create?", "bundle "),
        ("bundle create --sinse x",
         "`kutterlock bundle` does not take --sinse x; did you mean --since?", "bundle "),
        ("store chek", "'chek' is no action; did you mean check?", "store "),
        ("build --sandbox bwrap", "'bwrap' is no choice of --sandbox; did you mean bubblewrap?",
         "build "),
        ("resolve --as-of today", "argument --as-of: 'today' is not a day such as 2026-11-22",
         "resolve "),
        ("boot", "the following arguments are required: --board", "boot "),
    ],
)  # fmt: skip
def test_it_is_one_sentence_and_names_the_help(
    words: str, said: str, helped: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.split(), {}) == 2
    assert capsys.readouterr().err == (
        f"error: {said}\nhint: `kutterlock {helped}--help` lists what there is\n"
    )


def test_every_command_stands_on_one_line_of_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"], {})
    assert "\n    completion  print a completion script" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "taken"),
    [
        ("sign bundle --key k one two", {"target": "bundle", "file": ["one", "two"]}),
        ("sign lock --key k one", {"target": "lock", "file": ["one"]}),
        ("verify image --at 2026-11-22 place", {"target": "image", "path": [Path("place")]}),
        ("images export --board b out", {"action": "export", "target": "out"}),
        ("diff old --json new", {"before": "old", "after": "new"}),
        ("catalog show runc --json 1.2", {"input": "runc", "version": "1.2"}),
    ],
)
def test_words_may_stand_behind_options(words: str, taken: dict[str, object]) -> None:
    arguments, left = build_parser(words.split()).parse_known_args(words.split())
    take_late_words(arguments, left, arguments.parser)
    assert left == []
    assert {name: getattr(arguments, name) for name in taken} == taken


def test_words_beside_unknown_options_are_nobodys() -> None:
    words = ["verify", "image", "--ta", "x"]
    arguments, left = build_parser(words).parse_known_args(words)
    take_late_words(arguments, left, arguments.parser)
    assert left == ["--ta", "x"]
