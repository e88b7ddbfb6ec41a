"""How often long work writes a line where there is no terminal."""

import io

import pytest

from kutterlock.cli.main import main
from kutterlock.cli.progress import PLAIN_INTERVAL, ConsoleProgress, plain_interval
from kutterlock.errors import UsageError


def test_the_user_says_how_often() -> None:
    assert (plain_interval(""), plain_interval("2.5")) == (PLAIN_INTERVAL, 2.5)


@pytest.mark.parametrize("text", ["often", "0", "-1", "nan", "inf"])
def test_anything_else_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        plain_interval(text)
    assert caught.value.as_text() == (
        f"error: KUTTER_PROGRESS={text} is not a number of seconds above zero\n"
        "hint: it is how often long work writes a line to a log (default: 10)"
    )


def test_it_is_said_of_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tree"], {"KUTTER_PROGRESS": "often"}) == 2
    assert "KUTTER_PROGRESS=often" in capsys.readouterr().err


def test_a_line_comes_when_it_is_due_and_not_before() -> None:
    lines = {}
    for interval in (1e-9, 1e6):
        stream = io.StringIO()
        progress = ConsoleProgress(stream, plain=interval)
        progress.start("fetching", total=2, unit="files")
        progress.advance(1)
        progress.close()
        lines[interval] = stream.getvalue()
    assert " fetching    [#########.........] 1/2 files" in lines[1e-9]
    assert lines[1e6] == ""
