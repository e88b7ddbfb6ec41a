"""cri-dockerd: no checksum files; the digests that the releases API has of its assets."""

from kutterlock.resolve.upstreams.github import GitHubProject

UPSTREAM = GitHubProject(
    name="cri-dockerd",
    repository="Mirantis/cri-dockerd",
    checksum_url=lambda _: None,
    first_use=frozenset(),
)
