from pathlib import Path

import pytest

from kutterlock.adapters.sandbox import start
from kutterlock.adapters.sandbox.run import Sandbox, choose_sandbox
from kutterlock.errors import NoSandboxError, UsageError


def fake_bwrap(tmp_path: Path, script: str) -> str:
    """A bubblewrap that cannot."""
    program = tmp_path / "bwrap"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return str(tmp_path)


def setting(root: Path, name: str, value: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(value + "\n")


def test_what_blocks_user_namespaces_is_named(tmp_path: Path) -> None:
    path = fake_bwrap(tmp_path, "echo 'bwrap: No permissions to create a new namespace'; exit 1")
    setting(tmp_path, "kernel/unprivileged_userns_clone", "0")
    setting(tmp_path, "kernel/apparmor_restrict_unprivileged_userns", "1")
    setting(tmp_path, "user/max_user_namespaces", "100")
    with pytest.raises(NoSandboxError) as caught:
        choose_sandbox(path, "bubblewrap", settings=tmp_path)
    assert caught.value.reason == "this machine offers no sandbox to build in"
    assert caught.value.details == (
        "the bubblewrap sandbox does not work: bwrap: No permissions to create a new namespace",
    )
    assert caught.value.hint == (
        "sysctl kernel.unprivileged_userns_clone=1;"
        " sysctl kernel.apparmor_restrict_unprivileged_userns=0, or a profile that allows userns;"
        " or build in none, unprotected, with --sandbox none"
    )


def test_where_no_setting_blocks_a_container_may(tmp_path: Path) -> None:
    with pytest.raises(NoSandboxError) as caught:
        choose_sandbox(fake_bwrap(tmp_path, "exit 1"), "bubblewrap", settings=tmp_path)
    assert caught.value.details == ("the bubblewrap sandbox does not work: it ended at once",)
    assert caught.value.hint == (
        "install bubblewrap; in a container: allow unshare and mount in its seccomp profile, and"
        " an unmasked /proc; or build in none, unprotected, with --sandbox none"
    )


def test_a_sandbox_that_does_not_exist() -> None:
    with pytest.raises(UsageError) as caught:
        choose_sandbox("/usr/bin", "docker")
    assert (caught.value.reason, caught.value.hint) == (
        "there is no sandbox 'docker'", "bubblewrap, unshare or none",
    )  # fmt: skip


def test_each_kind_says_what_it_is() -> None:
    kinds = [Sandbox(kind="bubblewrap"), Sandbox(kind="none")]
    assert [kind.describe() for kind in kinds] == [
        "bubblewrap, no network, attempts told from the log",
        "none: the build sees and can reach the whole machine",
    ]


def test_the_launcher_and_the_init_import_nothing_of_the_package() -> None:
    directory = Path(start.__file__).parent
    for name in ("init.py", "launcher.py"):
        assert "kutterlock." not in (directory / name).read_text()
