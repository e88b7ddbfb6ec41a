"""Boot an output in QEMU until its console shows a text."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from kutterlock.adapters.disk.files import explained
from kutterlock.adapters.process import replay
from kutterlock.adapters.qemu import Machine, find_qemu, qemu_argv, run_qemu
from kutterlock.errors import BootError

LAST_LINES = 20
LINE_LIMIT = 4096


@dataclass(slots=True)
class Console:
    """What a machine prints: kept in a log, shown by lines, searched for a text.

    The text is found wherever chunks of output happen to end. Control characters are kept from
    the terminal: what boots is not trusted with it.
    """

    expected: bytes
    on_line: Callable[[str], None]
    found: bool = False
    lines: list[str] = field(default_factory=list)
    _line: bytes = b""
    _searched: bytes = b""

    def read(self, chunk: bytes) -> bool:
        """Take output; True once the text has come."""
        window = self._searched + chunk
        self.found = self.found or self.expected in window
        self._searched = window[-max(len(self.expected) - 1, 1) :]
        *whole, self._line = (self._line + chunk).split(b"\n")
        for line in whole:
            self._show(line)
        if len(self._line) > LINE_LIMIT:
            self.flush()
        return self.found

    def flush(self) -> None:
        """Show a line that did not end, such as a prompt."""
        if self._line:
            self._show(self._line)
        self._line = b""

    def _show(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip("\r")
        shown = "".join(character if character.isprintable() else " " for character in text)
        self.lines = [*self.lines[1 - LAST_LINES :], shown.rstrip()]
        self.on_line(shown.rstrip())


@dataclass(frozen=True, slots=True, kw_only=True)
class BootOptions:
    """What to wait for on the console, how long (seconds), where its log goes, where QEMU is."""

    expect: str
    timeout: float
    log: Path
    search_path: str


def boot(machine: Machine, options: BootOptions, on_line: Callable[[str], None]) -> None:
    """Return when the expected text has come. Raises BootError with the console's last lines."""
    _check_files(machine)
    argv = qemu_argv(find_qemu(machine.arch, options.search_path), machine)
    console = Console(options.expect.encode(), on_line)
    with explained(options.log):
        options.log.parent.mkdir(parents=True, exist_ok=True)
        log = options.log.open("wb", buffering=0)
    with log:
        status = run_qemu(argv, lambda chunk: _keep(log.write, console, chunk), options.timeout)
    console.flush()
    if not console.found:
        raise _failure(console, options, argv, status)


def _keep(write: Callable[[bytes], object], console: Console, chunk: bytes) -> bool:
    write(chunk)
    return console.read(chunk)


def _check_files(machine: Machine) -> None:
    request = machine.request
    keys = ("kernel", "initrd", "disk", "firmware")
    named = {key: getattr(request, key) for key in keys}
    missing = [
        f"boot.{key} = {name!r}: the output has no such file"
        for key, name in named.items()
        if name and not (machine.files / name).is_file()
    ]
    if missing or not (request.kernel or request.disk):
        raise BootError(
            f"{machine.files} cannot be booted as kutter.toml says",
            details=missing or ["neither boot.kernel nor boot.disk is given"],
            hint="correct [boards.NAME.boot], or `outputs` of the board and build again",
        )


def _failure(
    console: Console, options: BootOptions, argv: list[str], status: int | None
) -> BootError:
    ended = f"within {options.timeout:g} s" if status is None else f"before QEMU ended ({status})"
    return BootError(
        f"the console did not show {options.expect!r} {ended}",
        details=[*console.lines, f"whole console: {options.log}"],
        hint="start it by hand: " + replay(argv, {}),
    )
