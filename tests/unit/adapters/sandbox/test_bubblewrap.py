from kutterlock.adapters.sandbox.bubblewrap import options
from kutterlock.model.sandbox.plan import Bind, Place, SandboxPlan
from kutterlock.model.sandbox.view import Ground, Top, steps

PLAN = SandboxPlan(
    root="/cache/root",
    binds=(
        Bind(source="/cache/tree", target="/kutter/buildroot"),
        Bind(source="/cache/work", target="/build", writable=True),
    ),
    argv=("make", "-C", "/kutter/buildroot"),
    environment=(("PATH", "/usr/bin"), ("LC_ALL", "C")),
    directory="/build",
    place=Place(hostname="elsewhere"),
)
GROUND = Ground(
    root="/cache/root",
    tops=(Top(name="usr"), Top(name="bin", link="usr/bin")),
    has_hosts=True,
    proc=("sys",),
)


def test_a_plan_as_options() -> None:
    assert options(PLAN, steps(PLAN, GROUND), {"/etc/hosts": 5}) == [
        "--unshare-user", "--unshare-all", "--uid", "1000", "--gid", "1000",
        "--hostname", "elsewhere", "--die-with-parent", "--new-session",
        "--cap-drop", "ALL", "--clearenv",
        "--setenv", "LC_ALL", "C",
        "--setenv", "PATH", "/usr/bin",
        "--setenv", "PWD", "/build",
        "--setenv", "TZ", "UTC",
        "--symlink", "usr/bin", "/bin",
        "--ro-bind", "/cache/root/usr", "/usr",
        "--perms", "0444", "--ro-bind-data", "5", "/etc/hosts",
        "--dev", "/dev",
        "--proc", "/proc",
        "--ro-bind", "/proc/sys", "/proc/sys",
        "--perms", "1777", "--tmpfs", "/tmp",
        "--perms", "0755", "--tmpfs", "/kutter",
        "--ro-bind", "/cache/tree", "/kutter/buildroot",
        "--bind", "/cache/work", "/build",
        "--remount-ro", "/kutter",
        "--remount-ro", "/",
        "--chdir", "/build", "--", "make", "-C", "/kutter/buildroot",
    ]  # fmt: skip


def test_with_a_terminal_the_session_is_kept() -> None:
    kept = options(PLAN, (), {}, terminal=True)
    assert "--new-session" not in kept
    assert [word for word in options(PLAN, (), {}) if word != "--new-session"] == kept
