"""ssh-agent: keys that sign without leaving it (draft-ietf-sshm-ssh-agent).

An agent's Ed25519 key signs arbitrary bytes, and its P-256 key signs their SHA-256, so both are
full signers. FIDO keys (`sk-...`) sign something of their own and are left out.
"""

import socket
import struct
from dataclasses import dataclass
from pathlib import Path

from kutterlock.errors import KutterError, UsageError
from kutterlock.model.encoding import ssh_wire
from kutterlock.model.signing.keys import PublicKey, read_ssh_blob, ssh_blob
from kutterlock.model.signing.sshsig import from_ssh

TIMEOUT = 120.0
"""Seconds to wait for an answer: the agent may ask its user to confirm."""

LARGEST_ANSWER = 1 << 20
_LIST, _LISTED, _SIGN, _SIGNED = 11, 12, 13, 14


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentKey:
    """A key that the agent holds."""

    socket: Path
    public: PublicKey
    comment: str

    def sign(self, message: bytes) -> bytes:
        """Ask the agent for a signature. Raises KutterError where it refuses."""
        body = (
            ssh_wire.string(ssh_blob(self.public)) + ssh_wire.string(message) + struct.pack(">I", 0)
        )
        answer = _ask(self.socket, _SIGN, body, _SIGNED)
        try:
            return from_ssh(self.public, ssh_wire.split_string(answer)[0])
        except ValueError as error:
            raise KutterError(f"the ssh-agent's answer cannot be read: {error}") from error


def agent_keys(socket_path: Path) -> list[AgentKey]:
    """List the keys of an agent that can sign here. Raises KutterError."""
    answer = _ask(socket_path, _LIST, b"", _LISTED)
    found = []
    try:
        rest = answer[4:]
        while rest:
            blob, rest = ssh_wire.split_string(rest)
            comment, rest = ssh_wire.split_string(rest)
            if key := _usable(blob):
                text = comment.decode("utf-8", "replace")
                found.append(AgentKey(socket=socket_path, public=key, comment=text))
    except ValueError as error:
        raise KutterError(f"the ssh-agent's answer cannot be read: {error}") from error
    return found


def _usable(blob: bytes) -> PublicKey | None:
    try:
        return read_ssh_blob(blob)
    except ValueError:
        return None


def _ask(path: Path, kind: int, body: bytes, expected: int) -> bytes:
    request = ssh_wire.string(bytes([kind]) + body)
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(TIMEOUT)
            connection.connect(str(path))
            connection.sendall(request)
            (size,) = struct.unpack(">I", _receive(connection, 4))
            answer = _receive(connection, size)
    except OSError as error:
        raise UsageError(
            f"the ssh-agent at {path} does not answer: {error}",
            hint="start one and add the key with ssh-add",
        ) from error
    if answer[:1] != bytes([expected]):
        raise KutterError(
            "the ssh-agent refused", hint="it may be locked, or its user did not confirm"
        )
    return answer[1:]


def _receive(connection: socket.socket, size: int) -> bytes:
    if size > LARGEST_ANSWER:
        raise KutterError(f"the ssh-agent's answer is larger than {LARGEST_ANSWER} bytes")
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise KutterError("the ssh-agent hung up")
        data += piece
    return data
