"""show-info read into values, and what is wrong with it named."""

import json

import pytest

from kutterlock.errors import KutterError
from kutterlock.model.buildroot.showinfo import (
    Download,
    Package,
    clean_url,
    is_on_language_registry,
    parse_show_info,
)
from kutterlock.model.paths import RelativePath

ZLIB = {
    "type": "target", "name": "libzlib", "virtual": False, "version": "1.3.1",
    "licenses": "Zlib", "license_files": ["README"], "redistributable": True,
    "cpe-id": "cpe:2.3:a:zlib:zlib:1.3.1:-:*:*:*:*:*:*", "dl_dir": "libzlib",
    "package_dir": "package/libzlib", "provides": ["zlib"],
    "downloads": [
        {
            "source": "zlib-1.3.1.tar.xz",
            "uris": [
                "https+https://www.zlib.net",
                "https|urlencode+https://sources.buildroot.net/libzlib",
                "https|urlencode+https://sources.buildroot.net",
            ],
        }
    ],
    "hashes": ["package/libzlib/libzlib.hash"], "patches": [], "dependencies": ["skeleton"],
    "reverse_dependencies": [], "build_dir": "build/libzlib-1.3.1/", "install_target": True,
}  # fmt: skip
VIRTUAL = {"type": "target", "name": "zlib", "virtual": True, "dependencies": ["libzlib"]}
ROOTFS: dict[str, object] = {"type": "rootfs", "image_name": None, "dependencies": []}


def shown(entries: object, *lines: str) -> bytes:
    return "\n".join([json.dumps(entries), *lines, ""]).encode()


def test_reads_packages_virtual_ones_and_file_systems() -> None:
    info = parse_show_info(shown({"libzlib": ZLIB, "zlib": VIRTUAL, "rootfs-cpio": ROOTFS}))
    assert info.filesystems == ("rootfs-cpio",)
    assert info.packages["zlib"].virtual
    assert info.packages["zlib"].downloads == ()
    assert info.packages["libzlib"] == Package(
        key="libzlib", raw_name="libzlib", kind="target", virtual=False, version="1.3.1",
        licenses="Zlib", license_files=("README",), redistributable=True,
        cpe_id="cpe:2.3:a:zlib:zlib:1.3.1:-:*:*:*:*:*:*", package_folder="package/libzlib",
        downloads=(
            Download(
                path=RelativePath("libzlib/zlib-1.3.1.tar.xz"),
                urls=(
                    "https://www.zlib.net/zlib-1.3.1.tar.xz",
                    "https://sources.buildroot.net/libzlib/zlib-1.3.1.tar.xz",
                    "https://sources.buildroot.net/zlib-1.3.1.tar.xz",
                ),
            ),
        ),
        hash_files=("package/libzlib/libzlib.hash",), patches=(), dependencies=("skeleton",),
        provides=("zlib",),
    )  # fmt: skip


def test_noise_before_the_document_does_no_harm() -> None:
    noise = b"GNU make warns\n"
    assert list(parse_show_info(noise + shown({"libzlib": ZLIB})).packages) == ["libzlib"]


def test_source_directories_of_known_packages_are_read() -> None:
    host = {**ZLIB, "type": "host"}
    info = parse_show_info(
        shown(
            {"libzlib": ZLIB, "host-libzlib": host},
            "LIBZLIB_OVERRIDE_SRCDIR=/home/me/zlib",
            "HOST_LIBZLIB_OVERRIDE_SRCDIR=",
            "OTHER_OVERRIDE_SRCDIR=/x",
        )
    )
    assert info.local_sources == {"libzlib": "/home/me/zlib"}


