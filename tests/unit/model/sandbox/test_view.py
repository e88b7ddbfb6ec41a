import pytest

from kutterlock.model.sandbox.plan import Bind, InlineFile, Place, SandboxPlan
from kutterlock.model.sandbox.view import Ground, Step, Top, environment, host_tops, steps

BINDS = (
    Bind(source="/cache/tree", target="/kutter/buildroot"),
    Bind(source="/cache/work", target="/build", writable=True),
)
TOPS = (Top(name="usr"), Top(name="bin", link="usr/bin"), Top(name="build"), Top(name="proc"))


def plan(root: str | None) -> SandboxPlan:
    return SandboxPlan(
        root=root, binds=BINDS, argv=("make",), environment=(("PATH", "/usr/bin"), ("TZ", "X"))
    )


END = (
    Step(kind="dev", target="/dev"),
    Step(kind="proc", target="/proc"),
    Step(kind="bind", target="/proc/sys", source="/proc/sys"),
    Step(kind="tmpfs", target="/tmp", mode=0o1777),
    Step(kind="tmpfs", target="/kutter"),
    Step(kind="bind", target="/kutter/buildroot", source="/cache/tree"),
    Step(kind="bind", target="/build", source="/cache/work", writable=True),
    Step(kind="read-only", target="/kutter"),
    Step(kind="read-only", target="/"),
)
HOSTS = Step(
    kind="file", target="/etc/hosts", content=b"127.0.0.1 localhost kutter\n::1 localhost\n"
)


def test_a_root_of_its_own() -> None:
    ground = Ground(root="/cache/root", tops=TOPS, has_hosts=True, proc=("sys",))
    assert steps(plan("/cache/root"), ground) == (
        Step(kind="link", target="/bin", source="usr/bin"),
        Step(kind="bind", target="/usr", source="/cache/root/usr"),
        HOSTS,
        *END,
    )


def test_a_root_without_hosts_is_left_alone() -> None:
    ground = Ground(root="/cache/root", tops=(), proc=("sys",))
    assert steps(plan("/cache/root"), ground) == END


def test_the_machines_own_tools() -> None:
    ground = Ground(root="/", tops=(Top(name="usr"),), etc=("ld.so.cache",), proc=("sys",))
    made = steps(plan(None), ground)
    assert made[:4] == (
        Step(kind="bind", target="/usr", source="/usr"),
        Step(kind="directory", target="/etc"),
        Step(kind="bind", target="/etc/ld.so.cache", source="/etc/ld.so.cache"),
        HOSTS,
    )
    assert [step.target for step in made[4:7]] == [
        "/etc/passwd",
        "/etc/group",
        "/etc/nsswitch.conf",
    ]
    assert made[7:] == END


def test_of_the_machine_nothing_private_is_seen() -> None:
    names = ("bin", "etc", "home", "lib", "lib64", "root", "srv", "usr", "var")
    assert [top.name for top in host_tops(Top(name=name) for name in names)] == [
        "bin", "lib", "lib64", "usr",
    ]  # fmt: skip


def test_files_made_for_the_program_stand_before_the_inputs_become_read_only() -> None:
    wanted = SandboxPlan(
        root="/r", binds=(), argv=(), environment=(),
        files=(InlineFile(target="/kutter/kutter.mk", content=b"x"),),
    )  # fmt: skip
    assert steps(wanted, Ground(root="/r", tops=()))[-3:] == (
        Step(kind="file", target="/kutter/kutter.mk", content=b"x"),
        Step(kind="read-only", target="/kutter"),
        Step(kind="read-only", target="/"),
    )


def test_the_place_decides_the_time_zone() -> None:
    assert environment(plan(None)) == {"PATH": "/usr/bin", "TZ": "UTC", "PWD": "/"}


def test_a_relative_target_or_an_earlier_clock_is_a_mistake_of_ours() -> None:
    with pytest.raises(AssertionError):
        SandboxPlan(
            root=None, binds=(Bind(source="/a", target="b"),), argv=(), environment=()
        )  # fmt: skip
    with pytest.raises(AssertionError):
        SandboxPlan(root=None, binds=(), argv=(), environment=(), place=Place(clock_offset=-1))
