"""What is said of a command line that was typed wrongly."""

import pytest

from kutterlock.cli.main import main


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
