"""Headers: what tar reads, and nothing else."""

import io
import tarfile

import pytest

from kutterlock.model.encoding import ustar

NAMES = ["a", "x" * 100, "d/" + "y" * 100, "p" * 155 + "/" + "q" * 100, "project/ä b"]


@pytest.mark.parametrize("name", NAMES)
def test_a_header_is_read_by_tar_and_by_us(name: str) -> None:
    archive = ustar.header(name, 3) + b"abc" + bytes(ustar.padding(3)) + ustar.END
    with tarfile.open(fileobj=io.BytesIO(archive)) as read:
        member = read.getmembers()[0]
        assert (member.name, member.size, member.mode, member.mtime) == (name, 3, 0o644, 0)
        assert read.extractfile(member).read() == b"abc"  # type: ignore[union-attr]
    assert ustar.read_header(archive[:512]) == (name, 3)


@pytest.mark.parametrize("name", ["", "z" * 101, "p" * 156 + "/" + "q" * 100, "d/" + "y" * 101])
def test_names_that_do_not_fit_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"no such name|too long for a plain tar"):
        ustar.header(name, 0)


def test_a_size_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=f"{1 << 33} bytes are too many for a member"):
        ustar.header("a", 1 << 33)


def hostile(**changes: object) -> bytes:
    member = tarfile.TarInfo("a")
    for name, value in changes.items():
        setattr(member, name, value)
    return member.tobuf(tarfile.GNU_FORMAT)[:512]


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        (hostile(type=tarfile.SYMTYPE, linkname="b"), "has a symlink in it: 'a'"),
        (hostile(type=tarfile.LNKTYPE, linkname="b"), "has a hard link in it: 'a'"),
        (hostile(type=tarfile.CHRTYPE), "has a device in it: 'a'"),
        (hostile(type=tarfile.BLKTYPE), "has a device in it: 'a'"),
        (hostile(type=tarfile.FIFOTYPE), "has a pipe in it: 'a'"),
        (hostile(type=tarfile.DIRTYPE), "has a directory in it: 'a/'"),
        (hostile(type=b"x"), "has a pax header in it: 'a'"),
        (hostile(mode=0o4755), "has a header that kutterlock does not write: 'a'"),
        (hostile(mtime=1), "has a header that kutterlock does not write: 'a'"),
        (b"\xff" * 512, "has a name that is not UTF-8"),
        (ustar.header("a", 1)[:-1] + b"x", "has a header with a wrong checksum"),
        (ustar.header("a", 1)[:124] + b"9" + ustar.header("a", 1)[125:],
         "has a header with a wrong size"),
        (b"short", "ends too early"),
    ],
)  # fmt: skip
def test_whatever_else_a_tar_can_hold_is_named(block: bytes, reason: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 -- the whole text is compared below
        ustar.read_header(block)
    assert str(caught.value) == reason
