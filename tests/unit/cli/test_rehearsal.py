"""`bundle rehearse` of a bundle that is not all there."""

from pathlib import Path

import pytest

from kutterlock.cli.main import main
from kutterlock.model.digest import Digest
from tests.support.bundles import Near, some_files


def test_a_missing_volume_has_to_be_named_from_the_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    near = Near(tmp_path / "near", files=some_files(count=5, size=60_000))
    made = near.create("one.tar", limit=300_000)
    environ = {"HOME": str(tmp_path), "PATH": ""}
    place = ["--project", str(tmp_path), "--unsigned"]
    assert main(["bundle", "rehearse", str(made.paths[0]), *place], environ) == 9
    error, *details, hint = capsys.readouterr().err.splitlines()
    assert error == f"error: not here: volume 2 of 2 of {Digest.of(made.bundle.to_bytes())}"
    assert all(line.startswith("  missing: volume 2: ") for line in details)
    assert hint == "hint: name all volumes at once: of what arrives, a rehearsal keeps nothing"
