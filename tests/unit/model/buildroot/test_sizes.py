"""Who installed how much, and the picture of it."""

from xml.etree import ElementTree

from kutterlock.model.buildroot.sizes import (
    UNOWNED,
    Bars,
    bars_svg,
    installed_sizes,
    megabytes,
    shortened,
)

FILE_LIST = """\
busybox,./bin/busybox
coreutils,./bin/ls
busybox,./bin/ls
openssh,./usr/sbin/sshd
gone,./usr/share/man/man1/ls.1
"""


def test_the_last_package_that_installed_a_file_has_it() -> None:
    files = {"bin/busybox": 700, "bin/ls": 30, "usr/sbin/sshd": 900, "etc/fstab": 5}
    found = installed_sizes(FILE_LIST, files)
    assert list(found.items()) == [("openssh", 900), ("busybox", 730), (UNOWNED, 5)]


def test_what_is_small_is_summed_up() -> None:
    sizes = {"a": 1, "b": 9, "c": 5, "d": 2}
    assert shortened(sizes, 2) == [("b", 9), ("c", 5), ("2 others", 3)]
    assert shortened(sizes, 4) == [("b", 9), ("c", 5), ("d", 2), ("a", 1)]


def test_sizes_are_in_decimal_megabytes() -> None:
    assert [megabytes(size) for size in (140_000_000, 50_000, 49_900)] == [
        "140.0 MB", "0.1 MB", "49.9 kB",
    ]  # fmt: skip


def test_the_picture_is_xml_with_bars_to_scale() -> None:
    picture = Bars(title="pc: <packages>", bars=[("a&b", 4_000_000), ("c", 1_000_000), ("d", 1)])
    root = ElementTree.fromstring(bars_svg(picture))
    space = "{http://www.w3.org/2000/svg}"
    texts = [text.text for text in root.iter(f"{space}text")]
    assert texts == ["pc: <packages>", "a&b", "4.0 MB", "c", "1.0 MB", "d", "0.0 kB"]
    widths = [int(bar.get("width", "0")) for bar in root.iter(f"{space}rect")][1:]
    assert widths == [460, 115, 1]
    assert bars_svg(picture) == bars_svg(picture)


def test_nothing_is_an_empty_picture() -> None:
    assert ElementTree.fromstring(bars_svg(Bars(title="none", bars=[]))).get("height") == "52"
