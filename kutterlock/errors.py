"""Every error that a user can meet: what went wrong, and what to do next.

One subclass per thing the user does next, each with the exit code that scripts rely on.
Only `kutterlock.cli.main` turns them into text and an exit status.
"""

from collections.abc import Iterable

FETCH = (
    "run `kutterlock vendor` where there is a network or with --mirror DIR, or import a bundle "
    "that has what is missing"
)
"""The next step where the store lacks something, on either side of an air gap."""

MEND = (
    "run `kutterlock store check --repair`, then `kutterlock vendor` or `kutterlock bundle import`"
)
"""The next step where the store has wrong bytes."""


class KutterError(Exception):
    """What went wrong (`reason`), the single facts (`details`), and the next step (`hint`)."""

    exit_code: int = 1

    def __init__(self, reason: str, *, hint: str = "", details: Iterable[str] = ()) -> None:
        """`details` are shown one a line, in the order given."""
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
        self.details = tuple(details)

    def as_text(self) -> str:
        """Return it as people read it, on as many lines as it takes."""
        lines = [f"error: {self.reason}", *(f"  {detail}" for detail in self.details)]
        return "\n".join([*lines, f"hint: {self.hint}"] if self.hint else lines)


class UsageError(KutterError):
    """The command line, the user's configuration or the manifest cannot be used as it stands."""

    exit_code = 2


class ManifestError(UsageError):
    """`kutter.toml` is wrong; `details` has one line a fault, each naming its key."""


class LockError(KutterError):
    """The lock is missing, damaged, or of a format that this version does not read."""

    exit_code = 3


class StaleLockError(LockError):
    """The lock no longer says what the manifest asks for; `details` names each stale field."""


class NoSolutionError(KutterError):
    """No set of versions satisfies the manifest and the compatibility rules."""

    exit_code = 4


class HashMismatchError(KutterError):
    """Bytes are not the ones that were pinned, or two sources disagree about a hash."""

    exit_code = 5


class UntrustedError(KutterError):
    """A signature is missing, wrong, or by nobody that the pinned trust root names."""

    exit_code = 6


class MissingInputError(KutterError):
    """Something the closure needs is not in the store, and fetching was not allowed."""

    exit_code = 7


class NetworkError(KutterError):
    """An upstream or mirror did not answer as it should."""

    exit_code = 8


class VolumeMissingError(KutterError):
    """A bundle's volume is not there."""

    exit_code = 9


class BuildError(KutterError):
    """The build ran and failed, or did something that fails it, such as reaching for a network."""

    exit_code = 10


class NotReproducibleError(KutterError):
    """Two builds of one derivation gave different bytes."""

    exit_code = 11


class PolicyError(KutterError):
    """An audit rule or a host policy says no."""

    exit_code = 12


class BootError(KutterError):
    """The image did not boot to the expected text."""

    exit_code = 13


class NoSpaceError(KutterError):
    """The disk has not the room that the work is known to need, or ran full."""

    exit_code = 14


class BundleBaseError(KutterError):
    """A delta bundle's base is missing here, or is not the one that the delta was made from."""

    exit_code = 15


class WrongVolumeError(KutterError):
    """A volume belongs to another bundle."""

    exit_code = 16


class NoSandboxError(KutterError):
    """The machine offers no sandbox; the hint names the setting that blocks it."""

    exit_code = 17


class DifferencesFoundError(KutterError):
    """`diff --exit-code` found differences."""

    exit_code = 18


class InterruptionError(KutterError):
    """A signal ended the work: Ctrl-C, unless its number says otherwise."""

    def __init__(self, number: int = 2) -> None:
        """Take the number of the signal."""
        super().__init__(
            "interrupted", hint="nothing was lost; run the same command again to go on"
        )
        self.exit_code = 128 + number

    def as_text(self) -> str:
        """Return one line, below what the terminal shows of the keys."""
        return f"\n{self.reason}: {self.hint}"
