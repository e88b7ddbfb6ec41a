"""A Docker Engine of one's own: private folders and socket, no network at all."""

import contextlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.support.programs import Running, program, run, running


class Dockerd(Running):
    """The daemon with a containerd of its own, started on entering; needs root."""

    def __init__(self) -> None:
        self.place = Path(tempfile.mkdtemp(prefix="kutterlock-dockerd-"))

    def start(self, stack: contextlib.ExitStack) -> None:
        stack.callback(shutil.rmtree, self.place, ignore_errors=True)
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
        stack.enter_context(running(argv, self.place / "log", self._answers))

    def _answers(self) -> bool:
        return self.docker("version", check=False).returncode == 0

    def docker(self, *argv: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run the command line against this daemon."""
        host = f"unix://{self.place}/socket"
        return run("docker", "--host", host, *argv, check=check, HOME=str(self.place))
