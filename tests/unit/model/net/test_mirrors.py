"""Which places stand in for a URL."""

from collections.abc import Mapping

import pytest

from kutterlock.model.net.mirrors import Place, parse_mirror, places
from kutterlock.model.net.urls import host_matches, login_of, redacted, redirected, without_login

URL = "https://cdn.kernel.org/pub/linux/x%2B1.tar.xz"


def where(
    mirrors: Mapping[str, tuple[str, ...]], *, url: str = URL, by_name: bool = False
) -> list[str]:
    return [str(place) for place in places(url, mirrors, by_name=by_name)]


def test_longest_prefix_first_and_the_url_last() -> None:
    mirrors = {
        "https://cdn.kernel.org/": ("http://near/k/",),
        "https://cdn.kernel.org/pub/": ("http://nearer/", "https://other/sub"),
        "https://elsewhere/": ("http://never/",),
    }
    assert where(mirrors) == [
        "http://nearer/linux/x%2B1.tar.xz",
        "https://other/sub/linux/x%2B1.tar.xz",
        "http://near/k/pub/linux/x%2B1.tar.xz",
        URL,
    ]


def test_the_empty_prefix_keeps_the_host() -> None:
    assert where({"": ("http://cache",)}) == [
        "http://cache/cdn.kernel.org/pub/linux/x%2B1.tar.xz",
        URL,
    ]


def test_directories_hold_decoded_names() -> None:
    mirrors = {"https://cdn.kernel.org/pub/": ("/srv/k", "file:///srv/with%20blank")}
    assert where(mirrors) == ["/srv/k/linux/x+1.tar.xz", "/srv/with blank/linux/x+1.tar.xz", URL]


def test_a_plain_folder_may_hold_the_bare_name_when_a_digest_decides() -> None:
    assert where({"": ("/srv",)}, by_name=True) == [
        "/srv/cdn.kernel.org/pub/linux/x+1.tar.xz",
        "/srv/x+1.tar.xz",
        URL,
    ]
    assert where({"": ("/srv",)}) == ["/srv/cdn.kernel.org/pub/linux/x+1.tar.xz", URL]


@pytest.mark.parametrize("rest", ["../etc/passwd", "%2e%2e/etc/passwd", "a//b", "a%00b", ""])
def test_nothing_leads_out_of_a_directory(rest: str) -> None:
    url = f"https://host/{rest}"
    assert places(url, {"https://host/": ("/srv",)}, by_name=False) == (Place(url),)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://a/=https://b/", ("https://a/", "https://b/")),
        ("https://a/=/srv/b", ("https://a/", "/srv/b")),
        ("/srv/b", ("", "/srv/b")),
        ("/srv/a=b", ("", "/srv/a=b")),
        ("file:///srv", ("", "file:///srv")),
        ("http://cache/", ("", "http://cache/")),
    ],
)
def test_parse_mirror(text: str, expected: tuple[str, str]) -> None:
    assert parse_mirror(text) == expected


def test_parse_mirror_refuses() -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 -- the whole text follows
        parse_mirror("https://a/=relative")
    assert str(caught.value) == (
        "mirror 'https://a/=relative' is neither an http(s) or file URL nor an absolute path"
    )


def test_what_people_see_of_a_url() -> None:
    assert redacted("https://me:secret@host:1/p@th?sig=abc") == "https://host:1/p@th?..."
    assert without_login("https://me:secret@host:1/p@th") == "https://host:1/p@th"
    assert login_of("https://me:s%40t@host/") == ("me", "s@t")
    assert login_of("https://host/me@x") is None


def test_redirects() -> None:
    assert redirected("https://a/b/c", "d#x") == "https://a/b/d"
    assert redirected("https://a/b", "//me:pw@c/d") == "https://c/d"
    for bad in (
        "mailto:x",
        "http:///x",
        "https://h\u00e4/",
        "https://a b/",
        "http://[x",
    ):
        with pytest.raises(ValueError, match=r"^URL "):
            redirected("https://a/b", bad)


def test_host_patterns() -> None:
    assert host_matches("a.pkg.dev", ["*.pkg.dev"])
    assert not host_matches("pkg.dev", ["*.pkg.dev"])
    assert not host_matches("evilpkg.dev", ["*.pkg.dev", "pkg.dev"])


def test_a_star_stands_for_one_segment() -> None:
    mirrors = {"https://snapshot.example/debian/*/": ("http://near/debian/",)}
    stamped = "https://snapshot.example/debian/20260101T000000Z/pool/a.deb"
    assert where(mirrors, url=stamped) == ["http://near/debian/pool/a.deb", stamped]
    bare = "https://snapshot.example/debian//pool/a.deb"
    assert where(mirrors, url=bare) == [bare]
    other = "https://snapshot-example/debian/20260101T000000Z/pool/a.deb"
    assert where(mirrors, url=other) == [other]
