"""The whole command line on the embedded upstream: a project, its loopback server, its store."""

import contextlib
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kutterlock.cli.main import main
from kutterlock.demo import upstream
from kutterlock.demo.project import Demonstration, lay_out, point_at
from kutterlock.demo.server import serve
from tests.support.fault_server import Behaviour, FaultServer, ranged

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What one command came to."""

    status: int
    output: str
    errors: str


@dataclass(frozen=True, slots=True)
class Line:
    """A project to run commands on."""

    demonstration: Demonstration

    @property
    def project(self) -> Path:
        return self.demonstration.project

    @property
    def manifest(self) -> Path:
        return self.project / "kutter.toml"

    @property
    def lock(self) -> Path:
        return self.project / "kutter.lock"

    def environ(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "KUTTER_PROGRESS": "86400",  # a slow machine says no more than a quick one
            **self.demonstration.environment(),
        }

    def run(self, *words: str) -> Ran:
        """Run a command in this process."""
        output, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            status = main([words[0], "--project", str(self.project), *words[1:]], self.environ())
        return Ran(status=status, output=output.getvalue(), errors=errors.getvalue())

    def must(self, *words: str) -> Ran:
        """Run a command that has to succeed."""
        ran = self.run(*words)
        assert ran.status == 0, ran.output + ran.errors
        return ran

    def start(self, *words: str, **environ: str) -> "subprocess.Popen[bytes]":
        """Start a command in a process of its own, to be interrupted."""
        at = ["--project", str(self.project)]
        argv = [sys.executable, "-B", "-m", "kutterlock", words[0], *at, *words[1:]]
        environment = {**self.environ(), "PYTHONPATH": str(REPOSITORY), **environ}
        return subprocess.Popen(
            argv, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )

    @contextlib.contextmanager
    def connected(self) -> Iterator[None]:
        """Let the embedded upstream answer while the block runs."""
        with serve(self.demonstration.upstream) as url:
            point_at(self.demonstration, url)
            yield

    @contextlib.contextmanager
    def misconnected(
        self,
        faults: Mapping[str, Sequence[Behaviour]],
        *,
        attempts: int = 1,
        timeout: int = 600,
    ) -> Iterator[FaultServer]:
        """Let the upstream answer, but as told for some paths (`host/directory/file`).

        A silence of `timeout` seconds is too long, a proxy leads to nobody else, and nothing is
        tried more than `attempts` times.
        """
        root = self.demonstration.upstream
        with FaultServer() as server:
            for file in root.rglob("*"):
                if file.is_file():
                    server.on(f"/{file.relative_to(root)}", ranged(file.read_bytes()))
            for path, behaviours in faults.items():
                server.on(f"/{path}", *behaviours)
            point_at(self.demonstration, f"{server.url}/")
            with (self.demonstration.directory / "config.toml").open("a") as settings:
                settings.write(
                    f"[network]\ntimeout = {timeout}\nattempts = {attempts}\n"
                    f'proxy = "{server.url}"\nno-proxy = ["localhost"]\n'
                )
            yield server

    def change(self, edits: Mapping[str, str]) -> None:
        """Replace texts in kutter.toml."""
        text = self.manifest.read_text()
        for old, new in edits.items():
            assert old in text, old
            text = text.replace(old, new)
        self.manifest.write_text(text)

    def use_fault(self, name: str) -> None:
        """Make the project's one board a board that misbehaves."""
        upstream.copy_overlay("faults", self.project / "overlays/faults")
        head = self.manifest.read_text().split("[boards.")[0]
        self.manifest.write_text(
            f'{head}[boards.fault]\narch = "x86_64"\noverlays = ["demo", "faults"]\n'
            f'defconfig = "fault_{name}_defconfig"\nimages = false\n'
        )


def copy_of(line: Line, directory: Path) -> Line:
    """Copy a project with its store and caches to a directory that is not there yet."""
    shutil.copytree(line.demonstration.directory, directory, symlinks=True)
    return Line(Demonstration(directory=directory))


def make_line(directory: Path) -> Line:
    """Lay out a project in an empty directory."""
    return Line(lay_out(directory))
