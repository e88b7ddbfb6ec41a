"""A Docker Engine of one's own: private folders and socket, no network at all."""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.registry import PATH, program, run


class Dockerd:
    """The daemon with a containerd of its own, started on entering; needs root."""

    def __init__(self) -> None:
        self.place = Path(tempfile.mkdtemp(prefix="kutterlock-dockerd-"))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        for name in ("docker", "docker-proxy", "containerd"):
            program(name)
        configuration = self.place / "daemon.json"
        configuration.write_text("{}")
        argv = [
            "unshare", "--net", "--mount", program("dockerd"), "--config-file", str(configuration),
            "--data-root", f"{self.place}/data", "--exec-root", f"{self.place}/exec",
            "--pidfile", f"{self.place}/pid", "--host", f"unix://{self.place}/socket",
            "--storage-driver=vfs", "--iptables=false", "--ip6tables=false", "--bridge=none",
        ]  # fmt: skip
        with (self.place / "log").open("wb") as log:
            self._process = subprocess.Popen(argv, env={"PATH": PATH}, stdout=log, stderr=log)
        for _ in range(600):
            assert self._process.poll() is None, (self.place / "log").read_text()
            if self.docker("version", check=False).returncode == 0:
                return self
            time.sleep(0.1)
        raise AssertionError("dockerd did not come up: " + (self.place / "log").read_text())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait()
        shutil.rmtree(self.place, ignore_errors=True)

    def docker(self, *argv: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run the command line against this daemon."""
        host = f"unix://{self.place}/socket"
        return run("docker", "--host", host, *argv, check=check, HOME=str(self.place))
