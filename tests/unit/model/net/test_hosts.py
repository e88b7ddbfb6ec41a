"""The host policy over a lock."""

import pytest

from kutterlock.errors import PolicyError
from kutterlock.model.net.hosts import registry_host, require_hosts
from tests.support import samples

LOCK = samples.lock()
HOSTS = ("example.org", "snapshot.debian.org", "registry.k8s.io")


def test_an_empty_policy_allows_everything() -> None:
    assert require_hosts(LOCK, (), "kutter.toml") == 0


def test_every_url_archive_and_registry_is_checked() -> None:
    assert require_hosts(LOCK, HOSTS, "kutter.toml") == 4


def test_a_url_that_was_changed_is_named_even_among_good_ones() -> None:
    pin = LOCK.sources["hello/hello-1.0.tar.gz"]
    for url in ("https://evil.example/hello-1.0.tar.gz", "https://example.org@evil.example/x"):
        changed = pin._replace(urls=(*pin.urls, url))
        lock = LOCK._replace(sources={**LOCK.sources, pin.key: changed})
        with pytest.raises(PolicyError) as caught:
            require_hosts(lock, HOSTS, "kutter.toml")
        assert caught.value.exit_code == 12
        assert caught.value.reason == "kutter.lock names 1 place on hosts that are not allowed"
        assert caught.value.details == ("hello/hello-1.0.tar.gz: host evil.example",)
        assert caught.value.hint == (
            "find out who put them there, or add the hosts to allowed-hosts in kutter.toml"
        )


def test_what_is_no_url_is_on_no_allowed_host() -> None:
    pin = LOCK.sources["hello/hello-1.0.tar.gz"]._replace(urls=("nonsense",))
    lock = LOCK._replace(sources={**LOCK.sources, pin.key: pin})
    with pytest.raises(PolicyError) as caught:
        require_hosts(lock, HOSTS, "kutter.toml")
    assert caught.value.details == ("hello/hello-1.0.tar.gz: host of 'nonsense', which is no URL",)


@pytest.mark.parametrize(
    ("reference", "host"),
    [
        ("registry.k8s.io/pause:3.10", "registry.k8s.io"),
        ("localhost:5000/x", "localhost"),
        ("docker.io/flannel/flannel:v1", "docker.io"),
        ("library/busybox", "docker.io"),
        ("busybox", "docker.io"),
    ],
)
def test_the_registry_of_a_reference(reference: str, host: str) -> None:
    assert registry_host(reference) == host
