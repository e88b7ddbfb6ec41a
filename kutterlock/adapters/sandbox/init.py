"""The sandbox without bubblewrap: run as `python -I -S init.py FD`, with its spec in FD.

It makes namespaces, a root file system of mounts, gives up every privilege and runs the program
as process 2 under a reaper. The order of things follows bubblewrap's, so that both give the same
view. It stands apart from the package (a fresh process with one thread, standard library only).
Any failure before the program runs ends with status 125 and one line on stderr.
"""

import base64
import ctypes
import json
import os
import select
import signal
import socket
import stat
import struct
import sys
from typing import Any, NoReturn

FAILED = 125

# linux/sched.h, sys/mount.h, linux/mount.h, linux/prctl.h
NAMESPACES = {
    "user": 0x10000000, "mount": 0x00020000, "cgroup": 0x02000000, "uts": 0x04000000,
    "ipc": 0x08000000, "pid": 0x20000000, "net": 0x40000000,
}  # fmt: skip
MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
MS_BIND, MS_REC, MS_SLAVE = 4096, 16384, 1 << 19
MNT_DETACH = 2
MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV = 1, 2, 4
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
SYS_MOUNT_SETATTR = 442
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 24, 38
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
CAPABILITY_VERSION_3 = 0x20080522
SIOCSIFFLAGS, IFF_UP = 0x8914, 1

OLD, NEW = "/oldroot", "/newroot"
NODES = ("null", "zero", "full", "random", "urandom", "tty")
LINKS = {
    "fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2", "core": "/proc/kcore", "ptmx": "pts/ptmx",
}  # fmt: skip

libc = ctypes.CDLL(None, use_errno=True)


def main(spec: dict[str, Any]) -> NoReturn:
    """Carry out the spec: uid, hostname, steps, argv, environment, directory, parent, terminal."""
    enter_namespaces(spec["uid"])
    die_with_parent()
    if os.getppid() != spec["parent"]:
        os._exit(FAILED)
    alive, held = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(held)
        be_first(spec, alive)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGKILL))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os._exit(exit_status(wait_for(child)))


def be_first(spec: dict[str, Any], alive: int) -> NoReturn:
    """Be process 1: set everything up, start the program, reap until it ends."""
    die_with_parent()
    if select.select([alive], [], [], 0)[0]:
        os._exit(FAILED)
    set_up(spec)
    child = os.fork()
    if child == 0:
        become(spec)
    os._exit(exit_status(wait_for(child)))


def set_up(spec: dict[str, Any]) -> None:
    """Make what the program is to see, then give up every capability."""
    name = spec["hostname"].encode()
    check(libc.sethostname(name, len(name)), "sethostname")
    bring_loopback_up()
    old_umask = os.umask(0o022)
    make_root(spec["steps"])
    os.umask(old_umask)
    give_up_privileges()


def become(spec: dict[str, Any]) -> NoReturn:
    """Exec the program."""
    if not spec["terminal"]:
        os.setsid()
    os.chdir(spec["directory"])
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execvpe(spec["argv"][0], spec["argv"], spec["environment"])


def enter_namespaces(uid: int) -> None:
    """Leave every namespace of the machine; `uid` inside is the caller outside."""
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    check(libc.unshare(sum(NAMESPACES.values())), "unshare")
    write("/proc/self/setgroups", b"deny")
    write("/proc/self/uid_map", f"{uid} {outer_uid} 1".encode())
    write("/proc/self/gid_map", f"{uid} {outer_gid} 1".encode())


def die_with_parent() -> None:
    """Be killed when the parent ends; changing credentials clears this, so it is set after."""
    check(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")


def bring_loopback_up() -> None:
    """Set the new namespace's only interface up, as bubblewrap does."""
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP))


