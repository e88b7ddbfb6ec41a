"""What an approver reads before a bundle crosses: a page, a table, and how to check it by hand.

Pure: values in, the bytes of files out. The page is one file, without scripts and without anything
fetched from elsewhere.
"""

import csv
import html
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kutterlock.model.bundle.manifest import Bundle, BundleBlob
from kutterlock.model.digest import Digest
from kutterlock.model.lock import Lock
from kutterlock.vendor.wants import wants_of

BOOTSTRAP = "bootstrap.py"
COLUMNS = ("member", "name", "kind", "bytes", "sha256", "licence", "origin", "change")
STYLE = """\
body{font:14px/1.5 sans-serif;margin:2em;max-width:110em}table{border-collapse:collapse}
td,th{border:1px solid #ccc;padding:2px 8px;text-align:left;vertical-align:top}
code,pre,.d{font:12px monospace}.d{word-break:break-all}pre{background:#f4f4f4;padding:1em}
.new{background:#e6f4e6}.gone{background:#f9e4e4}.changed{background:#fdf6dc}
"""


WARNING = (
    "<p><b>Run nothing of the bundle before it was checked by hand</b>: the commands are below.</p>"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """What the page is about. `licences` by digest of a source; `previous` to compare with."""

    bundle: Bundle
    lock: Lock
    volumes: Sequence[tuple[str, int]]
    licences: Mapping[Digest, str] = field(default_factory=dict)
    previous: Bundle | None = None
    signers: Sequence[str] = ()
    root: Digest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One file of the bundle, or one that the previous had."""

    member: str
    name: str
    kind: str
    size: int
    sha256: str
    licence: str = ""
    origin: str = ""
    change: str = ""

    def cells(self) -> tuple[str, ...]:
        """Return the row as texts, in the order of COLUMNS."""
        return (self.member, self.name, self.kind, str(self.size), self.sha256, self.licence,
                self.origin, self.change)  # fmt: skip


def review_files(reviewed: Reviewed) -> dict[str, bytes]:
    """Return the files of a review, by name."""
    rows = list(make_rows(reviewed))
    return {
        "review.html": _page(reviewed, rows).encode(),
        "files.csv": _table(rows).encode(),
        "CHECKING.txt": checking(reviewed).encode(),
    }


def make_rows(reviewed: Reviewed) -> Iterable[Row]:
    """Yield every file of the bundle, those that the base has, and those that are gone."""
    bundle, previous = reviewed.bundle, reviewed.previous
    before = _known(previous) if previous else {}
    origins = {want.digest: (want.urls or ("",))[0] for want in wants_of(reviewed.lock)}
    for file in bundle.files:
        name = f"project/{file.path}"
        yield Row(
            member=name, name=file.path, kind=f"project {file.kind}", size=file.size,
            sha256=file.sha256, licence="the project's own", origin="the project",
            change=_change(before, name, file.sha256),
        )  # fmt: skip
    for kind, blobs in (("tool", bundle.tools), ("blob", bundle.blobs)):
        unstated = "the project's own" if kind == "tool" else "not stated"
        for blob in blobs:
            origin = origins.get(blob.digest, "kutterlock" if kind == "tool" else blob.name)
            yield Row(
                member=_member(kind, blob), name=blob.name, kind=kind, size=blob.size,
                sha256=blob.sha256, licence=reviewed.licences.get(blob.digest, unstated),
                origin=origin,
                change=_change(before, f"{kind} {blob.name}", blob.sha256),
            )  # fmt: skip
    yield from _gone(bundle, before)


def checking(reviewed: Reviewed) -> str:
    """Return how to check the bundle with sha256sum and minisign or openssl only."""
    names = " ".join(name for name, _ in reviewed.volumes)
    first = reviewed.volumes[0][0]
    identity = Digest.of(reviewed.bundle.to_bytes())
    ids = ", ".join(reviewed.signers) or "nobody"
    return f"""\
How to check this bundle with tools that you have already
=========================================================

On a first crossing run nothing that comes out of the bundle, kutterlock included, before this.
You need: the public key of whoever signs, received another way; tar; sha256sum; minisign or
openssl and base64.

1. In an empty directory unpack the sums and their signatures, then look who signed (ID is the
   signer's: {ids}):

       tar xf {first} SHA256SUMS signatures
       minisign -V -p KEY.minisign -m SHA256SUMS -x signatures/SHA256SUMS.ID.minisig

   or with openssl, from the other form of the same signature:

       grep -o '"signature": *"[^"]*"' signatures/SHA256SUMS.ID.sigstore.json |
           cut -d'"' -f4 | base64 -d > sums.sig
       openssl pkeyutl -verify -pubin -inkey KEY.pem -rawin -in SHA256SUMS -sigfile sums.sig

   (For a key on P-256: openssl dgst -sha256 -verify KEY.pem -signature sums.sig SHA256SUMS)

2. Unpack all volumes into another empty directory, and hold every file against these sums (not
   against another SHA256SUMS that a volume may have put there):

       mkdir all
       for volume in {names}; do tar xf $volume -C all; done
       (cd all && sha256sum -c ../SHA256SUMS)

   Every line has to say OK. Then look for what nobody signed. This has to print nothing:

       find all ! -type d | cut -c5- |
           grep -Ev '^((roots|signatures)/|(volume[.]json|SHA256SUMS)$)' | sort > found
       cut -c67- SHA256SUMS | sort | comm -13 - found

3. bundle.json itself is the first line of SHA256SUMS:

       {identity.hex}  bundle.json

4. kutterlock pins the trust root, by a digest that you compare with one you were given:

       {reviewed.root or "(the project has no trust root)"}

After that it is safe to run what is in `all`:

{_running(reviewed.bundle, names)}"""


def _running(bundle: Bundle, names: str) -> str:
    if any(tool.name == BOOTSTRAP and tool.carried for tool in bundle.tools):
        return (
            "       python3 -I all/tools/bootstrap.py DIR all\n"
            f"       DIR/kutterlock bundle import {names} --into PROJECT --root-digest sha256:...\n"
        )
    return f"       kutterlock bundle import {names} --into PROJECT    # kutterlock is not in it\n"


def _page(reviewed: Reviewed, rows: Sequence[Row]) -> str:
    bundle = reviewed.bundle
    facts = [
        ("project", f"{bundle.project} {bundle.version}"),
        ("boards", ", ".join(bundle.boards)),
        ("bundle.json", str(Digest.of(bundle.to_bytes()))),
        ("lock", bundle.lock),
        ("content", bundle.content),
        ("base", str(bundle.base or "none: this is everything")),
        ("trust root", str(reviewed.root or "none")),
        ("signed by", ", ".join(reviewed.signers) or "nobody"),
        *((f"volume {number}", f"{name}, {size} bytes")
          for number, (name, size) in enumerate(reviewed.volumes, 1)),
    ]  # fmt: skip
    versions = [(name, pin.version) for name, pin in sorted(reviewed.lock.inputs.items())]
    changed = [row for row in rows if row.change]
    body = [
        f"<h1>{_text(bundle.project)} {_text(bundle.version)}: what crosses</h1>",
        WARNING,
        _pairs(facts),
        "<h2>Versions</h2>",
        _pairs(versions),
        f"<h2>Differences to the previous bundle</h2>{_differences(reviewed, changed)}",
        f"<h2>How to check it</h2><pre>{_text(checking(reviewed))}</pre>",
        f"<h2>Every file ({len(rows)})</h2>",
        _rows(rows),
    ]
    title = f"<title>{_text(bundle.project)} {_text(bundle.version)}</title>"
    head = f'<meta charset="utf-8">{title}<style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n' + "\n".join(
        [*body, "</body></html>\n"]
    )


def _differences(reviewed: Reviewed, changed: Sequence[Row]) -> str:
    if reviewed.previous is None:
        return "<p>There is no previous bundle to compare with.</p>"
    if not changed:
        return "<p>None.</p>"
    return _rows(changed)


def _rows(rows: Iterable[Row]) -> str:
    head = "".join(f"<th>{column}</th>" for column in COLUMNS)
    lines = [
        f'<tr class="{row.change}">' + "".join(_cell(text) for text in row.cells()) + "</tr>"
        for row in rows
    ]
    return f"<table><tr>{head}</tr>\n" + "\n".join(lines) + "</table>"


def _cell(text: str) -> str:
    kind = ' class="d"' if len(text) == 64 else ""
    return f"<td{kind}>{_text(text)}</td>"


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    lines = [f"<tr><th>{_text(key)}</th><td>{_text(value)}</td></tr>" for key, value in pairs]
    return "<table>" + "\n".join(lines) + "</table>"


def _table(rows: Iterable[Row]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([_harmless(cell) for cell in row.cells()] for row in rows)
    return buffer.getvalue()


def _harmless(cell: str) -> str:
    # A spreadsheet takes these for a formula.
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t")) else cell


def _text(text: str) -> str:
    return html.escape(text)


def _member(kind: str, blob: BundleBlob) -> str:
    if not blob.carried:
        return "(in the base)"
    return f"tools/{blob.name}" if kind == "tool" else f"blobs/{blob.sha256}"


def _known(bundle: Bundle) -> dict[str, tuple[str, int]]:
    return {
        **{f"project/{file.path}": (file.sha256, file.size) for file in bundle.files},
        **{f"tool {blob.name}": (blob.sha256, blob.size) for blob in bundle.tools},
        **{f"blob {blob.name}": (blob.sha256, blob.size) for blob in bundle.blobs},
    }


def _change(before: dict[str, tuple[str, int]], key: str, sha256: str) -> str:
    if not before:
        return ""
    found = before.get(key)
    if found is None:
        return "new"
    return "" if found[0] == sha256 else "changed"


def _gone(bundle: Bundle, before: Mapping[str, tuple[str, int]]) -> Iterable[Row]:
    for key in sorted(before.keys() - _known(bundle).keys()):
        sha256, size = before[key]
        kind, _, name = key.partition(" ") if " " in key else ("project", "", key)
        yield Row(member="", name=name, kind=kind, size=size, sha256=sha256, change="gone")
