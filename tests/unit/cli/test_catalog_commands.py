"""`why`, `outdated`, `audit` and `catalog` as commands: text, JSON, exit codes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kutterlock.adapters.tomlfile import write_lock
from kutterlock.cli.main import main
from tests.support import samples
from tests.support.solving import ask

ROOT = Path(__file__).parents[3]
MANIFEST = """\
[project]
name = "demo"
[inputs]
buildroot = "*"
linux = "*"
[packages.hello]
version = "1.0"
reason = "CVE-2026-0001"
review-by = 2026-09-01
[boards.pc]
arch = "x86_64"
defconfig = "pc_defconfig"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KUTTER_CACHE", str(tmp_path / "cache"))
    (tmp_path / "kutter.toml").write_text(MANIFEST)
    choices = ask().choices
    pins = {name: choices[name].pin() for name in ("buildroot", "linux")}
    write_lock(tmp_path / "kutter.lock", samples.lock()._replace(inputs=pins))
    return tmp_path


def call(project: Path, *argv: str) -> int:
    return main([*argv, "--project", str(project)])


def facts(project: Path, capsys: pytest.CaptureFixture[str], *argv: str) -> Any:  # noqa: ANN401 - JSON
    assert call(project, *argv, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_why_shows_the_choice(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(project, "why", "linux") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:5] == [
        "linux 6.12.104 (input)",
        " constraint  * in kutter.toml",
        " chosen      buildroot 2025.02.16 asks for linux of series 6.12 or older, its newest "
        "kernel headers series (buildroot package/linux-headers/Config.in.host)",
        " newer, refused:",
        "   7.1.9    long-term-first              6.12 has long-term support until 2028-12-31, "
        "7.1 has none (endoflife.date products/linux-kernel.md)",
    ]


def test_why_takes_the_reason_from_the_manifest(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (found,) = facts(project, capsys, "why", "hello")["pins"]
    assert ["reason", "CVE-2026-0001"] in found["facts"]
    assert found["boards"] == ["pc"]


def test_why_of_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(project, "why", "linus") == 2
    assert capsys.readouterr().err == (
        "error: kutter.lock pins nothing called 'linus'\nhint: did you mean linux?\n"
    )


def test_why_reads_no_catalog_and_loads_no_solver(project: Path) -> None:
    code = (
        "import sys; from kutterlock.cli.main import main; "
        f"assert main(['why', 'linux', '--project', {str(project)!r}]) == 0; "
        "print(*sorted({'resolvelib', 'httpx', 'kutterlock.catalog.reader'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT
    )
    assert done.stdout.splitlines()[-1] == ""


def test_a_catalog_of_ones_own(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = project / "own"
    own.mkdir()
    (own / "runc.toml").write_text("[files]\n[releases]\n")
    monkeypatch.setenv("KUTTER_CATALOG", str(own))
    assert facts(project, capsys, "catalog", "show", "runc")["releases"] == []


def test_outdated(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = facts(project, capsys, "outdated")
    assert found["catalog"] == "2026-08-22"
    assert [(item["name"], item["newest"], item["outdated"]) for item in found["inputs"]] == [
        ("buildroot", "2026.05.1", False),
        ("linux", "7.1.9", False),
    ]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--as-of", "2026-09-02"], 0),
        (["--as-of", "2026-09-01", "--strict"], 0),
        (["--as-of", "2026-09-02", "--strict"], 12),
    ],
)
def test_audit_fails_only_when_strict_and_overdue(
    project: Path, capsys: pytest.CaptureFixture[str], options: list[str], code: int
) -> None:
    assert call(project, "audit", *options) == code
    overdue = " FAILS  override-review  packages.hello was to be reviewed by 2026-09-01, 1 days ago"
    assert (overdue in capsys.readouterr().out.splitlines()) == ("2026-09-02" in options)


def test_audit_as_json(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = facts(project, capsys, "audit", "--as-of", "2026-08-22")
    assert found["as-of"] == "2026-08-22"
    assert found["findings"] == []
    assert found["overrides"][0]["reason"] == "CVE-2026-0001"


def test_catalog_show(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert facts(project, capsys, "catalog", "show")["date"] == "2026-08-22"
    rules = facts(project, capsys, "catalog", "show", "rules")["rules"]
    assert "containerd-for-kubernetes" in [rule["name"] for rule in rules]
    kernels = facts(project, capsys, "catalog", "show", "linux")["releases"]
    assert kernels[0]["version"] == "7.1.9"
    (kubernetes,) = facts(project, capsys, "catalog", "show", "kubernetes", "v1.36.3")["releases"]
    assert kubernetes["images"]["registry.k8s.io/kube-proxy:v1.36.3"] is None


def test_catalog_show_spells_out_what_is_unknown(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(project, "catalog", "show", "runc", "1.5.1") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "runc 1.5.1, released 2026-07-14"
    assert next(line.split() for line in lines if "amd64" in line)[1] == "unknown"


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (
            ["nope"],
            "error: the catalog has no input 'nope'\nhint: it has buildroot, linux, kubernetes, "
            "containerd, runc, cni-plugins, cri-tools, flannel, cri-dockerd, and `rules`\n",
        ),
        (
            ["runc", "9.9"],
            "error: the catalog knows no runc 9.9\n"
            "hint: `kutterlock catalog show runc` lists what it knows\n",
        ),
    ],
)
def test_catalog_show_of_nothing(
    project: Path, capsys: pytest.CaptureFixture[str], argv: list[str], text: str
) -> None:
    assert call(project, "catalog", "show", *argv) == 2
    assert capsys.readouterr().err == text
