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


@pytest.mark.parametrize(
    ("total", "figures"),
    [
        ((4_000_000, True), "1.0 MB of at least 4.0 MB, "),
        ((500_000, True), "1.0 MB of at least 1.0 MB, "),
        ((1_000_000, False), "1.0 MB of 1.0 MB, 0:00 left, "),
        ((0, False), "1.0 MB, "),
    ],
)
def test_what_is_left_is_told_where_all_of_it_is_known(
    total: tuple[int, bool], figures: str
) -> None:
    stream = io.StringIO()
    progress = ConsoleProgress(stream, plain=1e-9)
    progress.start("fetching", unit="bytes")
    progress.expect(total[0], at_least=total[1])
    progress.advance(1_000_000, "file")
    progress.close()
    last = stream.getvalue().splitlines()[-1]
    assert last.startswith(f" fetching    {figures}")
    assert last.endswith("/s  file  0:00")
