"""The demonstration's catalog: what is known of the embedded upstream, in the shipped form."""

import datetime
from collections.abc import Mapping
from typing import Any

from kutterlock.demo import upstream
from kutterlock.model.manifest import INPUTS

DATE = datetime.date(2026, 9, 1)
EPOCH = str(upstream.MTIME)


def catalog_tables(digests: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return the catalog's files by name; `digests` are those of `make_upstream`."""
    empty: dict[str, dict[str, Any]] = {name: {"releases": {}} for name in INPUTS}
    return {
        "catalog": {"date": DATE},
        "compatibility": {"rules": {}},
        "images": {"images": {}},
        **empty,
        "buildroot": _buildroot(digests),
        "linux": _linux(digests),
        "kubernetes": _kubernetes(digests),
    }


def _buildroot(digests: Mapping[str, str]) -> dict[str, Any]:
    path = "buildroot.example/downloads/buildroot-{version}.tar.gz"
    return {
        "files": {"tag": _template("buildroot-{version}.tar.gz", path)},
        "releases": {
            version: {
                "tag": digests[path.format(version=version)],
                "facts": {"commit": "embedded", "epoch": EPOCH, "headers": "6.12"},
            }
            for version in upstream.BUILDROOT_VERSIONS
        },
    }


def _linux(digests: Mapping[str, str]) -> dict[str, Any]:
    path = "kernel.example/pub/linux/kernel/v6.x/linux-{version}.tar.gz"
    return {
        "files": {"source": _template("linux-{version}.tar.gz", path)},
        "releases": {
            version: {"source": digests[path.format(version=version)]}
            for version in upstream.LINUX_VERSIONS
        },
    }


def _kubernetes(digests: Mapping[str, str]) -> dict[str, Any]:
    name = "kubernetes-node-linux-{arch}.tar.gz"
    path = "dl.k8s.example/v{version}/" + name
    arches = ("amd64", "arm64")
    return {
        "files": {"node": {**_template(name, path, "binary"), "arches": list(arches)}},
        "releases": {
            version: {
                "node": {arch: digests[path.format(version=version, arch=arch)] for arch in arches}
            }
            for version in upstream.KUBERNETES_VERSIONS
        },
    }


def _template(name: str, path: str, kind: str = "source") -> dict[str, Any]:
    return {"name": name, "url": f"https://{path}", "kind": kind}
