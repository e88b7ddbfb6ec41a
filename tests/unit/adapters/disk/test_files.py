import errno
import os
from pathlib import Path

import pytest

from kutterlock.adapters.disk.files import contained, explain, real_path, write_atomically
from kutterlock.errors import KutterError, NoSpaceError, UsageError
from kutterlock.model.paths import RelativePath

PATH = Path("/somewhere/file")


@pytest.mark.parametrize(
    ("number", "kind", "reason", "hint"),
    [
        (
            errno.ENOSPC,
            NoSpaceError,
            "no space left while writing /somewhere/file",
            "free some space, or name another disk: --store, --output, KUTTER_CACHE",
        ),
        (
            errno.EDQUOT,
            NoSpaceError,
            "no space left while writing /somewhere/file",
            "free some space, or name another disk: --store, --output, KUTTER_CACHE",
        ),
        (
            errno.EROFS,
            KutterError,
            "/somewhere/file is on a read-only file system",
            "name a writable place: --store, --output, KUTTER_CACHE",
        ),
        (
            errno.EACCES,
            KutterError,
            "/somewhere/file: this user may not do that (Permission denied)",
            "change its owner or mode, or name another place with --store or KUTTER_STORE",
        ),
        (errno.EIO, KutterError, "/somewhere/file: Input/output error", ""),
    ],
)
def test_each_trouble_with_a_file_says_what_to_do(
    number: int, kind: type[KutterError], reason: str, hint: str
) -> None:
    error = explain(OSError(number, os.strerror(number)), PATH)
    assert type(error) is kind
    assert (error.reason, error.hint) == (reason, hint)


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert [item.name for item in path.parent.iterdir()] == ["file"]


def test_a_symlink_that_leads_in_a_circle_is_left_to_whoever_opens_it(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    assert real_path(tmp_path / "loop/file") == tmp_path / "loop/file"
    assert contained(tmp_path, RelativePath("loop/file")) == tmp_path / "loop/file"
    (tmp_path / "out").symlink_to(tmp_path.parent)
    with pytest.raises(UsageError, match="leads out of"):
        contained(tmp_path, RelativePath("out/loop"))
