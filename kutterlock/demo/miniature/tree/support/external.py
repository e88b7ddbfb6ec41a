"""Find out what external trees offer: ``python3 -m support.external OUTPUT [TREE[:TREE]...]``.

Writes ``.br2-external.mk`` for make, and ``.br2-external.in.paths`` and ``.menus`` for Config.in,
into the output directory. An error becomes a make variable, so that make can show it.
"""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HEADER = "#\n# Automatically generated file; DO NOT EDIT.\n#\n\n"
NONE = "# No br2-external tree defined.\n"


class ExternalError(Exception):
    """An external tree that cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class External:
    """One external tree; its name is part of the BR2_EXTERNAL_<name>_PATH variables."""

    path: Path
    name: str
    description: str
    version: str


def main() -> int:
    """Write the three files; give the exit code."""
    output = Path(sys.argv[1])
    trees = [tree for argument in sys.argv[2:] for tree in argument.split(":") if tree]
    try:
        externals = read_all(trees)
    except ExternalError as error:
        write(output / ".br2-external.mk", f"BR2_EXTERNAL_ERROR = {error}\n")
        return 0
    write(output / ".br2-external.mk", HEADER + make_text(externals))
    write(output / ".br2-external.in.paths", HEADER + paths_text(externals))
    write(output / ".br2-external.in.menus", HEADER + menus_text(externals))
    return 0


def read_all(trees: list[str]) -> list[External]:
    """Read the trees in the order given."""
    externals: dict[str, External] = {}
    for tree in trees:
        external = read_one(tree)
        if other := externals.get(external.name):
            raise ExternalError(f"'{tree}': name '{other.name}' is already used in '{other.path}'")
        externals[external.name] = external
    return list(externals.values())


def read_one(tree: str) -> External:
    """Check one tree and read its external.desc."""
    path = Path(tree)
    if not path.is_dir():
        raise ExternalError(f"'{tree}': no such file or directory")
    if not (path / "external.desc").is_file():
        raise ExternalError(f"'{tree}': does not have an 'external.desc'")
    text = (path / "external.desc").read_text(encoding="utf-8")
    fields = dict(re.findall(r"^(name|desc): +(.*)$", text, re.MULTILINE))
    name = fields.get("name", "")
    if not name:
        raise ExternalError(f"'{tree}/external.desc': does not define the name")
    if invalid := re.sub(r"\w", "", name, flags=re.ASCII):
        raise ExternalError(f"'{tree}': name '{name}' contains invalid chars: '{invalid}'")
    for needed in ("external.mk", "Config.in"):
        if not (path / needed).is_file():
            raise ExternalError(f"'{tree}/{needed}': no such file or directory")
    return External(
        path=path.absolute(),
        name=name,
        description=fields.get("desc", "") or name,
        version=_git_version(path),
    )


def make_text(externals: list[External]) -> str:
    """Render the variables that Makefiles see."""
    lines = [
        "BR2_EXTERNAL ?=" + "".join(f" {external.path}" for external in externals),
        "export BR2_EXTERNAL_NAMES = ",
        "BR2_EXTERNAL_DIRS = ",
        "BR2_EXTERNAL_MKS = ",
    ]
    for external in externals:
        prefix = f"export BR2_EXTERNAL_{external.name}"
        lines += [
            "",
            f"BR2_EXTERNAL_NAMES += {external.name}",
            f"BR2_EXTERNAL_DIRS += {external.path}",
            f"BR2_EXTERNAL_MKS += {external.path}/external.mk",
            f"{prefix}_PATH = {external.path}",
            f"{prefix}_DESC = {external.description}",
            f"{prefix}_VERSION = {external.version}",
        ]
    return "\n".join(lines) + "\n" + ("" if externals else f"\n{NONE}")


def paths_text(externals: list[External]) -> str:
    """Render the hidden options through which the paths get into .config."""
    if not externals:
        return NONE
    names = " ".join(external.name for external in externals)
    text = _hidden_string("BR2_EXTERNAL_NAMES", names) + "\n"
    for external in externals:
        prefix = f"BR2_EXTERNAL_{external.name}"
        text += _hidden_string(f"{prefix}_PATH", str(external.path))
        text += _hidden_string(f"{prefix}_VERSION", external.version) + "\n"
    return text


def menus_text(externals: list[External]) -> str:
    """Render the menus; with one tree only, its options stand directly in the outer menu."""
    if not externals:
        return NONE
    text = 'menu "External options"\n\n'
    for external in externals:
        inner = f'comment "{external.description} (in {external.path})"\n'
        inner += f'source "{external.path}/Config.in"\n'
        if len(externals) > 1:
            inner = f'menu "{external.description}"\n{inner}endmenu\n'
        text += inner + "\n"
    return text + "endmenu\n"


def write(path: Path, text: str) -> None:
    """Write a file only when that changes it, so that make does not read it twice."""
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _hidden_string(name: str, value: str) -> str:
    return f'config {name}\n\tstring\n\tdefault "{value}"\n'


def _git_version(path: Path) -> str:
    script = Path(__file__).with_name("localversion.sh")
    command = ["sh", str(script), str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


if __name__ == "__main__":
    sys.exit(main())
