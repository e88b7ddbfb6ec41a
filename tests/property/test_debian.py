import io
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kutterlock.adapters.archives.deb import Deb
from kutterlock.adapters.archives.tarstream import TarStream
from kutterlock.errors import KutterError
from kutterlock.model.debian.index import PackageIndex, Release
from kutterlock.model.debian.layout import check_link, member_path
from kutterlock.model.debian.version import DebianVersion, parse_relations, show_clause
from kutterlock.model.encoding.deb822 import parse_stanza
from tests.support.debs import Entry, deb_bytes, link, tar_bytes

pytestmark = pytest.mark.property

TEXT = st.text("0123456789abAZ.+~", max_size=8)
VERSIONS = st.builds(
    lambda epoch, upstream, revision: epoch + "0" + upstream + revision,
    st.sampled_from(["", "0:", "1:"]),
    TEXT,
    st.sampled_from(["", "-0", "-1", "-1~bpo", "-1+b1"]),
)


@given(VERSIONS, VERSIONS, VERSIONS)
def test_versions_are_totally_ordered(one: str, two: str, three: str) -> None:
    low, middle, high = sorted(map(DebianVersion.parse, (one, two, three)))
    assert low <= middle <= high
    assert low <= high
    assert (low == middle) == (not low < middle)


@given(VERSIONS, VERSIONS)
def test_versions_are_ordered_as_dpkg_orders_them(one: str, two: str) -> None:
    dpkg = shutil.which("dpkg")
    if dpkg is None:
        pytest.skip("dpkg is not on this machine")
    status = subprocess.run([dpkg, "--compare-versions", one, "lt", two], check=False).returncode
    assert (DebianVersion.parse(one) < DebianVersion.parse(two)) == (status == 0)


@given(st.text(max_size=60))
def test_relations_give_values_or_a_value_error(text: str) -> None:
    try:
        clauses = parse_relations(text)
    except ValueError:
        return
    assert parse_relations(", ".join(map(show_clause, clauses))) == clauses


@given(st.text(max_size=200))
def test_stanzas_give_values_or_a_value_error(text: str) -> None:
    for parse in (parse_stanza, Release.parse):
        try:
            parse(text)
        except ValueError:
            continue


@given(st.binary(max_size=400))
def test_package_lists_give_packages_or_a_value_error(data: bytes) -> None:
    index = PackageIndex("amd64")
    try:
        index.add_list([b"Package: a\nVersion: 1\n", data], "debian")
        index.get("a")
    except ValueError:
        return
    assert len(index) >= 1


@given(st.text(st.sampled_from("./ab\\\0\n"), max_size=12))
def test_a_member_is_below_the_root_or_refused(name: str) -> None:
    try:
        path = member_path(name)
    except ValueError:
        return
    assert not path.startswith("/")
    assert ".." not in path.split("/")
    assert path == "" or all(path.split("/"))


@given(st.text(st.sampled_from("./ab"), max_size=12), st.integers(0, 3))
def test_a_link_that_is_let_through_never_climbs_out(target: str, depth: int) -> None:
    path = "d/" * depth + "link"
    try:
        check_link(path, target)
    except ValueError:
        return
    place = [] if target.startswith("/") else ["d"] * depth
    for part in target.split("/"):
        if part == "..":
            place.pop()
        elif part not in ("", "."):
            place.append(part)


HONEST = deb_bytes("a", [Entry(name="./usr/a", data=b"x" * 600), link("./b", "usr/a")], suffix="")


@given(st.integers(0, len(HONEST) - 1), st.integers(1, 255))
def test_a_damaged_package_is_read_or_refused(place: int, change: int) -> None:
    data = bytearray(HONEST)
    data[place] ^= change
    deb = Deb(io.BytesIO(bytes(data)), "a.deb")
    try:
        deb.control()
        tar = deb.data()
        sizes = [len(b"".join(tar.content())) for _ in tar.members()]
    except KutterError:
        return
    assert sum(sizes) <= len(data)


@given(st.binary(max_size=2000), st.booleans())
def test_a_damaged_archive_is_read_or_refused(noise: bytes, append: bool) -> None:  # noqa: FBT001
    honest = tar_bytes([Entry(name="./a", data=b"1")])
    data = honest[:1024] + noise if append else noise + honest
    try:
        members = list(TarStream([data], "a").members())
    except KutterError:
        return
    assert len(members) <= len(data) // 512
