"""`kutterlock vendor` of 300 files / 600 MiB from nginx on loopback, against aria2c with checksums,
and a run with nothing to do."""

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from harness import KUTTERLOCK, MIB, Contender, compete, environment, make_files, peer, scratch
from project import write_project

from kutterlock.model.lock import Lock

TITLE = "vendor: 300 files, 600 MiB, from nginx on loopback, 4 at once"
NOTHING_TO_DO = "vendor: 300 files, nothing to do"
CONFIGURATION = """\
daemon off; worker_processes 2; pid {place}/nginx.pid; error_log stderr;
events {{ worker_connections 256; }}
http {{
    access_log off; sendfile on; tcp_nopush on;
    client_body_temp_path {place}/t1; proxy_temp_path {place}/t2; fastcgi_temp_path {place}/t3;
    uwsgi_temp_path {place}/t4; scgi_temp_path {place}/t5;
    server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""


def main() -> None:
    with scratch() as name:
        place = Path(name)
        place.chmod(0o755)
        files = make_files(place / "files", 300, 600 * MIB)
        with nginx(place, place / "files") as url:
            if not url:
                return
            lock = write_project(place / "project", files, url)
            subject = vendor("kutterlock vendor -j4", place, fresh=True)
            compete(TITLE, subject, aria2c(place, lock))
        compete(NOTHING_TO_DO, vendor("kutterlock vendor", place, fresh=False), ())


def vendor(name: str, place: Path, *, fresh: bool) -> Contender:
    argv = [*KUTTERLOCK, "vendor", "-j4", "--project", str(place / "project")]
    store = place / "store"

    def empty() -> None:
        if fresh:
            shutil.rmtree(store, ignore_errors=True)

    own = environment(KUTTER_STORE=str(store), KUTTER_CACHE=str(place / "cache"))
    return Contender(name, argv, own, prepare=empty)


def aria2c(place: Path, lock: Lock) -> list[Contender]:
    found = peer("aria2c", "--version")
    if not found:
        return []
    lines = [
        f"{pin.urls[0]}\n  out={pin.path.name}\n  checksum=sha-256={pin.digest.hex}\n"
        for pin in lock.sources.values()
    ]
    (place / "aria2.txt").write_text("".join(lines))
    target = place / "aria2"
    argv = [found, "--no-conf", "-q", "-j4", "--file-allocation=none", "-d", str(target),
            "-i", str(place / "aria2.txt")]  # fmt: skip

    def empty() -> None:
        shutil.rmtree(target, ignore_errors=True)

    return [Contender("aria2c -j4 with checksums", argv, environment(), prepare=empty, target=1.0)]


@contextlib.contextmanager
def nginx(place: Path, root: Path) -> Iterator[str]:
    """Serve `root` and yield its URL, '' where nginx is missing."""
    found = peer("nginx", "-v")
    if not found:
        yield ""
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    configuration = place / "nginx.conf"
    configuration.write_text(CONFIGURATION.format(place=place, port=port, root=root))
    argv = [found, "-p", str(place), "-c", str(configuration), "-e", "stderr"]
    server = subprocess.Popen(argv, env=environment(), stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.terminate()
        server.wait()


def wait_for(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise SystemExit("nginx did not come up")


if __name__ == "__main__":
    main()
