"""Debian package lists and Release files made for tests."""

import datetime
import hashlib
import lzma
from collections.abc import Mapping

from kutterlock.model.debian.index import PackageIndex

HASH = hashlib.sha256(b"").hexdigest()
DATE = datetime.datetime(2026, 11, 21, 2, 10, 46, tzinfo=datetime.UTC)


def stanza(name: str, version: str = "1", **fields: str) -> str:
    """Write one stanza; `pre_depends=` is `Pre-Depends:`."""
    values = {
        "Package": name,
        "Version": version,
        "Architecture": "amd64",
        "Description": "made for a test",
        **{key.title().replace("_", "-"): value for key, value in fields.items()},
        "Filename": f"pool/main/{name[0]}/{name}_{version}_amd64.deb",
        "Size": "10",
        "SHA256": HASH,
    }
    return "".join(f"{key}: {value}\n" for key, value in values.items())


def index_of(*stanzas: str, archive: str = "debian") -> PackageIndex:
    """Read stanzas as one package list for amd64."""
    index = PackageIndex("amd64")
    index.add_list(["\n".join(stanzas).encode()], archive)
    return index


def packages_xz(*stanzas: str) -> bytes:
    """Write a compressed package list."""
    return lzma.compress("\n".join(stanzas).encode())


def release(codename: str, files: Mapping[str, bytes], **fields: str) -> bytes:
    """Write the text of a Release file."""
    values = {
        "Suite": "stable",
        "Codename": codename,
        "Date": DATE.strftime("%a, %d %b %Y %H:%M:%S UTC"),
        **{key.title().replace("_", "-"): value for key, value in fields.items()},
    }
    lines = [f"{key}: {value}\n" for key, value in values.items()] + ["SHA256:\n"]
    for path, data in files.items():
        lines.append(f" {hashlib.sha256(data).hexdigest()} {len(data)} {path}\n")
    return "".join(lines).encode()
