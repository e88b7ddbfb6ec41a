"""The user's configuration joined with the environment."""

from pathlib import Path
from typing import Any

import pytest

from kutterlock.errors import UsageError
from kutterlock.model.net.network import Proxies
from kutterlock.model.settings import KNOWN_FINGERPRINTS, Settings, parse_settings

HERE = Path("/home/me/.config/kutter")
KEY = "18C7DF2819C1733D822D599EA500D6EE9CB0E540"


def parse(data: dict[str, Any], **environ: str) -> Settings:
    return parse_settings(data, HERE, {"HOME": "/home/me", **environ})


def test_nothing_said() -> None:
    assert parse({}) == Settings()


def test_everything_said() -> None:
    settings = parse(
        {
            "mirrors": {
                "https://cdn.kernel.org/": ["https://near/", "~/kernel", "../k", "file:///srv/k"],
                "": ["/srv/all"],
            },
            "network": {
                "ca-file": "ca.pem",
                "proxy": "http://proxy:3128",
                "no-proxy": ["intern.example"],
                "github-token-file": "~/token",
                "netrc": "/etc/netrc",
                "timeout": 5,
                "attempts": 2,
                "allowed-hosts": ["*.kernel.org"],
            },
            "keyrings": {"kernel": "keys/kernel.asc"},
            "fingerprints": {"runc": ["18c7 df28 19c1 733d 822d  599e a500 d6ee 9cb0 e540"]},
        }
    )
    assert settings.mirrors == {
        "https://cdn.kernel.org/": (
            "https://near/",
            "/home/me/kernel",
            "/home/me/.config/kutter/../k",
            "file:///srv/k",
        ),
        "": ("/srv/all",),
    }
    assert settings.ca_file == HERE / "ca.pem"
    assert settings.proxies == Proxies(
        http="http://proxy:3128", https="http://proxy:3128", exempt=("intern.example",)
    )
    assert settings.github_token_file == Path("/home/me/token")
    assert settings.netrc == Path("/etc/netrc")
    patience = settings.patience
    assert (patience.connect, patience.stall, patience.attempts) == (5.0, 5.0, 2)
    assert settings.allowed_hosts == ("*.kernel.org",)
    assert settings.keyrings == {"kernel": HERE / "keys/kernel.asc"}
    assert settings.fingerprints == {**KNOWN_FINGERPRINTS, "runc": (KEY,)}


def test_the_environment_goes_first() -> None:
    settings = parse(
        {"mirrors": {"https://a/": ["/file"]}, "network": {"netrc": "/file"}},
        KUTTER_MIRROR="https://a/=/run /everything",
        GITHUB_TOKEN=" t0ken\n",
        SSL_CERT_FILE="/ca.pem",
        NETRC="/run/netrc",
        HTTPS_PROXY="http://upper",
        https_proxy="http://lower",
        ALL_PROXY="http://all",
        no_proxy="A.example, .b.example",
    )
    assert settings.mirrors == {"https://a/": ("/run", "/file"), "": ("/everything",)}
    assert settings.github_token == "t0ken"
    assert settings.ca_bundle == Path("/ca.pem")
    assert settings.netrc == Path("/run/netrc")
    assert settings.proxies == Proxies(
        http="http://all", https="http://lower", exempt=("a.example", ".b.example")
    )


def test_a_proxy_in_the_file_is_meant_for_this_program() -> None:
    settings = parse({"network": {"proxy": "http://mine"}}, https_proxy="http://machines")
    assert (settings.proxies.http, settings.proxies.https) == ("http://mine", "http://mine")


def test_every_fault_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        parse(
            {
                "mirror": {},
                "mirrors": {"cdn.kernel.org": ["/x"], "https://a/": "x", "https://b/": ["ftp://x"]},
                "network": {"ca_file": "x", "proxy": "proxy:3128", "timeout": 0},
                "keyrings": {"kernal": "x", "runc": ""},
                "fingerprints": {"runc": ["A500D6EE9CB0E540"]},
            },
            KUTTER_MIRROR="relative",
        )
    assert caught.value.reason == "the configuration cannot be used"
    assert caught.value.details == (
        "KUTTER_MIRROR: mirror 'relative' is neither an http(s) or file URL nor an absolute path",
        'mirrors."cdn.kernel.org": is not the start of an http(s) URL',
        'mirrors."https://a/": expected a list, found a string',
        "mirrors.\"https://b/\": mirror 'ftp://x' is neither an http(s) or file URL nor an"
        " absolute path",
        "network.proxy: URL 'proxy:3128' is neither http nor https",
        "network.timeout: expected 1 to 3600, found 0",
        "keyrings.runc: is empty",
        "keyrings.kernal: unknown key, did you mean kernel?",
        "fingerprints.runc: 'A500D6EE9CB0E540' is not a whole fingerprint of 40 (or 64) hex digits",
        "network.ca_file: unknown key, did you mean ca-file?",
        "mirror: unknown key, did you mean mirrors?",
    )
