"""The approver's page: everything in it, nothing that runs, and commands that work."""

import csv
import html.parser
import re
import shutil
import subprocess
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


@pytest.mark.parametrize("tool", ["minisign", "openssl"])
def test_the_commands_of_the_text_work_as_they_stand(tmp_path: Path, tool: str) -> None:
    if not shutil.which(tool):
        pytest.skip(f"{tool} is not on this machine")
    near = Near(tmp_path, files=some_files(count=5, size=60_000))
    text = checking(reviewed(near)).partition("After that it is safe")[0]
    place = tmp_path / "out"
    public = signing.ALICE.public
    write_atomically(place / "KEY.pem", pem(public).encode())
    minisign = (b"Ed" + public.minisign_id + public.raw).hex()
    write_atomically(place / "KEY.minisign", _minisign_key(bytes.fromhex(minisign)))
    commands = "\n".join(line for line in text.splitlines() if line.startswith("       "))
    unwanted = "openssl pkeyutl" if tool == "minisign" else "minisign "
    script = commands.replace("ID", public.short_id)
    script = "\n".join(
        line for line in script.splitlines()
        if unwanted not in line and f"  {Digest.of(b'').hex}" not in line
        and not re.match(r" +([0-9a-f]{64}  bundle|sha256:|\()", line)
    )  # fmt: skip
    ran = subprocess.run(
        ["sh", "-ec", script], cwd=place, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "bundle.json: OK" in ran.stdout
    assert "FAILED" not in ran.stdout
    signed = {"minisign": "Signature and comment signature verified", "openssl": "Verified"}
    assert signed[tool] in ran.stdout


def _minisign_key(raw: bytes) -> bytes:
    import base64

    return b"untrusted comment: alice\n" + base64.b64encode(raw) + b"\n"


def test_a_bundle_without_kutterlock_does_not_tell_to_run_its_bootstrap(tmp_path: Path) -> None:
    text = checking(reviewed(Near(tmp_path)))
    assert "bootstrap.py" not in text
    assert text.endswith(
        "       kutterlock bundle import b.tar --into PROJECT    # kutterlock is not in it\n"
    )
