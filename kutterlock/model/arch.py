"""Architectures under the names that others give them."""

from collections.abc import Mapping
from types import MappingProxyType

RELEASE_ARCH: Mapping[str, str] = MappingProxyType({"x86_64": "amd64", "aarch64": "arm64"})
"""A board's architecture as upstreams spell it in release files and image platforms."""
