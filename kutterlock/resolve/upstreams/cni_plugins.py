"""CNI plugins: `FILE.sha256` beside each asset (their release workflow)."""

from kutterlock.catalog.types import ReleaseFile
from kutterlock.resolve.upstreams.github import GitHubProject


def _checksum_url(file: ReleaseFile) -> str | None:
    return f"{file.url}.sha256" if file.kind == "binary" else None


UPSTREAM = GitHubProject(
    name="cni-plugins",
    repository="containernetworking/plugins",
    checksum_url=_checksum_url,
)
