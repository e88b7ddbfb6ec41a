"""diffoscope, where it is installed: explains how two files differ."""

from pathlib import Path

from kutterlock.adapters.process import find_program, run

MOST_LINES = 60
TIMEOUT = 300.0
"""Seconds; a disk image can take diffoscope for ever."""


def explain_difference(one: Path, two: Path, search_path: str) -> list[str]:
    """Return the first lines of diffoscope's report, or how to get one."""
    program = find_program("diffoscope", search_path)
    if program is None:
        return [f"install diffoscope and run: diffoscope {one} {two}"]
    if not (one.exists() and two.exists()):
        return []
    argv = [str(program), "--text", "-", "--no-progress", str(one), str(two)]
    report = run(argv, {"PATH": search_path, "LC_ALL": "C.UTF-8"}, timeout=TIMEOUT)
    lines = report.output.decode("utf-8", "replace").splitlines()
    more = [f"... {len(lines) - MOST_LINES} more lines"] if len(lines) > MOST_LINES else []
    return [*lines[:MOST_LINES], *more]