def make_root(steps: list[dict[str, Any]]) -> None:
    """Build the new root on a tmpfs of its own and leave the old one behind."""
    mount("", "/", "", MS_REC | MS_SLAVE)
    mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")  # noqa: S108
    os.chdir("/tmp")  # noqa: S108
    os.mkdir("newroot")
    os.mkdir("oldroot")
    pivot_root(".", "oldroot")
    os.chdir("/")
    mount("tmpfs", NEW, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")
    for number, step in enumerate(steps):
        carry_out(step, f"/data{number}")
    check(libc.umount2(OLD.encode(), MNT_DETACH), "umount2")
    os.chdir(NEW)
    pivot_root(".", ".")
    check(libc.umount2(b".", MNT_DETACH), "umount2")
    os.chdir("/")


def carry_out(step: dict[str, Any], data: str) -> None:
    """Do one step; a `file` keeps its content at `data`."""
    target = NEW + step["target"]
    kind = step["kind"]
    if kind == "bind":
        bind(OLD + step["source"], target, writable=step["writable"])
    elif kind == "link":
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.symlink(step["source"], target)
    elif kind == "file":
        write(data, base64.b64decode(step["content"]))
        os.chmod(data, 0o444)
        bind(data, target, writable=False)
    elif kind == "read-only":
        set_attributes(target, MOUNT_ATTR_RDONLY, 0)
    else:
        os.makedirs(target, exist_ok=True)
        make_special(kind, target, step["mode"])


def make_special(kind: str, target: str, mode: int) -> None:
    """Fill a new directory with what the kernel or we make."""
    if kind == "tmpfs":
        mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV, f"mode={mode:o}")
    elif kind == "proc":
        mount("proc", target, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    elif kind == "dev":
        make_dev(target)


def make_dev(target: str) -> None:
    """Mount a minimal /dev: the harmless nodes, a devpts of its own, and shm."""
    mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")
    for name in NODES:
        make_place(f"{target}/{name}", is_directory=False)
        mount(f"{OLD}/dev/{name}", f"{target}/{name}", "", MS_BIND)
        set_attributes(f"{target}/{name}", MOUNT_ATTR_NOSUID, 0)
    for name, link in LINKS.items():
        os.symlink(link, f"{target}/{name}")
    os.mkdir(f"{target}/shm")
    os.mkdir(f"{target}/pts")
    options = "newinstance,ptmxmode=0666,mode=620"
    mount("devpts", f"{target}/pts", "devpts", MS_NOSUID | MS_NOEXEC, options)


def bind(source: str, target: str, *, writable: bool) -> None:
    """Show `source` at `target`, and what is mounted below it."""
    make_place(target, is_directory=stat.S_ISDIR(os.stat(source).st_mode))
    mount(source, target, "", MS_BIND | MS_REC)
    read_only = 0 if writable else MOUNT_ATTR_RDONLY
    set_attributes(target, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | read_only, AT_RECURSIVE)


def make_place(target: str, *, is_directory: bool) -> None:
    """Make an empty mount point, unless something is there."""
    if is_directory:
        os.makedirs(target, exist_ok=True)
    elif not os.path.lexists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        write(target, b"")


def give_up_privileges() -> None:
    """Drop every capability, for good: nothing that is executed later can gain one."""
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
    last = int(read("/proc/sys/kernel/cap_last_cap"))
    for number in range(last + 1):
        check(libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0), "prctl")
    libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    header = struct.pack("Ii", CAPABILITY_VERSION_3, 0)
    check(libc.capset(header, bytes(24)), "capset")


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    """Mount, or bind with MS_BIND."""
    result = libc.mount(
        source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), data.encode()
    )
    check(result, f"mount {target.removeprefix(NEW) or '/'}")


def set_attributes(target: str, attributes: int, flags: int) -> None:
    """Call mount_setattr(2) of Linux 5.12: keeps the flags that the kernel has locked."""
    value = struct.pack("QQQQ", attributes, 0, 0, 0)
    result = libc.syscall(
        ctypes.c_long(SYS_MOUNT_SETATTR), ctypes.c_long(AT_FDCWD), target.encode(),
        ctypes.c_ulong(flags), value, ctypes.c_size_t(len(value)),
    )  # fmt: skip
    check(result, f"mount_setattr {target.removeprefix(NEW) or '/'}")


def pivot_root(new: str, old: str) -> None:
    """Make `new` the root, with the old one at `old`."""
    check(libc.pivot_root(new.encode(), old.encode()), "pivot_root")


def wait_for(child: int) -> int:
    """Reap everything until `child` ends, and return its wait status."""
    while True:
        pid, status = os.wait()
        if pid == child:
            return status


def exit_status(status: int) -> int:
    """Turn a wait status into an exit status as a shell does."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def check(result: int, what: str) -> None:
    """Raise OSError when a call failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def read(path: str) -> str:
    """Read a small file."""
    with open(path, encoding="utf-8") as file:
        return file.read()


def write(path: str, content: bytes) -> None:
    """Write a small file."""
    with open(path, "wb") as file:
        file.write(content)


if __name__ == "__main__":
    try:
        with open(int(sys.argv[1]), encoding="utf-8") as given:
            wanted = json.load(given)
        main(wanted)
    except OSError as error:
        print(f"kutterlock sandbox: {error}", file=sys.stderr, flush=True)
        os._exit(FAILED)
