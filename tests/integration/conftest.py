"""Projects on the embedded upstream: resolved and vendored once, copied for each test."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.line import Line, copy_of, make_line


@pytest.fixture(scope="session")
def vendored(tmp_path_factory: pytest.TempPathFactory) -> Line:
    """A project that was resolved and vendored: look at it, and work on copies."""
    for program in ("make", "cc"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not on this machine")
    line = make_line(tmp_path_factory.mktemp("vendored") / "demo")
    with line.connected():
        line.must("resolve")
        line.must("vendor")
    return line


@pytest.fixture
def line(vendored: Line, tmp_path: Path) -> Line:
    """A vendored project of its own, with no network."""
    return copy_of(vendored, tmp_path / "demo")


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Line]:
    """A project as written, with its upstream answering."""
    made = make_line(tmp_path / "demo")
    with made.connected():
        yield made
