"""An OpenPGP key made for a test with the real gpg, and signatures by it."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """One key in a GnuPG home of its own."""

    home: Path
    fingerprint: str

    def gpg(self, *arguments: str, stdin: bytes = b"") -> bytes:
        argv = ["gpg", "--homedir", str(self.home), "--batch", "--quiet", "--yes", *arguments]
        return subprocess.run(argv, input=stdin, capture_output=True, check=True).stdout

    def clearsign(self, text: bytes, digest: str = "SHA256") -> bytes:
        return self.gpg("--digest-algo", digest, "--clearsign", stdin=text)

    def keys(self, *, armor: bool) -> bytes:
        return self.gpg(*(["--armor"] if armor else []), "--export")


@contextlib.contextmanager
def make_signer(home: Path) -> Iterator[Signer]:
    """Make a key, or skip the test where GnuPG is missing; end the agent that gpg started."""
    for program in ("gpg", "gpgv", "gpgconf"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not on this machine")
    home.mkdir(mode=0o700)
    unnamed = Signer(home=home, fingerprint="")
    options = ["--passphrase", "", "--allow-weak-digest-algos"]
    unnamed.gpg(*options, "--quick-generate-key", "Test <test@example.org>", "rsa2048", "sign")
    listing = unnamed.gpg("--with-colons", "--list-keys").decode().splitlines()
    fingerprint = next(line.split(":")[9] for line in listing if line.startswith("fpr:"))
    try:
        yield Signer(home=home, fingerprint=fingerprint)
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "gpg-agent"], check=True)
