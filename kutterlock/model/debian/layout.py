"""Where the members of a .deb belong in a root file system: pure rules, no file access.

Names in a package are hostile until they went through `member_path`. Since Debian 12 `/bin`,
`/lib`, `/lib64` and `/sbin` are links into `/usr`: here every path is first given the name that
it has behind those links, so that nobody ever writes through a link.
"""

import re
from collections.abc import Mapping

MERGED: Mapping[str, str] = {
    "bin": "usr/bin",
    "lib": "usr/lib",
    "lib32": "usr/lib32",
    "lib64": "usr/lib64",
    "libx32": "usr/libx32",
    "sbin": "usr/sbin",
}
"""The links of a merged `/usr`, by name in the root."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST = 4096

_LEFT_OUT = re.compile(
    r"usr/share/(?:doc|doc-base|info|man|lintian|bug|help)(?:/|\Z)"
    r"|usr/share/locale/[^/]+/LC_MESSAGES(?:/|\Z)"
)


def member_path(name: str) -> str:
    """Return a member's path below the root, `""` for the root itself.

    Raises ValueError for what is absolute, leaves the root, or has control characters.
    """
    text = name.removeprefix("./").rstrip("/")
    if name in (".", "./"):
        return ""
    if name.startswith("/") or not text:
        raise ValueError(f"member {name!r} is absolute or empty")
    if len(name) > _LONGEST or _CONTROL.search(name):
        raise ValueError(f"member {name[:80]!r} has control characters or is too long")
    if any(part in ("", ".", "..") for part in text.split("/")):
        raise ValueError(f"member {name!r} is not a plain path below the root")
    return merged(text)


def merged(path: str) -> str:
    """Rewrite a path to its name behind the links of a merged `/usr`."""
    first, slash, rest = path.partition("/")
    return MERGED.get(first, first) + slash + rest


def check_link(path: str, target: str) -> None:
    """Raise ValueError unless a symlink at `path` stays in the root.

    An absolute target is meant from the root, as the sandbox sees it.
    """
    if not target or len(target) > _LONGEST or _CONTROL.search(target):
        raise ValueError(f"link {path!r} has a target that is empty, too long or has controls")
    depth = 0 if target.startswith("/") else path.count("/")
    for part in target.split("/"):
        depth += -1 if part == ".." else part not in ("", ".")
        if depth < 0:
            raise ValueError(f"link {path!r} leads out of the root (to {target!r})")


def is_left_out(path: str) -> bool:
    """Whether the environment goes without this path: documentation and translations."""
    return _LEFT_OUT.match(path) is not None
