"""What commands print: whosever text it is, a terminal shows it and obeys none of it."""

import io
from pathlib import Path

import pytest

from kutterlock.adapters.tomlfile import write_lock
from kutterlock.cli.main import main
from kutterlock.cli.output import Output, on_one_line, visible
from kutterlock.cli.progress import ConsoleProgress
from kutterlock.errors import KutterError
from tests.support import samples

HOSTILE = "6.12\x1b[2J\x1b]0;title\x07\r\x9b1m\x7f\u202e\u2066\u2028"
SPELT = "6.12\\x1b[2J\\x1b]0;title\\x07\\x0d\\x9b1m\\x7f\\u202e\\u2066\\u2028"


def test_what_a_terminal_would_obey_is_spelt_out() -> None:
    assert visible(HOSTILE) == SPELT
    assert visible("grün 中文\ta\nb") == "grün 中文\ta\nb"
    assert on_one_line(f"{HOSTILE}\n\tok") == f"{SPELT}\\x0a\\x09ok"


def test_lines_and_tables_are_for_people_and_documents_are_as_they_are() -> None:
    stream = io.StringIO()
    output = Output(as_json=False, stream=stream)
    output.say(HOSTILE)
    output.table([("linux", f"1\n{HOSTILE}")])
    output.document(HOSTILE)
    assert stream.getvalue() == f"{SPELT}\n linux  1\\x0a{SPELT}\n{HOSTILE}\n"


def test_errors_are_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    error = KutterError(HOSTILE, details=[HOSTILE], hint=HOSTILE)
    Output(as_json=False).fail(error)
    assert capsys.readouterr().err == f"error: {SPELT}\n  {SPELT}\nhint: {SPELT}\n"


def test_progress_is_for_people() -> None:
    stream = io.StringIO()
    progress = ConsoleProgress(stream, plain=1e-9)
    progress.note(HOSTILE)
    progress.start("fetching")
    progress.advance(1, f"{HOSTILE}\nok")
    progress.close()
    assert stream.getvalue().startswith(f"{SPELT}\n fetching    ")
    assert f"  {SPELT}\\x0aok  0:00\n" in stream.getvalue()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("why", "buildroot"), f"buildroot {SPELT}\\x0a ok (input)\n"),
        (("diff", "OLD"), f"-> {SPELT}\\x0a ok\n"),
    ],
)
def test_a_lock_cannot_forge_a_line_of_a_review(
    words: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = samples.lock()
    write_lock(tmp_path / "old.lock", lock)
    pin = lock.inputs["buildroot"]._replace(version=f"{HOSTILE}\n ok")
    write_lock(tmp_path / "kutter.lock", lock._replace(inputs={"buildroot": pin}))
    places = {"OLD": str(tmp_path / "old.lock")}
    main([*(places.get(word, word) for word in words), "--project", str(tmp_path)], {})
    assert said in capsys.readouterr().out
