"""Buildroot: the download directory's index, clearsigned .sign files, facts out of the tag's tree.

The release tarball's hash is signed; the tag archive's is published by nobody.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kutterlock.adapters.http.client import Http
from kutterlock.catalog.types import Release
from kutterlock.model.version import UpstreamVersion
from kutterlock.resolve.upstreams.github import commit_of, read_facts
from kutterlock.resolve.upstreams.protocol import (
    FactPlace,
    Offer,
    Signatures,
    digest_of,
    filled,
    read_checksums,
)

INDEX = "https://buildroot.org/downloads/"
REPOSITORY = "buildroot/buildroot"

_SIGNED = re.compile(r'href="(?:\./)?buildroot-(20\d\d\.\d\d(?:\.\d+)?)\.tar\.xz\.sign"')


def _packaged(fact: str, path: str, variable: str) -> FactPlace:
    pattern = re.compile(rf"^{variable} = ([0-9][0-9.]*)$", re.MULTILINE)
    return FactPlace(fact, path, pattern)


PLACES = (
    _packaged("epoch", "Makefile", "BR2_VERSION_EPOCH"),
    FactPlace(
        "headers",
        "package/linux-headers/Config.in.host",
        re.compile(r"BR2_PACKAGE_HOST_LINUX_HEADERS_CUSTOM_(\d+)_(\d+)\b"),
    ),
    FactPlace(
        "kernel",
        "linux/Config.in",
        re.compile(r'default "([0-9.]+)" if BR2_LINUX_KERNEL_LATEST_VERSION'),
    ),
    _packaged("go", "package/go/go.mk", "GO_VERSION"),
    _packaged("containerd", "package/containerd/containerd.mk", "CONTAINERD_VERSION"),
    _packaged("runc", "package/runc/runc.mk", "RUNC_VERSION"),
    _packaged("cni-plugins", "package/cni-plugins/cni-plugins.mk", "CNI_PLUGINS_VERSION"),
    _packaged("flannel", "package/flannel/flannel.mk", "FLANNEL_VERSION"),
    _packaged("systemd", "package/systemd/systemd.mk", "SYSTEMD_VERSION"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Buildroot:
    """buildroot.org for releases, GitHub's mirror for the tag archive and the tree."""

    signatures: Signatures
    name: str = "buildroot"
    published: frozenset[str] = frozenset({"release"})
    first_use: frozenset[str] = frozenset({"tag"})

    def offers(self, http: Http) -> Sequence[Offer]:
        """Return the releases in the download directory that have a signature."""
        index = http.get_bytes(INDEX, limit=4 << 20).body.decode("utf-8", "replace")
        found = dict.fromkeys(_SIGNED.findall(index))
        return [Offer(version=UpstreamVersion.parse(text)) for text in found]

    def release(self, offer: Offer, blank: Release, http: Http) -> Release | None:
        """Read the signed hash, the commit, and what the tree packages."""
        tarball = blank.file("release")
        assert tarball is not None, blank
        url = f"{tarball.url}.sign"
        signed = "buildroot" in self.signatures.keyrings
        data = http.get_bytes(url, limit=64 << 10, pinned=signed).body
        text, trust = self.signatures.text("buildroot", data, url)
        digest = digest_of(url, read_checksums(url, text), tarball.name)
        known = filled(blank, {tarball.name: digest}, trust)
        if blank.facts:
            return known
        tag = offer.version.text
        facts = read_facts(http, REPOSITORY, tag, PLACES)
        return replace(known, facts={**facts, "commit": commit_of(http, REPOSITORY, tag)})
