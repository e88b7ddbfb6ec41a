"""Releases of upstreams, in the forms that upstreams give, written by hand."""

import datetime
import json
import os
from pathlib import Path

from kutterlock.adapters.http.client import Http
from kutterlock.adapters.signing.gpg import Gpg, Keyring
from kutterlock.catalog.reader import Catalog
from kutterlock.catalog.types import Release
from kutterlock.model.progress import Silence
from kutterlock.resolve.live import all_upstreams, ask
from kutterlock.resolve.upstreams.protocol import Signatures
from tests.support.pgp import Signer
from tests.support.web import Web, sha256

TODAY = datetime.date(2026, 11, 22)
CLEARSIGNED = """\
-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA256

{text}-----BEGIN PGP SIGNATURE-----

iQEz
-----END PGP SIGNATURE-----
"""


def signed_by(signer: Signer, tmp_path: Path, name: str) -> Signatures:
    path = tmp_path / "keys"
    path.write_bytes(signer.keys(armor=False))
    keyring = Keyring(path=path, fingerprints=frozenset({signer.fingerprint}))
    return Signatures(gpg=Gpg(os.environ["PATH"]), keyrings={name: keyring})


def heard(web: Web, catalog: Catalog, signatures: Signatures, name: str) -> dict[str, Release]:
    upstreams = [item for item in all_upstreams(signatures) if item.name == name]
    with Http(web.options) as http:
        answer = ask(catalog, upstreams, http, Silence())
    if answer.failures:
        raise answer.failures[name]
    return {release.version.text: release for release in answer.releases}


def digests(release: Release) -> dict[str, str]:
    return {file.name: str(file.digest) for file in release.files if file.digest}


def github(web: Web, repository: str, *entries: dict[str, object]) -> None:
    url = f"https://api.github.com/repos/{repository}/releases?per_page=100"
    web.put(url, json.dumps(entries))


def entry(tag: str, assets: dict[str, bytes] | None = None, **more: object) -> dict[str, object]:
    listed = [
        {"name": name, "digest": f"sha256:{sha256(data)}"} for name, data in (assets or {}).items()
    ]
    return {"tag_name": tag, "published_at": "2026-11-01T10:00:00Z", "assets": listed, **more}


RELEASES = "https://github.com/containerd/containerd/releases/download/v9.9.1/"


def publish_containerd(web: Web) -> None:
    """Publish containerd 9.9.1, and what is no release of it."""
    amd64, arm64 = "containerd-9.9.1-linux-amd64.tar.gz", "containerd-9.9.1-linux-arm64.tar.gz"
    github(
        web,
        "containerd/containerd",
        entry("v9.9.1", {amd64: b"amd64"}),
        entry("v10.0.0-rc.1", prerelease=True),
        entry("v9.9.2", draft=True),
        entry("api/v9.9.3"),
        entry("v0.1.0"),
    )
    web.put(f"{RELEASES}{amd64}.sha256sum", f"{sha256(b'amd64')}  {amd64}\n")
    web.put(f"{RELEASES}{arm64}.sha256sum", f"{sha256(b'arm64')}  {arm64}\n")
    web.put("https://github.com/containerd/containerd/archive/refs/tags/v9.9.1.tar.gz", b"src")
    raw = "https://raw.githubusercontent.com/containerd/containerd/v9.9.1/"
    web.put(raw + "script/setup/runc-version", "v1.6.2\n")
    web.put(raw + "go.mod", "module github.com/containerd/containerd/v2\n\ngo 1.27.1\n")
    config = '\tDefaultSandboxImage = "registry.k8s.io/pause:3.11"\n'
    web.put(raw + "internal/cri/config/config.go", config)


def publish_flannel(web: Web) -> bytes:
    """Publish flannel 9.9.1; return its manifest."""
    github(web, "flannel-io/flannel", entry("v9.9.1"))
    manifest = web.put(
        "https://raw.githubusercontent.com/flannel-io/flannel/v9.9.1/Documentation/"
        "kube-flannel.yml",
        "      - image: ghcr.io/flannel-io/flannel:v9.9.1\n"
        '        image: "ghcr.io/flannel-io/flannel-cni-plugin:v9.9.1-flannel1"\n'
        "        image: ghcr.io/flannel-io/flannel:v9.9.1\n",
    )
    web.put("https://github.com/flannel-io/flannel/archive/refs/tags/v9.9.1.tar.gz", b"src")
    return manifest
