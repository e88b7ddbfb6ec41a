"""The user's own configuration, `config.toml`, joined with the environment. Values only.

The environment speaks for one run and goes before the file, except that a proxy in the file is
meant for this program and goes before the machine's. docs/configuration.md lists every key. Files
are read in `kutterlock.adapters.settings`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from kutterlock.errors import UsageError
from kutterlock.model.encoding.table import Fault, Reader, Table
from kutterlock.model.net.mirrors import parse_mirror
from kutterlock.model.net.network import NO_MIRRORS, Patience, Proxies
from kutterlock.model.net.urls import split_url

SIGNERS = ("debian", "buildroot", "kernel", "runc")
"""Whose OpenPGP signatures are checked, by the names under [keyrings] and [fingerprints]."""

KNOWN_FINGERPRINTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "buildroot": ("18C7DF2819C1733D822D599EA500D6EE9CB0E540",),
        "kernel": ("B8868C80BA62A1FFFAF5FDA9632D3A06589DA6B1",),
    }
)
"""Signers of Buildroot's releases, and kernel.org's checksum autosigner; [fingerprints] overrides.

The first is the key of the 2025.02.16 release; the second stands on kernel.org/signature.html.
"""

ReadPath = Callable[[str], Path]

_FINGERPRINT = re.compile(r"[0-9A-F]{40}(?:[0-9A-F]{24})?\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the user said about the network and about whom to trust upstream."""

    mirrors: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: NO_MIRRORS)
    ca_file: Path | None = None
    ca_bundle: Path | None = None
    proxies: Proxies = field(default_factory=Proxies)
    github_token: str = field(default="", repr=False)
    github_token_file: Path | None = None
    netrc: Path | None = None
    patience: Patience = field(default_factory=Patience)
    allowed_hosts: tuple[str, ...] = ()
    debian_mirror: str = ""
    """`auto` (the machine's own apt configuration) or the URL of Debian's archive on a mirror."""
    plain_http: tuple[str, ...] = ()
    keyrings: Mapping[str, Path] = field(default_factory=lambda: MappingProxyType({}))
    fingerprints: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: KNOWN_FINGERPRINTS)


def parse_settings(
    data: Mapping[str, Any], directory: Path, environ: Mapping[str, str]
) -> Settings:
    """Read the configuration; its paths are below `directory`. Raises UsageError naming keys."""
    reader = Reader()
    root = reader.root(data)
    network = root.table("network")
    home = Path(environ.get("HOME", "/"))

    def path(text: str) -> Path:
        return _path(text, directory, home)

    netrc = network.optional("netrc", lambda key: network.parsed(key, path))
    settings = Settings(
        mirrors=_mirrors(root.table("mirrors"), reader, environ, path),
        ca_file=network.optional("ca-file", lambda key: network.parsed(key, path)),
        ca_bundle=_environ_path(environ, "SSL_CERT_FILE"),
        proxies=_proxies(network, environ),
        github_token=environ.get("GITHUB_TOKEN", "").strip(),
        github_token_file=network.optional(
            "github-token-file", lambda key: network.parsed(key, path)
        ),
        netrc=_environ_path(environ, "NETRC") or netrc,
        patience=_patience(network),
        allowed_hosts=network.texts("allowed-hosts"),
        debian_mirror=_stated(network.text("debian-mirror", ""), environ, "KUTTER_DEBIAN_MIRROR"),
        plain_http=network.texts("plain-http"),
        keyrings=_keyrings(root.table("keyrings"), path),
        fingerprints=_fingerprints(root.table("fingerprints")),
    )
    network.close()
    root.close()
    reader.finish(_error)
    return settings


def _mirrors(
    table: Table, reader: Reader, environ: Mapping[str, str], path: ReadPath
) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for text in environ.get("KUTTER_MIRROR", "").split():
        try:
            prefix, replacement = parse_mirror(text)
        except ValueError as error:
            reader.faults.append(Fault(("KUTTER_MIRROR",), str(error)))
            continue
        found[prefix] = (*found.get(prefix, ()), replacement)
    for prefix, places in table.lists():
        if prefix and not prefix.startswith(("http://", "https://")):
            table.fault(prefix, "is not the start of an http(s) URL")
        read = [_replacement(table, prefix, place, path) for place in places]
        found[prefix] = (*found.get(prefix, ()), *(place for place in read if place))
    return found


def _replacement(table: Table, prefix: str, place: str, path: ReadPath) -> str:
    text = place if "://" in place else str(path(place))
    try:
        return parse_mirror(text)[1]
    except ValueError as error:
        table.fault(prefix, str(error))
        return ""


def _proxies(network: Table, environ: Mapping[str, str]) -> Proxies:
    stated = network.optional("proxy", lambda key: network.parsed(key, _proxy))
    exempt = network.texts("no-proxy", None if "no-proxy" in network else ())
    if "no-proxy" not in network:
        listed = _either(environ, "no_proxy").replace(",", " ").split()
        exempt = tuple(entry.lower() for entry in listed)
    every = _either(environ, "all_proxy")
    return Proxies(
        http=stated or _either(environ, "http_proxy") or every,
        https=stated or _either(environ, "https_proxy") or every,
        exempt=exempt,
    )


def _patience(network: Table) -> Patience:
    usual = Patience()
    seconds = network.integer("timeout", int(usual.stall), between=(1, 3600))
    attempts = network.integer("attempts", usual.attempts, between=(1, 20))
    connect = min(usual.connect, float(seconds))
    return Patience(connect=connect, stall=float(seconds), attempts=attempts)


def _keyrings(table: Table, path: ReadPath) -> Mapping[str, Path]:
    found = {key: table.optional(key, lambda key: table.parsed(key, path)) for key in SIGNERS}
    table.close()
    return {key: value for key, value in found.items() if value is not None}


def _fingerprints(table: Table) -> Mapping[str, tuple[str, ...]]:
    found = {
        key: table.optional(key, lambda key: table.parsed_list(key, parse_fingerprint))
        for key in SIGNERS
    }
    table.close()
    stated = {key: value for key, value in found.items() if value is not None}
    return {**KNOWN_FINGERPRINTS, **stated}


def parse_fingerprint(text: str) -> str:
    """Read a fingerprint, blanks and case as they come. Raises ValueError."""
    bare = text.replace(" ", "").removeprefix("0x").upper()
    if not _FINGERPRINT.match(bare):
        raise ValueError(f"{text!r} is not a whole fingerprint of 40 (or 64) hex digits")
    return bare


def _proxy(text: str) -> str:
    split_url(text)
    return text


def _stated(text: str, environ: Mapping[str, str], name: str) -> str:
    return environ.get(name) or text


def _either(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name) or environ.get(name.upper()) or ""


def _environ_path(environ: Mapping[str, str], name: str) -> Path | None:
    return Path(environ[name]) if environ.get(name) else None


def _path(text: str, directory: Path, home: Path) -> Path:
    if not text:
        raise ValueError("is empty")
    return home / text[2:] if text.startswith("~/") else directory / text


def _error(faults: tuple[Fault, ...]) -> UsageError:
    return UsageError("the configuration cannot be used", details=[str(fault) for fault in faults])
