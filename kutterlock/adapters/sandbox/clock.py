"""A later clock inside a sandbox: a small preloaded library, compiled by the environment's own cc.

Dynamically linked programs see the time of day shifted; static ones (Go's) do not, nor do the
times of files. A wait until a time of day lasts longer by the offset.
"""

from collections.abc import Callable
from dataclasses import replace
from importlib import resources

from kutterlock.errors import KutterError
from kutterlock.model.sandbox.plan import InlineFile, Place, SandboxPlan, SandboxResult

SOURCE = "/kutter/clock.c"
LIBRARY = "/kutter/clock.so"
COMPILE = (
    'cc -shared -fPIC -O2 "-DOFFSET=$1" -o /tmp/clock.so ' + SOURCE + " >/tmp/log 2>&1"
    " && cat /tmp/clock.so || { cat /tmp/log; exit 1; }"
)

Run = Callable[[SandboxPlan, Callable[[bytes], None]], SandboxResult]


def with_clock(plan: SandboxPlan, run: Run) -> SandboxPlan:
    """Return the plan with its clock offset brought about; as it is where there is none."""
    if not plan.place.clock_offset:
        return plan
    library = InlineFile(target=LIBRARY, content=_compile(plan, run))
    preload = (*plan.environment, ("LD_PRELOAD", LIBRARY))
    place = replace(plan.place, clock_offset=0)
    return replace(plan, files=(*plan.files, library), environment=preload, place=place)


def _compile(plan: SandboxPlan, run: Run) -> bytes:
    source = resources.files("kutterlock.adapters.sandbox").joinpath("clock_shim.c").read_bytes()
    argv = ("/bin/sh", "-c", COMPILE, "sh", str(plan.place.clock_offset))
    pieces: list[bytes] = []
    result = run(
        SandboxPlan(
            root=plan.root,
            binds=(),
            files=(InlineFile(target=SOURCE, content=source),),
            argv=argv,
            environment=plan.environment,
            place=Place(),
            uid=plan.uid,
        ),
        pieces.append,
    )
    printed = b"".join(pieces)
    if result.status != 0:
        raise KutterError(
            "the build environment's cc cannot compile the library that shifts the clock",
            details=printed.decode("utf-8", "replace").splitlines()[-20:],
            hint="leave `clock` out of --vary, or give the build environment a C compiler",
        )
    return printed
