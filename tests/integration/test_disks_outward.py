"""Disks that are full or read-only under what is signed, exported or learnt: the old files stay."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.disks import FULL, READ_ONLY, last_words, mounted
from tests.support.fault_server import FaultServer
from tests.support.finished import BOARD
from tests.support.line import Line, copy_of
from tests.support.releases import publish_containerd
from tests.support.web import Web

pytestmark = pytest.mark.integration


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A command line that writes below `place`, and the file that it is told of ($D as D).

    `before` is run first; `read_only` is told of in place of `error` where nothing can be made.
    """

    words: str
    place: str
    error: str
    before: str = ""
    read_only: str = ""


RELEASE = "D/project/kutter.release.json"
OUTPUT = "D/project/output/DERIVATION"
CASES = {
    "sign": Case(
        words="sign --key release", place="project",
        error="D/project/signatures/kutter.release.json.KEY.minisig",
    ),
    "sign-anew": Case(
        words="sign --key release --expires 2099-01-01", place="project", error=RELEASE
    ),
    "sign-file": Case(
        words="sign $D/project/kutter.toml --key release", place="project",
        error="D/project/signatures/kutter.toml.KEY.minisig",
    ),
    "attest": Case(
        words=f"attest --board {BOARD} --key release", place="project",
        error=f"{OUTPUT}/sbom.cdx.json",
    ),
    "sbom": Case(
        words=f"sbom --board {BOARD} --to $D/out/bill.json", place="out",
        error="D/out/bill.json", before=f"sbom --board {BOARD} --to $D/out/bill.json",
    ),
    "export": Case(
        words="images export $D/out", place="out", error=f"D/out/{BOARD}-images.tar",
        before="images export $D/out",
    ),
    "export-iso": Case(
        words="images export $D/out --format iso", place="out", error=f"D/out/{BOARD}-images.iso",
    ),
    "export-directory": Case(
        words="images export $D/out --format directory", place="out",
        error=f"D/out/{BOARD}-images", read_only="D/out",
    ),
    "key": Case(
        words="key generate other --no-passphrase", place="keys", error="D/keys/other.pem"
    ),
}  # fmt: skip


@pytest.fixture
def line(finished: Line, tmp_path: Path) -> Line:
    return copy_of(finished, tmp_path / "demo")


def on_a_disk(case: Case, make_bad: str) -> str:
    """Return a script that runs a command on a disk, before and after it was made a bad one."""
    return f"""
        files() {{ find . -type f ! -name filler -exec sha256sum {{}} + | sort; }}
        listed() {{ (cd $D/{case.place} && files); }}
        k() {{ verb=$1; shift; $K $verb --project $D/project "$@"; }}
        mkdir -p $D/{case.place} $D/disk && mount -t tmpfs -o size=4m tmpfs $D/disk || exit 99
        cp -a $D/{case.place}/. $D/disk/ && mount --bind $D/disk $D/{case.place} || exit 99
        {f"k {case.before} >/dev/null || exit 98" if case.before else ""}
        {make_bad}
        listed >$D/before
        k {case.words}; echo "status $?"
        listed >$D/after
        cmp $D/before $D/after && echo same
        find $D -name '.unverified-*'
        rm -f $D/disk/filler
        k {case.words} >/dev/null 2>&1; echo "status $?"
    """


def told(line: Line, text: str) -> str:
    """Return the error, with names that differ from run to run put by their kind."""
    derivation = next((line.project / "output").glob(f"*-{BOARD}")).name
    public = line.must("key", "show", "release").output
    short = public.split("id ")[1].strip()[:16]
    return last_words(line, text).replace(derivation, "DERIVATION").replace(short, "KEY")


@pytest.mark.parametrize("name", CASES)
def test_a_full_disk(name: str, line: Line) -> None:
    case = CASES[name]
    filled = f"dd if=/dev/zero of=$D/{case.place}/filler 2>/dev/null"
    done = mounted(line, on_a_disk(case, filled))
    assert told(line, done.stderr) == f"error: no space left while writing {case.error}\n{FULL}"
    assert done.stdout.splitlines()[-3:] == ["status 14", "same", "status 0"], done.stdout


@pytest.mark.parametrize("name", CASES)
def test_a_read_only_disk(name: str, line: Line) -> None:
    case = CASES[name]
    done = mounted(line, on_a_disk(case, f"mount -o remount,bind,ro $D/{case.place} || exit 97"))
    assert told(line, done.stderr) == (
        f"error: {case.read_only or case.error} is on a read-only file system\n{READ_ONLY}"
    )
    assert done.stdout.splitlines()[-3:] == ["status 1", "same", "status 1"], done.stdout


@pytest.mark.parametrize(
    ("make_bad", "status", "said"),
    [
        ("dd if=/dev/zero of=$D/cache/catalog/filler 2>/dev/null", 14,
         "no space left while writing D/cache/catalog/containerd.toml"),
        ("mount -o remount,bind,ro $D/cache/catalog || exit 97", 1,
         "D/cache/catalog/containerd.toml is on a read-only file system"),
    ],
)  # fmt: skip
def test_catalog_update(make_bad: str, status: int, said: str, line: Line) -> None:
    config = line.demonstration.directory / "config.toml"
    config.write_text("[network]\nallowed-hosts = ['localhost']\nattempts = 1\n")
    case = Case(words="catalog update containerd", place="cache/catalog", error="")
    with FaultServer() as server:
        web = Web(server)
        web.put(
            "https://endoflife.date/api/v1/products/containerd/", '{"result": {"releases": []}}'
        )
        publish_containerd(web)
        done = mounted(line, on_a_disk(case, make_bad),
                       KUTTER_CATALOG="", KUTTER_MIRROR=server.url)  # fmt: skip
    hint = FULL if status == 14 else READ_ONLY
    assert last_words(line, done.stderr) == f"error: {said}\n{hint}"
    after = 0 if status == 14 else status
    assert done.stdout.splitlines()[-3:] == [f"status {status}", "same", f"status {after}"]
