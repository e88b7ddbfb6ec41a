from pathlib import Path

import pytest

from kutterlock.adapters.apt import Source, debian_mirrors, parse_deb822, parse_one_line
from kutterlock.errors import UsageError

DEBIAN = "https://snapshot.debian.org/archive/debian/*/"
SECURITY = "https://snapshot.debian.org/archive/debian-security/*/"

ONE_LINE = """\
# deb http://old.example/debian trixie main
deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian trixie main # ours
deb-src http://mirror.example/debian trixie main
deb http://mirror.example/debian trixie-updates main
deb http://mirror.example/debian-security/ trixie-security main
deb https://other.example/tools stable main
nonsense
"""

DEB822 = """\
Types: deb deb-src
# where
URIs: https://one.example/debian/ file:///srv/debian
Suites: trixie trixie-updates
Components: main

Enabled: no
Types: deb
URIs: https://two.example/debian
Suites: trixie

Types: deb-src
URIs: https://three.example/debian
Suites: trixie
"""


def test_one_line_sources_are_read() -> None:
    assert list(parse_one_line(ONE_LINE)) == [
        Source("http://mirror.example/debian", "trixie"),
        Source("http://mirror.example/debian", "trixie-updates"),
        Source("http://mirror.example/debian-security/", "trixie-security"),
        Source("https://other.example/tools", "stable"),
    ]


def test_deb822_sources_are_read() -> None:
    assert list(parse_deb822(DEB822)) == [
        Source("https://one.example/debian/", "trixie"),
        Source("https://one.example/debian/", "trixie-updates"),
        Source("file:///srv/debian", "trixie"),
        Source("file:///srv/debian", "trixie-updates"),
    ]
    assert list(parse_deb822("no field\n")) == []


def test_the_machines_configuration_gives_mirrors_of_both_archives(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text(ONE_LINE)
    (tmp_path / "sources.list.d/debian.sources").write_text(DEB822)
    assert debian_mirrors("auto", tmp_path) == {
        DEBIAN: ("http://mirror.example/debian/", "https://one.example/debian/",
                 "file:///srv/debian/"),
        SECURITY: ("http://mirror.example/debian-security/",),
    }  # fmt: skip


def test_a_machine_without_debian_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        debian_mirrors("auto", tmp_path)
    assert caught.value.reason == f"{tmp_path} names no mirror of Debian"
    assert caught.value.hint == "name one: KUTTER_DEBIAN_MIRROR=http://mirror.example/debian"


@pytest.mark.parametrize(
    "url", ["http://m.example/debian", "http://m.example/debian/", "http://m.example"]
)
def test_a_mirror_may_be_named(url: str) -> None:
    assert debian_mirrors(url) == {
        DEBIAN: ("http://m.example/debian/",),
        SECURITY: ("http://m.example/debian-security/",),
    }


def test_a_mirror_that_is_no_url_is_an_error() -> None:
    with pytest.raises(UsageError) as caught:
        debian_mirrors("mirror")
    assert caught.value.reason == (
        "debian-mirror: 'mirror' is neither 'auto' nor an http, https or file URL"
    )