@pytest.mark.parametrize(
    ("uri", "url"),
    [
        ("https+https://a.org/x", "https://a.org/x/f+1.tgz"),
        ("http|urlencode+http://a.org/x/", "http://a.org/x/f+1.tgz"),
        ("https://a.org/c++/x", "https://a.org/c++/x/f+1.tgz"),
        ("https+https://a.org/c++", "https://a.org/c++/f+1.tgz"),
        ("git+https://a.org/x.git", None),
        ("svn+https://a.org/x", None),
        ("ftp+ftp://a.org/x", None),
        ("file+file:///srv/x", None),
        ("scp+ssh://a.org/x", None),
        ("", None),
    ],
)
def test_clean_url(uri: str, url: str | None) -> None:
    assert clean_url(uri, "f+1.tgz") == url


def test_a_file_name_is_encoded() -> None:
    assert clean_url("https+https://a.org", "a b?.tgz") == "https://a.org/a%20b%3F.tgz"


@pytest.mark.parametrize(
    "path",
    [
        "packages/source/f/flit/flit-1.tar.gz",
        f"packages/ab/cd/{'0' * 60}/flit-1.tar.gz",
        "CPAN/authors/id/T/TO/TODDR/XML-1.tar.gz",
        "api/v1/crates/x/1/download",
        "crates/x/x-1.crate",
        "@scope/x/-/x-1.tgz",
        "github.com/x/@v/v1.0.0.zip",
        "downloads/x-1.gem",
        "lua-x-1.src.rock",
    ],
)
def test_language_registries_are_known_by_the_shape_of_their_paths(path: str) -> None:
    assert is_on_language_registry(f"https://example.org/{path}")


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/containerd/containerd/archive/v2.3.4/containerd-2.3.4-go2.tar.gz",
        "https://sources.buildroot.net/python-flit-core/flit-1.tar.gz",
        "https://www.kernel.org/pub/linux/kernel/v6.x/linux-6.12.104.tar.xz",
        "https://example.org/packages/openssl-3.tar.gz",
    ],
)
def test_other_places_are_none(url: str) -> None:
    assert not is_on_language_registry(url)


def test_hints_name_no_registry_and_nothing_twice() -> None:
    uris = [
        f"https+https://example.org/packages/ab/cd/{'0' * 60}",
        "https+https://sources.buildroot.net",
        "https|urlencode+https://sources.buildroot.net",
    ]
    entry = {**ZLIB, "downloads": [{"source": "f.tgz", "uris": uris}]}
    (download,) = parse_show_info(shown({"libzlib": entry})).packages["libzlib"].downloads
    assert download.urls == ("https://sources.buildroot.net/f.tgz",)


def broken(**changes: object) -> bytes:
    return shown({"libzlib": {**ZLIB, **changes}})


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (broken(version=3), "libzlib.version: expected a string, found an integer"),
        (broken(name="../x"), "libzlib.name: '../x' is not the name of a package"),
        (broken(downloads=["x"]), "libzlib.downloads: expected a list of tables, found a string"),
        (
            broken(downloads=[{"source": "../../x", "uris": []}]),
            "libzlib.downloads.0.source: path 'libzlib/../../x' leaves its directory with '..'",
        ),
        (broken(dl_dir="/etc"), "libzlib.downloads.0.source: path "
         "'/etc/zlib-1.3.1.tar.xz' is absolute"),
        (shown({"x": 1}), "x: expected a table, found an integer"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(data: bytes, detail: str) -> None:
    with pytest.raises(KutterError) as caught:
        parse_show_info(data)
    assert caught.value.reason == "Buildroot's show-info is not as kutterlock knows it"
    assert detail in caught.value.details
    assert caught.value.hint == "this Buildroot may be newer than this kutterlock"


@pytest.mark.parametrize("data", [b"", b"make: *** error\n", b"{", b'{"a":' * 100_000])
def test_no_document(data: bytes) -> None:
    with pytest.raises(KutterError) as caught:
        parse_show_info(data)
    assert caught.value.reason.startswith("Buildroot's show-info printed no JSON: ")


def test_an_endless_one_is_not_read() -> None:
    with pytest.raises(KutterError) as caught:
        parse_show_info(b" " * ((64 << 20) + 1))
    assert caught.value.reason == "show-info printed more than 67108864 bytes"
