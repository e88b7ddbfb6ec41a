"""The pictures and tables of sizes in docs/ are drawn from the measured data beside them."""

import json
from typing import Any

import pytest

from kutterlock.model.buildroot.sizes import Bars, bars_svg, megabytes
from tests.support.kutter import PROJECT

FOLDER = PROJECT / "docs/sizes"
PAGE = PROJECT / "docs/kutter-os.md"


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "stand-in.json").read_text())
    return found


def test_the_picture_is_drawn_from_the_data(measured: dict[str, Any]) -> None:
    sizes = measured["installed"]
    title = f"{measured['of']}: {megabytes(sum(sizes.values()))}"
    drawn = bars_svg(Bars(title=title, bars=list(sizes.items())))
    picture = FOLDER / "stand-in.svg"
    if not picture.is_file() or picture.read_text() != drawn:
        picture.write_text(drawn)
        pytest.fail("docs/sizes/stand-in.svg was drawn anew: look at it, and commit it")


def test_the_table_has_the_same(measured: dict[str, Any]) -> None:
    rows = [f"| {name} | {megabytes(size)} |" for name, size in measured["installed"].items()]
    text = PAGE.read_text()
    assert "\n".join(rows) in text
    assert f"`rootfs.squashfs` {megabytes(measured['rootfs.squashfs'])}" in text
