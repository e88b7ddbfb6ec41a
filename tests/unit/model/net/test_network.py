"""Who gets credentials, and which proxy serves whom."""

import pytest

from kutterlock.model.net.network import HttpOptions, Login, Patience, Proxies, authorization
from kutterlock.model.net.urls import Origin

OPTIONS = HttpOptions(
    logins={"host.example": Login("me", "pw"), "localhost": Login("me", "pw")},
    github_token="t0ken",
)
BASIC = "Basic bWU6cHc="


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://host.example/x", BASIC),
        ("https://host.example:8443/x", BASIC),
        ("http://host.example/x", ""),
        ("http://localhost:1/x", BASIC),
        ("https://host.example.evil/x", ""),
        ("https://u:p@other/x", "Basic dTpw"),
        ("http://u:p@other/x", ""),
        ("https://api.github.com/x", "Bearer t0ken"),
        ("https://github.com/x", "Bearer t0ken"),
        ("http://github.com/x", ""),
        ("https://github.com:8443/x", ""),
        ("https://raw.githubusercontent.com/x", ""),
        ("https://github.com.evil.example/x", ""),
    ],
)
def test_authorization(url: str, expected: str) -> None:
    assert authorization(url, OPTIONS) == expected


def test_secrets_are_not_shown() -> None:
    assert "pw" not in repr(OPTIONS)
    assert "t0ken" not in repr(OPTIONS)
    assert "pw" not in repr(Login("me", "pw"))


@pytest.mark.parametrize(
    ("exempt", "expected"),
    [
        ((), "http://proxy"),
        (("*",), ""),
        (("example.org",), ""),
        ((".example.org",), ""),
        (("*.example.org",), ""),
        (("ample.org",), "http://proxy"),
        (("other",), "http://proxy"),
    ],
)
def test_proxies(exempt: tuple[str, ...], expected: str) -> None:
    proxies = Proxies(https="http://proxy", exempt=exempt)
    assert proxies.proxy_for(Origin.of("https://www.example.org/")) == expected
    assert proxies.proxy_for(Origin.of("http://www.example.org/")) == ""


def test_pauses_double_up_to_a_bound() -> None:
    patience = Patience(first_wait=1.0, longest_wait=5.0)
    assert [patience.pause(number) for number in (1, 2, 3, 4)] == [1.0, 2.0, 4.0, 5.0]
