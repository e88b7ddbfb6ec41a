"""The build environment `host`: the machine as it is, identified for the provenance, impure."""

from pathlib import Path

from kutterlock.adapters.process import find_program, run
from kutterlock.errors import KutterError

PROGRAMS = ("gcc", "g++", "ld", "make", "bash", "tar", "perl", "python3")
OS_RELEASE = Path("/etc/os-release")

_LONGEST = 200


def host_facts(search_path: str, os_release: Path = OS_RELEASE) -> dict[str, str]:
    """Return what tells this machine from another: its release and its tools' first lines."""
    facts = {"os": _release(os_release)}
    for name in PROGRAMS:
        program = find_program(name, search_path)
        facts[name] = _version(program, search_path) if program else "missing"
    return facts


def _release(path: Path) -> str:
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return "unknown"
    values = dict(line.partition("=")[::2] for line in lines if "=" in line)
    return values.get("PRETTY_NAME", "unknown").strip('"')[:_LONGEST]


def _version(program: Path, search_path: str) -> str:
    environment = {"LC_ALL": "C", "PATH": search_path}
    try:
        finished = run([str(program), "--version"], environment, timeout=10)
    except KutterError:
        return "unknown"
    lines = [line.strip() for line in finished.output.decode("utf-8", "replace").splitlines()]
    return next((line for line in lines if line), "unknown")[:_LONGEST]
