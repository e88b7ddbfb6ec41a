"""Golden files: whole runs of the command line on the embedded upstream.

    NAME/in/steps    `$ kutterlock ...` and `$ cp FROM TO` (within the project), one a line
    NAME/in/*        copied into the project before the first step
    NAME/out/        `transcript`, and `kutter.lock` as it stands at the end

A step that ends in `>/dev/null` shows its exit status only. What the machine's own compiler and
kind decide is named in place of being shown. KUTTER_TEST_RENEW=1 writes out/ anew: read the
difference before it is committed.
"""

import os
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kutterlock.adapters.disk.files import hash_file
from tests.support.line import Line, make_line

pytestmark = pytest.mark.integration

HERE = Path(__file__).parent
RENEW = bool(os.environ.get("KUTTER_TEST_RENEW"))
QUIET = " >/dev/null"


ARCHITECTURE = re.compile(r"(?<=architecture)(\"? = \"|: )\w+")
CONFIG = re.compile(r"config (?:= \")?sha256:(\w{24})\S*(?: -> sha256:(\w{24}))?")


@dataclass(frozen=True, slots=True)
class Machine:
    """Takes the machine out of texts: with `kind = "host"`, its kind stands in the lock.

    A board's .config names the machine's compiler. Digests of them are numbered as they come, so
    that equal ones and different ones are still told apart.
    """

    configs: list[str] = field(default_factory=list)

    def taken_out(self, text: str) -> str:
        text = ARCHITECTURE.sub(r"\1MACHINE", text)
        for start in (group for match in CONFIG.finditer(text) for group in match.groups()):
            if start and start not in self.configs:
                self.configs.append(start)
        for number, start in enumerate(self.configs, 1):
            text = re.sub(rf"sha256:{start}(\w{{40}}|\.\.\.)", f"sha256:CONFIG-{number}", text)
        return text


def normalised(text: str, line: Line) -> str:
    """Replace what differs from run to run: places, ports, times, the digest of the lock."""
    text = text.replace(str(line.demonstration.directory), "/demo")
    if line.lock.exists():
        text = text.replace(str(hash_file(line.lock)), "sha256:LOCK")
    text = re.sub(r"http://127\.0\.0\.1:\d+", "http://upstream", text)
    text = re.sub(r"\b\d+\.\d+ s\b", "0.0 s", text)
    return re.sub(r"\.unverified-[0-9a-f]+", ".unverified-0", text)


def run_step(step: str, line: Line) -> Iterator[str]:
    """Carry out one step and yield what it showed."""
    program, *words = shlex.split(step.removesuffix(QUIET))
    if program == "cp":
        source, target = (line.project / word for word in words)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        return
    assert program == "kutterlock", step
    ran = line.run(*(word.replace("PROJECT", str(line.project)) for word in words))
    if not step.endswith(QUIET):
        yield from (ran.output, ran.errors)
    if ran.status:
        yield f"[exit {ran.status}]\n"


def transcript(steps: Path, line: Line) -> str:
    """Run every step and write down what a user would see."""
    parts = []
    for step in steps.read_text().splitlines():
        parts.append(f"{step}\n")
        if step.startswith("$ "):
            shown = "".join(run_step(step.removeprefix("$ "), line))
            parts.append(normalised(shown, line))
    return "".join(parts)


def compare(path: Path, found: str) -> None:
    """Compare with a golden file, or renew it."""
    if RENEW:
        path.parent.mkdir(exist_ok=True)
        path.write_text(found)
    assert found == path.read_text(), f"{path}: KUTTER_TEST_RENEW=1 renews it"


@pytest.mark.parametrize(
    "name", sorted(path.parent.parent.name for path in HERE.glob("*/in/steps"))
)
def test_scenario(name: str, tmp_path: Path) -> None:
    for program in ("make", "cc"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not on this machine")
    line = make_line(tmp_path / "demo")
    shutil.copytree(HERE / name / "in", line.project, dirs_exist_ok=True)
    with line.connected():
        found = transcript(HERE / name / "in/steps", line)
    machine = Machine()
    compare(HERE / name / "out/transcript", machine.taken_out(found))
    if line.lock.exists():
        compare(HERE / name / "out/kutter.lock", machine.taken_out(line.lock.read_text()))


def test_the_machine_is_taken_out_and_nothing_else() -> None:
    one, two = "1" * 64, "2" * 64
    text = (
        f'"build-environment.architecture" = "riscv64"\narch = "x86_64"\n'
        f' ~ boards.b: config sha256:{one[:24]}... -> sha256:{two[:24]}...; sources a\n'
        f'config = "sha256:{two}"\ndigest = "sha256:{"3" * 64}"\n'
    )  # fmt: skip
    assert Machine().taken_out(text) == (
        '"build-environment.architecture" = "MACHINE"\narch = "x86_64"\n'
        " ~ boards.b: config sha256:CONFIG-1 -> sha256:CONFIG-2; sources a\n"
        f'config = "sha256:CONFIG-2"\ndigest = "sha256:{"3" * 64}"\n'
    )
