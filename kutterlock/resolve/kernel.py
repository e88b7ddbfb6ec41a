"""A kernel's configuration against what runs on a node: `kutterlock audit --kernel`.

Pure. Who asks for what is the catalog's; what a board asked for stands in the configuration files
that its defconfig names.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kutterlock.catalog.types import KernelNeed

CUSTOM = "BR2_LINUX_KERNEL_CUSTOM_CONFIG_FILE"
FRAGMENTS = "BR2_LINUX_KERNEL_CONFIG_FRAGMENT_FILES"

OWN_BASE = "BR2_LINUX_KERNEL_USE_CUSTOM_CONFIG"
DEFCONFIG = "BR2_LINUX_KERNEL_DEFCONFIG"
ARCH_DEFAULTS = {"x86_64": "x86_64_defconfig", "aarch64": "defconfig"}
"""What `make defconfig` of a kernel reads."""

_EXTERNAL = re.compile(r"\$\(BR2_EXTERNAL_(?P<tree>[A-Z0-9_]+)_PATH\)/(?P<path>.+)\Z")
_DESCRIBED = re.compile(r"^name:\s*(?P<name>[A-Za-z0-9_]+)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelOption:
    """One option (or `A|B`), what the configuration has of it, and who asks for it.

    `value` is `y`, `m`, or `missing`; `needed_by` and `wanted_by` are names of needs.
    """

    option: str
    value: str
    needed_by: tuple[str, ...]
    wanted_by: tuple[str, ...]

    @property
    def fails(self) -> bool:
        """Whether somebody cannot do without it, and it is missing."""
        return self.value == "missing" and bool(self.needed_by)


def check_kernel(
    config: Mapping[str, str], needs: Iterable[KernelNeed]
) -> tuple[KernelOption, ...]:
    """Return every option that somebody asks for, sorted; `config` has `CONFIG_X` to its value."""
    needs = tuple(needs)
    options = sorted({option for need in needs for option in (*need.required, *need.optional)})
    return tuple(
        KernelOption(
            option=option,
            value=_value(option, config),
            needed_by=tuple(need.name for need in needs if option in need.required),
            wanted_by=tuple(need.name for need in needs if option in need.optional),
        )
        for option in options
    )


def configuration_files(defconfig: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return a board's kernel configuration files: the external tree's name, the path in it.

    `defconfig` is Buildroot's, parsed. The last one that names an option counts. For a file of no
    external tree the name is empty.
    """
    named = [defconfig.get(key, "").strip('"').split() for key in (CUSTOM, FRAGMENTS)]
    matches = [_EXTERNAL.match(name) or name for names in named for name in names]
    return tuple(("", m) if isinstance(m, str) else (m["tree"], m["path"]) for m in matches)


def base_of(defconfig: Mapping[str, str], arch: str) -> str:
    """Return the defconfig of the kernel's own tree that a board starts from; empty for its own."""
    if defconfig.get(CUSTOM, '""').strip('"') and defconfig.get(OWN_BASE, "y") == "y":
        return ""
    own = defconfig.get(DEFCONFIG, "").strip('"')
    return f"{own}_defconfig" if own else ARCH_DEFAULTS[arch]


def tree_name(description: str) -> str:
    """Return what an external tree calls itself in its `external.desc`."""
    match = _DESCRIBED.search(description)
    return match["name"] if match else ""


def _value(option: str, config: Mapping[str, str]) -> str:
    values = [config.get(f"CONFIG_{name}", "n") for name in option.split("|")]
    return next((value for value in ("y", "m") if value in values), "missing")
