"""Named tuples are made by keyword, as dataclasses are: Python does not ask for it."""

import ast
from pathlib import Path

import kutterlock

SHORT = {"Fault", "TreeEntry"}
"""Two or three words that nobody mixes up, made where keywords would be in the way."""

MODULES = {path: ast.parse(path.read_text()) for path in Path(kutterlock.__path__[0]).rglob("*.py")}


def classes(module: ast.Module) -> dict[str, bool]:
    """Map a module's classes to whether they are named tuples."""
    return {
        node.name: "NamedTuple" in {base.id for base in node.bases if isinstance(base, ast.Name)}
        for node in ast.walk(module)
        if isinstance(node, ast.ClassDef)
    }


def test_records_are_made_by_keyword() -> None:
    records = {
        name for module in MODULES.values() for name, is_record in classes(module).items()
        if is_record
    } - SHORT  # fmt: skip
    assert {"Lock", "BundleBlob", "Context"} <= records
    positional = [
        f"{path}:{node.lineno}: {node.func.id}"
        for path, module in MODULES.items()
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args
        if node.func.id in records and classes(module).get(node.func.id, True)
    ]
    assert positional == []
