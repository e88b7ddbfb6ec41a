"""Other people's verifiers: how to run each, offline, on one document and one signature."""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from kutterlock.model.signing.keys import ED25519, P256, Signer, minisign_form, pem, ssh_form
from kutterlock.model.signing.sshsig import NAMESPACE

EMPTY_ROOT = {
    "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    "tlogs": [],
    "certificateAuthorities": [],
    "ctlogs": [],
    "timestampAuthorities": [],
}


def found(name: str) -> str | None:
    """Look for a program; KUTTER_TEST_PROGRAMS names directories to look in first."""
    places = f"{os.environ.get('KUTTER_TEST_PROGRAMS', '')}:{os.environ['PATH']}"
    return shutil.which(name, path=places)


def program(name: str) -> str:
    """Return where a program is, or skip."""
    path = found(name)
    if path is None:
        pytest.skip(f"{name} is not on this machine")
    return path


def run_offline(argv: list[str], stdin: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run in a network namespace with nothing in it."""
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    data = stdin.read_bytes() if stdin else b""
    return subprocess.run(
        ["unshare", "-rn", *argv], input=data, env=environment, capture_output=True, check=False
    )


@dataclass(frozen=True)
class Case:
    """A document, a signature file and a public key, side by side in `directory`."""

    directory: Path
    document: Path
    signature: bytes
    signer: Signer

    def write(self, name: str, data: bytes | str) -> str:
        path = self.directory / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return str(path)

    def pem(self) -> str:
        return self.write("key.pem", pem(self.signer.public))


def minisign(case: Case) -> bool:
    key = case.write("key.minisign", minisign_form(case.signer.public))
    signature = case.write("signature", case.signature)
    argv = [program("minisign"), "-V", "-H", "-p", key, "-x", signature, "-m", str(case.document)]
    return run_offline(argv).returncode == 0


def openssl(case: Case) -> bool:
    raw = case.write("signature", base64.b64decode(case.signature))
    if case.signer.public.kind == P256:
        argv = ["dgst", "-sha256", "-verify", case.pem(), "-signature", raw, str(case.document)]
    else:
        argv = ["pkeyutl", "-verify", "-pubin", "-inkey", case.pem(), "-rawin",
                "-in", str(case.document), "-sigfile", raw]  # fmt: skip
    return run_offline([program("openssl"), *argv]).returncode == 0


def ssh_keygen(case: Case) -> bool:
    line = f'signer namespaces="{NAMESPACE}" {ssh_form(case.signer.public, "signer")}'
    signers = case.write("allowed-signers", line)
    signature = case.write("signature", case.signature)
    argv = [program("ssh-keygen"), "-Y", "verify", "-f", signers, "-I", "signer",
            "-n", NAMESPACE, "-s", signature]  # fmt: skip
    return run_offline(argv, stdin=case.document).returncode == 0


def cosign(case: Case) -> bool:
    root = case.write("empty-root.json", json.dumps(EMPTY_ROOT))
    return _cosign(case, "cosign", "--new-bundle-format", "--trusted-root", root)


def cosign_3(case: Case) -> bool:
    return _cosign(case, "cosign-3")


def cosign_plain(case: Case) -> bool:
    signature = case.write("signature", case.signature)
    argv = ["verify-blob", "--key", case.pem(), "--signature", signature,
            "--insecure-ignore-tlog=true", str(case.document)]  # fmt: skip
    return run_offline([program("cosign"), *argv]).returncode == 0


def _cosign(case: Case, name: str, *options: str) -> bool:
    bundle = case.write("signature", case.signature)
    argv = ["verify-blob", "--key", case.pem(), "--bundle", bundle, "--insecure-ignore-tlog=true"]
    return run_offline([program(name), *argv, *options, str(case.document)]).returncode == 0


BOTH = (ED25519, P256)
# Each verifier, the form of signature that it reads, the kinds of keys that it takes.
VERIFIERS: dict[str, tuple[Callable[[Case], bool], str, tuple[str, ...]]] = {
    "minisign": (minisign, "minisig", (ED25519,)),
    "openssl": (openssl, "sig", BOTH),
    "ssh-keygen": (ssh_keygen, "sshsig", BOTH),
    "cosign": (cosign, "sigstore.json", BOTH),
    "cosign --signature": (cosign_plain, "sig", BOTH),
}
# Version 3 is in Debian's unstable suite only: met where it can be had.
if found("cosign-3"):
    VERIFIERS["cosign-3"] = (cosign_3, "sigstore.json", BOTH)
