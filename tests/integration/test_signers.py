"""Signers outside of kutterlock: a real ssh-agent, and openssl as the command of an HSM."""

import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kutterlock.adapters.signing.agent import agent_keys
from kutterlock.adapters.signing.keys import sign_checked, write_private_key
from kutterlock.adapters.signing.signer import CommandSigner
from kutterlock.errors import KutterError, UntrustedError, UsageError
from kutterlock.model.signing.keys import P256
from tests.integration.verifiers import VERIFIERS, Case, program
from tests.support.signing import ALICE, BOB, CAROL

pytestmark = pytest.mark.integration
ENVIRONMENT = {"PATH": os.environ["PATH"]}


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "agent"
    process = subprocess.Popen(
        [program("ssh-agent"), "-D", "-a", str(place)], stdout=subprocess.PIPE, env=ENVIRONMENT
    )
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield place
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def add_keys(agent: Path, directory: Path) -> None:
    for name, kind, extra in (("one", "ed25519", []), ("two", "ecdsa", ["-b", "256"]),
                              ("other", "ecdsa", ["-b", "384"])):  # fmt: skip
        path = directory / name
        subprocess.run(
            [program("ssh-keygen"), "-q", "-t", kind, *extra, "-N", "", "-C", name, "-f", path],
            check=True,
        )
        subprocess.run(
            [program("ssh-add"), "-q", path],
            env={**ENVIRONMENT, "SSH_AUTH_SOCK": str(agent)}, check=True, capture_output=True,
        )  # fmt: skip


def test_an_agents_keys_sign_for_every_verifier(agent: Path, tmp_path: Path) -> None:
    from kutterlock.trust.signatures import make_signature

    add_keys(agent, tmp_path)
    keys = agent_keys(agent)
    assert [key.comment for key in keys] == ["one", "two"]
    document = tmp_path / "document"
    document.write_bytes(b"what is signed")
    for key in keys:
        for name in ("minisign", "openssl", "ssh-keygen"):
            verify, form, kinds = VERIFIERS[name]
            if key.public.kind in kinds:
                signature = make_signature(document.read_bytes(), key, "comment", form)
                case = Case(tmp_path, document, signature, key)
                assert verify(case), (name, key.comment)


def test_an_agent_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        agent_keys(tmp_path / "none")
    assert caught.value.hint == "start one and add the key with ssh-add"


@pytest.mark.parametrize("who", [ALICE, BOB], ids=["ed25519", "ecdsa-p256"])
@pytest.mark.parametrize("form", ["raw", "base64"])
def test_a_command_signs(who: object, form: str, tmp_path: Path) -> None:
    signer = BOB if who is BOB else ALICE
    key = tmp_path / "key.pem"
    write_private_key(key, signer, b"")
    openssl = shlex.quote(program("openssl"))
    if signer.public.kind == P256:
        script = f"{openssl} dgst -sha256 -sign {key}"
    else:
        script = (
            f"cat > {tmp_path}/in; {openssl} pkeyutl -sign -rawin -inkey {key} -in {tmp_path}/in"
        )
    if form == "base64":
        script += f" | {openssl} base64"
    command = CommandSigner(
        argv=("sh", "-c", script), environment=ENVIRONMENT, public=signer.public
    )
    assert sign_checked(command, b"what is signed")


def test_a_command_with_another_key_or_a_failure_is_refused(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    write_private_key(key, BOB, b"")
    argv = (program("openssl"), "dgst", "-sha256", "-sign", str(key))
    wrong = CommandSigner(argv=argv, environment=ENVIRONMENT, public=CAROL.public)
    with pytest.raises(UntrustedError):
        sign_checked(wrong, b"x")
    failing = CommandSigner(
        argv=("sh", "-c", "echo no token >&2; exit 3"),
        environment={**ENVIRONMENT, "PIN": "secret"}, public=BOB.public,
    )  # fmt: skip
    with pytest.raises(KutterError) as caught:
        failing.sign(b"x")
    assert caught.value.reason == "sh failed with status 3"
    assert caught.value.details == ("no token",)
    assert "secret" not in caught.value.hint
