"""References of container images: `registry/repository:tag@digest`, normalised as docker does.

Grammar: github.com/distribution/reference, `reference.go` and `normalize.go`. Pure.
"""

import re
from dataclasses import dataclass
from typing import Self

from kutterlock.model.digest import Digest
from kutterlock.model.net.urls import is_loopback

DOCKER_HUB = "docker.io"
DOCKER_HUB_HOST = "registry-1.docker.io"
SCHEME = "oci://"
LONGEST_NAME = 255

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*\Z")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_REGISTRY = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]{{1,5}})?\Z")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Reference:
    """An image's name in full. `tag` is '' and `digest` None where there is none, never both."""

    registry: str
    repository: str
    tag: str = ""
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read any usual spelling: `busybox` is `docker.io/library/busybox:latest`. ValueError."""
        rest, at, digest = text.partition("@")
        rest, tag = _without_tag(rest)
        registry, repository = _split_name(rest)
        if not _REGISTRY.match(registry):
            raise ValueError(f"image reference {text!r}: {registry!r} is not a registry's host")
        if not _REPOSITORY.match(repository) or len(rest) > LONGEST_NAME:
            raise ValueError(f"image reference {text!r}: {repository!r} is not a repository's name")
        if tag is not None and not _TAG.match(tag):
            raise ValueError(f"image reference {text!r}: {tag!r} is not a tag")
        return cls(
            registry=registry,
            repository=repository,
            tag=tag or ("" if at else "latest"),
            digest=Digest.parse(digest) if at else None,
        )

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return self.name + tag + (f"@{self.digest}" if self.digest else "")

    @property
    def name(self) -> str:
        """Registry and repository."""
        return f"{self.registry}/{self.repository}"

    @property
    def tagged(self) -> str:
        """The name with its tag, without a digest."""
        return f"{self.name}:{self.tag}" if self.tag else self.name


def image_url(name: str, kind: str, digest: Digest) -> str:
    """Return the URL of a blob; `name` is registry/repository, `kind` manifests or blobs."""
    return f"{SCHEME}{name}/{kind}/{digest}"


def registry_host(registry: str) -> str:
    """Return whom to ask for a registry: Docker Hub's name is not its host."""
    return DOCKER_HUB_HOST if registry in (DOCKER_HUB, "index.docker.io") else registry.lower()


def is_loopback_registry(host: str) -> bool:
    """Whether `host[:port]` is this machine, where plain HTTP will do."""
    name = host[1:].partition("]")[0] if host.startswith("[") else host.rpartition(":")[0] or host
    return is_loopback(name)


def _without_tag(text: str) -> tuple[str, str | None]:
    head, slash, last = text.rpartition("/")
    last, colon, tag = last.partition(":")
    return head + slash + last, tag if colon else None


def _split_name(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    is_host = "." in first or ":" in first or first == "localhost" or first != first.lower()
    if not slash or not is_host:
        first, rest = DOCKER_HUB, name
    if first == "index.docker.io":
        first = DOCKER_HUB
    if first == DOCKER_HUB and "/" not in rest:
        rest = f"library/{rest}"
    return first, rest
