"""Reads a Buildroot log as it grows: which package is at which step.

Buildroot announces a step as `>>> NAME VERSION Step`, between terminal escapes (its MESSAGE
macro); everything else in the log is a program's own output.
"""

import re
from dataclasses import dataclass, field

_ESCAPE = re.compile(rb"\x1b\[[0-9;]*m|\x1b\([AB0-2]|\x0f")
_STEP = re.compile(r">>> (?P<package>\S+) (?P<version>\S*) ?(?P<step>[A-Z].*)")


@dataclass(slots=True)
class StepReader:
    """What the log has told so far. `seen` holds the packages of `known` that have started.

    Buildroot announces virtual packages too, which `known` leaves out: they build nothing.
    """

    known: frozenset[str]
    package: str = ""
    step: str = ""
    seen: set[str] = field(default_factory=set)

    def read(self, line: bytes) -> bool:
        """Take one line; True when it announced a step."""
        if b">>> " not in line:
            return False
        text = _ESCAPE.sub(b"", line).decode("utf-8", "replace").strip()
        match = _STEP.match(text)
        if not match:
            return False
        self.package, self.step = match["package"], match["step"]
        self.seen |= {self.package} & self.known
        return True

    @property
    def where(self) -> str:
        """The current package and step, for people."""
        return f"{self.package}  {self.step}" if self.package else "starting"
