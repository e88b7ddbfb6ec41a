"""cri-tools: `FILE.sha256` beside each asset, hex and nothing else (hack/release.sh)."""

from kutterlock.catalog.types import ReleaseFile
from kutterlock.resolve.upstreams.github import GitHubProject


def _checksum_url(file: ReleaseFile) -> str | None:
    return f"{file.url}.sha256" if file.kind == "binary" else None


UPSTREAM = GitHubProject(
    name="cri-tools",
    repository="kubernetes-sigs/cri-tools",
    checksum_url=_checksum_url,
)
