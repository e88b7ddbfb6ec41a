"""Who tried to reach a network, told from what programs print: for where calls cannot be seen.

Weaker than adapters/sandbox/seccomp.py: a program that says nothing is not noticed.
"""

import re

from kutterlock.model.sandbox.plan import NetworkAttempt

COMPLAINTS = re.compile(
    r"(?:(?P<program>[\w.+-]+): .*?)?"
    r"(?:could not resolve host(?:name)?|unable to resolve host(?: address)?|network is unreachable"
    r"|temporary failure in name resolution|name or service not known|no address associated with"
    r"|dial (?:tc|ud)p|failed to establish a new connection|no route to host)"
    r"[:\s]*(?P<rest>[^\s,;]*)",
    re.IGNORECASE,
)  # fmt: skip


def attempt_in(line: bytes) -> NetworkAttempt | None:
    """Return the attempt that a line of output tells of, if it does."""
    text = line.decode("utf-8", "replace").strip()
    found = COMPLAINTS.search(text)
    if not found:
        return None
    return NetworkAttempt(
        program=found["program"] or "a program",
        command=text[:1000],
        address=found["rest"].strip("\"'`():\u2018\u2019") or "a network",
        how_known="log",
    )
