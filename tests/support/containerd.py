"""A containerd of one's own: private root, state and socket; what CRI says, over curl."""

import contextlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.programs import PATH, Running, program, run, running

SYSTEM = "/usr/bin:/bin:/usr/sbin:/sbin"
CONFIGURATION = """\
version = 2
root = "{place}/root"
state = "{place}/state"
[grpc]
  address = "{place}/socket"
[plugins."io.containerd.grpc.v1.cri"]
  stream_server_port = "0"
  [plugins."io.containerd.grpc.v1.cri".cni]
    conf_dir = "{place}/cni"
"""


class Containerd(Running):
    """The daemon, started on entering; needs root."""

    def __init__(self) -> None:
        self.place = Path(tempfile.mkdtemp(prefix="kutterlock-containerd-"))

    @property
    def socket(self) -> str:
        return f"{self.place}/socket"

    def start(self, stack: contextlib.ExitStack) -> None:
        stack.callback(shutil.rmtree, self.place, ignore_errors=True)
        found = shutil.which("containerd", path=SYSTEM)  # the one that fits the system's ctr
        if not found:
            pytest.skip("containerd is not installed")
        program("curl")
        configuration = self.place / "config.toml"
        configuration.write_text(CONFIGURATION.format(place=self.place))
        argv = [found, "--config", str(configuration)]
        stack.enter_context(running(argv, self.place / "log", self._answers))

    def _answers(self) -> bool:
        return self.ctr("version", check=False).returncode == 0

    def ctr(self, *argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return run("ctr", "--address", self.socket, "--namespace", "k8s.io", *argv, check=check)

    def cri_images(self) -> list[dict[str, list[str]]]:
        """Return the images as `ListImages` of CRI v1 tells them: id, tags, digests."""
        answer = self._call("ListImages", b"")
        # ListImagesResponse.images = 1; Image: id = 1, repo_tags = 2, repo_digests = 3
        found = []
        for image in fields(answer, 1):
            tags = [tag.decode() for tag in fields(image, 2)]
            digests = [digest.decode() for digest in fields(image, 3)]
            found.append({"tags": tags, "digests": digests})
        return found

    def cri_has(self, name: str) -> bool:
        """Whether `ImageStatus` finds an image by this very name, as a kubelet asks."""
        spec = bytes([0x0A]) + varint(len(name)) + name.encode()  # ImageSpec.image = 1
        request = bytes([0x0A]) + varint(len(spec)) + spec  # ImageStatusRequest.image = 1
        return bool(list(fields(self._call("ImageStatus", request), 1)))

    def _call(self, method: str, message: bytes) -> bytes:
        """Speak gRPC: curl knows HTTP/2, and a message is five bytes of head and protobuf."""
        request = self.place / "request"
        request.write_bytes(b"\0" + len(message).to_bytes(4, "big") + message)
        argv = [
            program("curl"), "--silent", "--show-error", "--http2-prior-knowledge",
            "--unix-socket", self.socket, "-H", "content-type: application/grpc",
            "-H", "te: trailers", "--data-binary", f"@{request}",
            f"http://localhost/runtime.v1.ImageService/{method}",
        ]  # fmt: skip
        done = subprocess.run(argv, capture_output=True, check=False, env={"PATH": PATH})
        log = (self.place / "log").read_text()
        assert done.returncode == 0, done.stderr.decode() + log
        assert len(done.stdout) >= 5, f"CRI did not answer {method}: {log}"
        return done.stdout[5:]


def fields(message: bytes, wanted: int) -> Iterator[bytes]:
    """Yield the length-delimited fields of that number of a protobuf message."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        if key & 7 == 2:
            size, position = _varint(message, position)
            if key >> 3 == wanted:
                yield message[position : position + size]
            position += size
        elif key & 7 == 0:
            _, position = _varint(message, position)
        else:
            raise AssertionError(f"unexpected wire type {key & 7}")


def varint(number: int) -> bytes:
    head = bytearray()
    while number > 127:
        head.append(number & 127 | 128)
        number >>= 7
    return bytes([*head, number])


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while data[position] & 128:
        value |= (data[position] & 127) << shift
        shift += 7
        position += 1
    return value | data[position] << shift, position + 1


def layout_index(layout: Path) -> list[dict[str, object]]:
    """Return the entries of a layout's index.json."""
    return list(json.loads((layout / "index.json").read_text())["manifests"])
