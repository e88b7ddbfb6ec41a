"""What `--help` and a run with nothing to do load: start-up is paid on every call."""

import subprocess
import sys
from pathlib import Path

from kutterlock.adapters.disk.store import Store
from tests.support.projects import write_project

REPOSITORY = Path(__file__).resolve().parents[3]
HEAVY = {"asyncio", "cryptography", "getpass", "httpx", "packaging", "resolvelib", "socket", "ssl",
         "subprocess", "tarfile", "tempfile", "tomli_w", "concurrent"}  # fmt: skip

SCRIPT = """
import sys
from kutterlock.cli.main import main
try:
    status = main(sys.argv[1:])
except SystemExit as end:
    status = end.code
assert not status, status
print("\\n" + " ".join(sys.modules))
"""


def modules_of(*words: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-S", "-c", SCRIPT, *words], check=True, capture_output=True, text=True,
        env={"PYTHONPATH": ":".join([str(REPOSITORY), *sys.path[1:]]), "HOME": "/"},
    )  # fmt: skip
    return set(done.stdout.splitlines()[-1].split())


def test_help_loads_no_adapter_and_nothing_heavy() -> None:
    loaded = modules_of("--help")
    assert not loaded & HEAVY
    assert [name for name in loaded if name.startswith("kutterlock.adapters")] == []


def test_a_vendor_with_nothing_to_do_loads_nothing_heavy(tmp_path: Path) -> None:
    project = write_project(tmp_path, {"a/a.tar": b"a"}, "https://upstream.example")
    Store(tmp_path / "store").add_bytes(b"a")
    words = ["vendor", "--project", str(project), "--store", str(tmp_path / "store")]
    assert not modules_of(*words) & HEAVY
