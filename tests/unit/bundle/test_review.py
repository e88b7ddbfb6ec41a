"""The approver's page: everything in it, nothing that runs, and commands that work."""

import csv
import html.parser
import io
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from kutterlock.adapters.disk.files import write_atomically
from kutterlock.bundle.review import Reviewed, Row, _table, checking, make_rows, review_files
from kutterlock.model.digest import Digest
from kutterlock.model.signing.keys import pem
from tests.support import signing
from tests.support.bundles import BASE, Near, base_of, some_files
from tests.support.projects import lock_of


def reviewed(near: Near, **changes: object) -> Reviewed:
    created = near.create(limit=150_000)
    fields = {
        "bundle": created.bundle,
        "lock": lock_of(near.files, BASE),
        "volumes": [(path.name, path.stat().st_size) for path in created.paths],
        "signers": ["alice"],
        **changes,
    }
    return Reviewed(**fields)  # type: ignore[arg-type]


def test_every_file_is_in_the_table_with_digest_licence_and_origin(tmp_path: Path) -> None:
    near = Near(tmp_path)
    data = near.files["p0/p0.tar"]
    review = reviewed(near, licences={Digest.of(data): "Zlib"})
    table = review_files(review)["files.csv"].decode().splitlines()
    rows = {row["name"]: row for row in csv.DictReader(table)}
    assert rows["p0/p0.tar"] == {
        "member": f"blobs/{Digest.of(data).hex}", "name": "p0/p0.tar", "kind": "blob",
        "bytes": str(len(data)), "sha256": Digest.of(data).hex, "licence": "Zlib",
        "origin": f"{BASE}/p0/p0.tar", "change": "",
    }  # fmt: skip
    assert len(rows) == len(review.bundle.files) + len(review.bundle.blobs)


def test_what_changed_since_the_previous_bundle_is_marked(tmp_path: Path) -> None:
    before = Near(tmp_path)
    old = before.create("old.tar").bundle
    files = {**before.files, "p0/p0.tar": b"changed", "q/q.tar": b"new"}
    del files["p1/p1.tar"]
    after = Near(tmp_path, files=files)
    created = after.create("new.tar", base=base_of(old))
    review = reviewed(after, bundle=created.bundle, previous=old)
    changes = {row.name: row.change for row in make_rows(review) if row.change}
    assert changes == {
        "p0/p0.tar": "changed", "q/q.tar": "new", "p1/p1.tar": "gone", "kutter.lock": "changed",
    }  # fmt: skip


class Tags(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.attributes |= {name for name, _ in attrs}


def test_the_page_fetches_and_runs_nothing_whatever_names_are_in_it(tmp_path: Path) -> None:
    near = Near(tmp_path, files={**some_files(), "x/<script>alert(1)</script>.tar": b"x"})
    page = review_files(reviewed(near))["review.html"].decode()
    tags = Tags()
    tags.feed(page)
    assert not tags.found & {"script", "img", "link", "iframe"}
    assert tags.attributes == {"charset", "class", "lang"}
    assert "&lt;script&gt;alert(1)" in page
    assert "Run nothing of the bundle before it was checked by hand" in page


def test_a_table_holds_no_formulas() -> None:
    row = Row(member="=1+1", name="@x", kind="blob", size=1, sha256="a")
    assert _table([row]).splitlines()[1] == "'=1+1,'@x,blob,1,a,,,"


def check_by_hand(near: Near, text: str, tool: str) -> subprocess.CompletedProcess[str]:
    """Run the commands of the text as they stand; skip the test where `tool` is missing."""
    if not shutil.which(tool):
        pytest.skip(f"{tool} is not on this machine")
    place = near.directory / "out"
    public = signing.ALICE.public
    write_atomically(place / "KEY.pem", pem(public).encode())
    minisign = (b"Ed" + public.minisign_id + public.raw).hex()
    write_atomically(place / "KEY.minisign", _minisign_key(bytes.fromhex(minisign)))
    lines = text.partition("After that it is safe")[0].splitlines()
    commands = "\n".join(line for line in lines if line.startswith("       "))
    unwanted = "openssl pkeyutl" if tool == "minisign" else "minisign "
    script = "\n".join(
        line for line in commands.replace(".ID.", f".{public.short_id}.").splitlines()
        if (unwanted not in line and not re.match(r" +([0-9a-f]{64}  bundle|sha256:|\()", line))
        or line.startswith("       (cd all")
    )  # fmt: skip
    return subprocess.run(
        ["sh", "-ec", script], cwd=place, capture_output=True, text=True, check=False
    )


def volumes_of(near: Near) -> list[Path]:
    return sorted((near.directory / "out").glob("b.*.tar"))


def made(tmp_path: Path) -> tuple[Near, str]:
    """Make volumes, and the text that says how to check them."""
    near = Near(tmp_path, files=some_files(count=5, size=60_000))
    text = checking(reviewed(near))
    assert len(volumes_of(near)) > 1
    return near, text


@pytest.mark.parametrize("tool", ["minisign", "openssl"])
def test_the_commands_of_the_text_work_as_they_stand(tmp_path: Path, tool: str) -> None:
    ran = check_by_hand(*made(tmp_path), tool)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    head, *lines = ran.stdout.splitlines()
    signed = {"minisign": "Signature and comment signature verified", "openssl": "Verified"}
    assert signed[tool] in head
    said = [line for line in lines if not line.startswith("Trusted comment:")]
    assert said[0] == "bundle.json: OK"
    assert {line[-4:] for line in said} == {": OK"}


def append(volume: Path, members: dict[str, bytes]) -> None:
    """Add members after the last one: what tar unpacks last counts."""
    with tarfile.open(volume, "a") as archive:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def test_sums_that_nobody_signed_are_not_what_files_are_held_against(tmp_path: Path) -> None:
    near, text = made(tmp_path)
    name = f"blobs/{Digest.of(near.files['p0/p0.tar']).hex}"
    with tarfile.open(volumes_of(near)[0]) as volume:
        sums = volume.extractfile("SHA256SUMS").read().decode()  # type: ignore[union-attr]
    forged = re.sub(f".*{name}", f"{Digest.of(b'evil').hex}  {name}", sums)
    append(volumes_of(near)[-1], {name: b"evil", "SHA256SUMS": forged.encode()})
    ran = check_by_hand(near, text, "openssl")
    assert ran.returncode != 0
    assert [line for line in ran.stdout.splitlines() if "FAILED" in line] == [f"{name}: FAILED"]


def test_what_nobody_signed_is_listed(tmp_path: Path) -> None:
    near, text = made(tmp_path)
    append(volumes_of(near)[-1], {"tools/hashlib.py": b"evil", "volume.json.py": b"evil"})
    ran = check_by_hand(near, text, "openssl")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[-2:] == ["tools/hashlib.py", "volume.json.py"]


def _minisign_key(raw: bytes) -> bytes:
    import base64

    return b"untrusted comment: alice\n" + base64.b64encode(raw) + b"\n"


def test_a_bundle_without_kutterlock_does_not_tell_to_run_its_bootstrap(tmp_path: Path) -> None:
    text = checking(reviewed(Near(tmp_path)))
    assert "bootstrap.py" not in text
    assert text.endswith(
        "       kutterlock bundle import b.001.tar --into PROJECT    # kutterlock is not in it\n"
    )
