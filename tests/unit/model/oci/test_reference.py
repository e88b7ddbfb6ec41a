"""Image references in every usual spelling."""

import pytest

from kutterlock.model.digest import Digest
from kutterlock.model.oci.reference import Reference, is_loopback_registry, registry_host

DIGEST = Digest.of(b"index")


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("busybox", "docker.io/library/busybox:latest"),
        ("busybox:1.36", "docker.io/library/busybox:1.36"),
        ("flannel/flannel:v1", "docker.io/flannel/flannel:v1"),
        ("index.docker.io/busybox:1", "docker.io/library/busybox:1"),
        ("registry.k8s.io/pause:3.10", "registry.k8s.io/pause:3.10"),
        ("localhost/a:1", "localhost/a:1"),
        ("localhost:5000/a/b:1", "localhost:5000/a/b:1"),
        ("[::1]:5000/a:1", "[::1]:5000/a:1"),
        (f"quay.io/a@{DIGEST}", f"quay.io/a@{DIGEST}"),
        (f"quay.io/a:v1@{DIGEST}", f"quay.io/a:v1@{DIGEST}"),
    ],
)
def test_a_reference_is_written_in_full(text: str, full: str) -> None:
    assert str(Reference.parse(text)) == full
    assert Reference.parse(full) == Reference.parse(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "image reference '': 'library/' is not a repository's name"),
        ("Busybox", "image reference 'Busybox': 'library/Busybox' is not a repository's name"),
        ("a:b c", "image reference 'a:b c': 'b c' is not a tag"),
        ("a:", "image reference 'a:': '' is not a tag"),
        ("quay.io/../a", "image reference 'quay.io/../a': '../a' is not a repository's name"),
        (
            "http://quay.io/a",
            "image reference 'http://quay.io/a': 'http:' is not a registry's host",
        ),
        ("a@sha256:12", "'12' is not 64 lower-case hex digits"),
    ],
)
def test_what_is_no_reference_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 -- its whole text is compared
        Reference.parse(text)
    assert str(caught.value) == reason


def test_docker_hub_has_a_host_of_another_name() -> None:
    assert registry_host("docker.io") == "registry-1.docker.io"
    assert registry_host("quay.io") == "quay.io"


@pytest.mark.parametrize("host", ["localhost", "localhost:5000", "127.0.0.1:5000", "[::1]:5000"])
def test_this_machine_is_known(host: str) -> None:
    assert is_loopback_registry(host)


@pytest.mark.parametrize("host", ["localhost.example.org", "127.0.0.1.example.org:5000", "[::2]:1"])
def test_other_machines_are_not_this_one(host: str) -> None:
    assert not is_loopback_registry(host)
