"""Configuration files, .netrc and tokens on disk."""

from pathlib import Path

import pytest

from kutterlock.adapters.places import settings_path
from kutterlock.adapters.settings import http_options, read_netrc, read_settings
from kutterlock.errors import KutterError, UsageError
from kutterlock.model.net.network import Login
from kutterlock.model.settings import Settings


def test_where_it_stands() -> None:
    assert settings_path({"HOME": "/h"}) == Path("/h/.config/kutter/config.toml")
    assert settings_path({"HOME": "/h", "XDG_CONFIG_HOME": "/x"}) == Path("/x/kutter/config.toml")
    assert settings_path({"HOME": "/h", "KUTTER_CONFIG": "/c.toml"}) == Path("/c.toml")


def test_no_file_is_no_fault(tmp_path: Path) -> None:
    assert read_settings({"HOME": str(tmp_path)}) == Settings()


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(KutterError) as caught:
        read_settings({"KUTTER_CONFIG": str(tmp_path / "c.toml")})
    assert caught.value.reason == f"there is no {tmp_path / 'c.toml'}"


def test_faults_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text("[network]\ntimeout = 'long'\n")
    with pytest.raises(UsageError) as caught:
        read_settings({"KUTTER_CONFIG": str(path)})
    assert caught.value.reason == f"{path} cannot be used"
    assert caught.value.details == ("network.timeout: expected an integer, found a string",)
    assert caught.value.hint == "docs/configuration.md lists every key"


def test_netrc(tmp_path: Path) -> None:
    path = tmp_path / "netrc"
    path.write_text(
        "machine Host.example login me password pw\n"
        "machine other login you password 'x\n"
        "default login anyone password everywhere\n"
    )
    assert read_netrc(path) == {"host.example": Login("me", "pw"), "other": Login("you", "'x")}


def test_a_broken_netrc(tmp_path: Path) -> None:
    path = tmp_path / "netrc"
    path.write_text("machine host login\nmachin x\n")
    with pytest.raises(UsageError, match=f"^{path} cannot be read as .netrc: "):
        read_netrc(path)
    with pytest.raises(UsageError, match=f"^{tmp_path / 'none'} cannot be read as .netrc: "):
        read_netrc(tmp_path / "none")


def test_secrets_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t0ken\n")
    (tmp_path / "netrc").write_text("machine host login me password pw\n")
    settings = Settings(github_token_file=tmp_path / "token", netrc=tmp_path / "netrc")
    options = http_options(settings, allowed_hosts=("host",))
    assert options.github_token == "t0ken"
    assert options.logins == {"host": Login("me", "pw")}
    assert options.allowed_hosts == ("host",)


@pytest.mark.parametrize("content", [b"", b"two words", b"\xff\xfe", b"a\nb"])
def test_a_token_file_holds_one_token(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=f"^github-token-file {path} "):
        http_options(Settings(github_token_file=path))


def test_a_mirror_of_debian_joins_the_other_mirrors(tmp_path: Path) -> None:
    (tmp_path / "sources.list").write_text("deb http://near.example/debian trixie main\n")
    prefix = "https://snapshot.debian.org/archive/debian/*/"
    config = tmp_path / "c.toml"
    config.write_text(
        f'[network]\ndebian-mirror = "auto"\n[mirrors]\n"{prefix}" = ["http://first.example/"]\n'
    )
    settings = read_settings({"KUTTER_CONFIG": str(config)})
    assert http_options(settings, apt=tmp_path).mirrors == {
        prefix: ("http://first.example/", "http://near.example/debian/")
    }
    named = {"KUTTER_CONFIG": str(config), "KUTTER_DEBIAN_MIRROR": "http://m.example/debian"}
    assert read_settings(named).debian_mirror == "http://m.example/debian"
