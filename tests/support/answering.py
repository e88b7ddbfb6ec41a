"""A sandbox that answers as Buildroot would, without running anything."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kutterlock.build import recipe
from kutterlock.model.sandbox.plan import NetworkAttempt, SandboxPlan, SandboxResult

HEADER = (
    "#\n# Automatically generated file; DO NOT EDIT.\n# Buildroot 2025.02.16 Configuration\n#\n"
)


def entry(name: str, version: str = "1.0", **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return show-info's entry for a package with one tarball, hashed by its own .hash file."""
    file = changes.pop("file", f"{name}-{version}.tar.gz")
    site = changes.pop("site", "https://example.org/dl")
    return {
        "type": "target", "name": name, "virtual": False, "version": version, "dl_dir": name,
        "downloads": [{"source": file, "uris": [f"https+{site}"]}],
        "hashes": [f"package/{name}/{name}.hash"],
    } | changes  # fmt: skip


@dataclass
class Answering:
    """Honours every line of the defconfig but those in `drops`, and prints `entries`."""

    entries: Mapping[str, object]
    header: str = HEADER
    drops: tuple[str, ...] = ()
    local_sources: tuple[str, ...] = ()
    status: int = 0
    attempts: tuple[NetworkAttempt, ...] = ()
    plans: list[SandboxPlan] = field(default_factory=list)

    def run(self, plan: SandboxPlan, on_line: Callable[[bytes], None]) -> SandboxResult:
        """Do what the plan's make would do."""
        self.plans.append(plan)
        places = {bind.target: Path(bind.source) for bind in plan.binds}
        on_line(b"first line\n")
        on_line(b"last line\n")
        if "defconfig" in plan.argv:
            lines = places[recipe.DEFCONFIG].read_text().splitlines(keepends=True)
            kept = [line for line in lines if line.strip() not in self.drops]
            (places["/build"] / "out").mkdir()
            (places["/build"] / recipe.CONFIG).write_text(self.header + "".join(kept))
        else:
            printed = [json.dumps(self.entries), *self.local_sources, ""]
            (places["/build"] / recipe.SHOW_INFO).write_text("\n".join(printed))
        return SandboxResult(status=self.status, attempts=self.attempts)
