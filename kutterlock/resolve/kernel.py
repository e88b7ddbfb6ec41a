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

_EXTERNAL = re.compile(r"\$\(BR2_EXTERNAL_[A-Z0-9_]+_PATH\)/")


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


def configuration_files(defconfig: Mapping[str, str]) -> tuple[str, ...]:
    """Return the kernel configuration files of a board, relative to its external tree.

    `defconfig` is Buildroot's, parsed. The last one that names an option counts.
    """
    named = [defconfig.get(key, "").strip('"').split() for key in (CUSTOM, FRAGMENTS)]
    return tuple(_EXTERNAL.sub("", name) for names in named for name in names)


def _value(option: str, config: Mapping[str, str]) -> str:
    values = [config.get(f"CONFIG_{name}", "n") for name in option.split("|")]
    return next((value for value in ("y", "m") if value in values), "missing")
