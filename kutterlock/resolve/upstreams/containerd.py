"""containerd: `FILE.sha256sum` beside each asset (its Makefile), and what it is tested with."""

import re

from kutterlock.catalog.types import ReleaseFile
from kutterlock.resolve.upstreams.github import GitHubProject
from kutterlock.resolve.upstreams.protocol import FactPlace


def _checksum_url(file: ReleaseFile) -> str | None:
    return f"{file.url}.sha256sum" if file.kind == "binary" else None


UPSTREAM = GitHubProject(
    name="containerd",
    repository="containerd/containerd",
    checksum_url=_checksum_url,
    places=(
        FactPlace(
            "runc", "script/setup/runc-version", re.compile(r"^v?(\d+(?:\.\d+)+)$", re.MULTILINE)
        ),
        FactPlace("go", "go.mod", re.compile(r"^go (\d+(?:\.\d+)+)$", re.MULTILINE)),
        FactPlace(
            "sandbox",
            "internal/cri/config/config.go",
            re.compile(r'DefaultSandboxImage\s*=\s*"registry\.k8s\.io/pause:([0-9.]+)"'),
        ),
    ),
)
