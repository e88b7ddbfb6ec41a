"""The host policy: from which hosts a lock may name files, whoever signed it.

A policy is a tuple of host patterns, such as `*.kernel.org`; an empty one allows every host.
"""

from collections.abc import Iterator, Sequence

from kutterlock.errors import PolicyError
from kutterlock.model.encoding.text import counted
from kutterlock.model.lock import Lock
from kutterlock.model.net.urls import Origin, host_matches


def require_hosts(lock: Lock, allowed: Sequence[str], where: str) -> int:
    """Return how many URLs were checked. Raises PolicyError naming every one that is elsewhere.

    `where` names the policy for the hint.
    """
    if not allowed:
        return 0
    named = list(_hosts(lock))
    foreign = [
        f"{name}: host {host}" for name, host in named if not host_matches(host, tuple(allowed))
    ]
    if foreign:
        raise PolicyError(
            f"kutter.lock names {counted(len(foreign), 'place')} on hosts that are not allowed",
            details=foreign,
            hint=f"find out who put them there, or add the hosts to allowed-hosts in {where}",
        )
    return len(named)


def registry_host(reference: str) -> str:
    """Return the host of an image's registry."""
    first, slash, _ = reference.partition("/")
    named = slash and ("." in first or ":" in first or first == "localhost")
    return first.partition(":")[0] if named else "docker.io"


def _hosts(lock: Lock) -> Iterator[tuple[str, str]]:
    for key, pin in sorted(lock.sources.items()):
        for url in pin.urls:
            yield key, _host(url)
    for name, url in sorted(lock.environment.archives.items()):
        yield f"environment.archives.{name}", _host(url)
    for reference in sorted(lock.images):
        yield reference, registry_host(reference)


def _host(url: str) -> str:
    try:
        return Origin.of(url).host
    except ValueError:
        return f"of {url!r}, which is no URL"
