"""Locks edited by hand, overlays that are not what they were: one sentence, nothing built."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.line import Line

pytestmark = pytest.mark.integration

BUILD = ("build", "--offline", "--board", "demo-x86_64")
UNTRUSTED = "error: kutter.lock cannot be trusted as it stands\n"
TAKE_BACK = "hint: take it back from version control, or run `kutterlock resolve`\n"
NAMES = "is not a name: letters, digits and . _ + - are allowed, a letter or digit first"
GLYPH = '[sources."libglyph/libglyph-2.1.tar.gz"]'


def edited(old: str, new: str) -> Callable[[str], str]:
    def edit(text: str) -> str:
        assert old in text
        return text.replace(old, new)

    return edit


EDITS: dict[str, tuple[Callable[[str], str], str]] = {
    "format": (
        edited("lock-version = 1", "lock-version = 2"),
        "error: kutter.lock has format version 2; this kutterlock reads 1\n"
        "hint: use the kutterlock release that wrote it, or run `kutterlock resolve`\n",
    ),
    "recipe": (
        edited("recipe-version = 1", 'recipe-version = "one"'),
        "error: kutter.lock has recipe version 'one'; this kutterlock reads 1\n"
        "hint: use the kutterlock release that wrote it, or run `kutterlock resolve`\n",
    ),
    "path": (
        edited(GLYPH, GLYPH + '\npath = "../../../etc/passwd"'),
        f'{UNTRUSTED}  sources."libglyph/libglyph-2.1.tar.gz".path: '
        f"path '../../../etc/passwd' leaves its directory with '..'\n{TAKE_BACK}",
    ),
    "absolute path": (
        edited(GLYPH, GLYPH + '\npath = "/etc/passwd"'),
        f'{UNTRUSTED}  sources."libglyph/libglyph-2.1.tar.gz".path: '
        f"path '/etc/passwd' is absolute\n{TAKE_BACK}",
    ),
    "output": (
        edited('    "disk.img",\n', '    "../disk.img",\n'),
        f"{UNTRUSTED}  boards.demo-arm64.outputs: path '../disk.img' leaves its directory with "
        "'..'\n  boards.demo-x86_64.outputs: path '../disk.img' leaves its directory with '..'\n"
        f"{TAKE_BACK}",
    ),
    "package": (
        edited('packages = [\n    "libglyph",', 'packages = [\n    "../../libglyph",'),
        f'{UNTRUSTED}  sources."libglyph/libglyph-2.1.tar.gz".packages: '
        f"'../../libglyph' {NAMES}\n{TAKE_BACK}",
    ),
    "two for one path": (
        lambda text: (
            text.replace(
                '    "linux/linux-6.12.901.tar.gz",\n',
                '    "linux/linux-6.12.901.tar.gz",\n    "other",\n',
            )
            + '\n[sources.other]\npath = "linux/linux-6.12.901.tar.gz"\ndigest = "sha256:'
            + "0" * 64
            + '"\nurls = []\ntrust = "catalog"\npackages = ["linux"]\n'
        ),
        f"{UNTRUSTED}"
        "  boards.demo-arm64.sources: two sources claim the path 'linux/linux-6.12.901.tar.gz'\n"
        "  boards.demo-x86_64.sources: two sources claim the path 'linux/linux-6.12.901.tar.gz'\n"
        f"{TAKE_BACK}",
    ),
    "digest": (
        edited('digest = "sha256:beff', 'digest = "sha256:BEFF'),
        f'{UNTRUSTED}  sources."linux/linux-6.12.901.tar.gz".digest: '
        "'BEFFcafcba2c10e52b523ea4359748a7b8f2632312aeddcdb0ae09074118d0b4' is not 64 lower-case "
        f"hex digits\n{TAKE_BACK}",
    ),
    "unknown source": (
        edited('    "libglyph/libglyph-2.1.tar.gz",\n', '    "libglyph",\n'),
        f"{UNTRUSTED}  boards.demo-arm64.sources: names 'libglyph', which is not in [sources]\n"
        "  boards.demo-x86_64.sources: names 'libglyph', which is not in [sources]\n"
        f"{TAKE_BACK}",
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_lock_edited_by_hand_is_refused_by_every_verb(name: str, line: Line) -> None:
    edit, said = EDITS[name]
    before = line.lock.read_text()
    line.lock.write_text(edit(before))
    for words in (
        BUILD, ("verify",), ("vendor", "--offline"), ("resolve", "--check"), ("tree",),
        ("why", "linux"), ("audit",), ("outdated",), ("diff", str(line.lock)),
        ("shell", "--board", "demo-x86_64", "--", "true"), ("sbom", "--board", "demo-x86_64"),
        ("sign", "--key", "none"), ("attest", "--key", "none"), ("images", "list"),
        ("images", "export", str(line.project / "out")), ("images", "push", "127.0.0.1:1/x"),
        ("bundle", "create"), ("verify", "image", "none"), ("verify", "view", str(line.project)),
    ):  # fmt: skip
        ran = line.run(*words)
        assert (ran.status, ran.output, ran.errors) == (3, "", said), words
    assert line.run("store", "gc").status == 3
    assert not list(line.project.glob("out*"))
    line.lock.write_text(before)
    line.must("verify")


def test_duplicate_pins_are_named(line: Line) -> None:
    before = line.lock.read_text()
    line.lock.write_text(f'{before}\n[inputs.linux]\nversion = "6.12.900"\n')
    ran = line.run(*BUILD)
    number = before.count("\n") + 2
    assert (ran.status, ran.errors) == (3, (
        f"error: {line.lock} is not TOML: Cannot declare ('inputs', 'linux') twice "
        f"(at line {number}, column 14)\nhint: take it back from version control\n"
    ))  # fmt: skip


def test_resolve_over_a_lock_it_cannot_read_says_so_and_leaves_it(line: Line) -> None:
    text = line.lock.read_text().replace("lock-version = 1", "lock-version = 2")
    line.lock.write_text(text)
    ran = line.run("resolve", "--offline")
    assert (ran.status, ran.output, ran.errors) == (3, "", (
        "error: kutter.lock has format version 2; this kutterlock reads 1, "
        "so its pins cannot be kept\n"
        "hint: take it back from version control, or remove it and resolve anew\n"
    ))  # fmt: skip
    assert line.lock.read_text() == text


def test_another_digest_in_the_lock_is_a_file_that_is_not_there(line: Line) -> None:
    wanted = "sha256:" + "0" * 64
    text = line.lock.read_text()
    start = text.index("digest = ", text.index(GLYPH))
    end = text.index("\n", start)
    line.lock.write_text(f'{text[:start]}digest = "{wanted}"{text[end:]}')
    ran = line.run(*BUILD)
    assert ran.status == 7
    assert ran.errors.endswith(
        "error: the closure of demo-x86_64 is not whole: 1 missing\n"
        "  missing: libglyph/libglyph-2.1.tar.gz\n"
        "hint: run `kutterlock vendor` where there is a network or with --mirror DIR, "
        "or import a bundle that has what is missing\n"
    )


def test_another_config_in_the_lock_stops_the_build(line: Line) -> None:
    text = line.lock.read_text()
    start = text.index("\nconfig = ", text.index("[boards.demo-x86_64]")) + 1
    was = text[start : text.index("\n", start)].split('"')[1]
    wanted = "sha256:" + "1" * 64
    line.lock.write_text(text.replace(was, wanted))
    ran = line.run(*BUILD)
    assert ran.status == 3
    assert ran.errors.endswith(
        "error: the configuration of demo-x86_64 is not the one that was locked\n"
        f"  boards.demo-x86_64.config: was {wanted}, is {was}\n"
        "hint: run `kutterlock resolve`; if nothing changed, the build environment differs\n"
    )
    line.lock.write_text(text)
    line.must(*BUILD)


STALE = "hint: run `kutterlock resolve`, then look at the change with `kutterlock diff`\n"


def test_a_missing_overlay_is_named_wherever_it_is_needed(line: Line) -> None:
    overlay = line.project / "overlays/demo"
    kept = overlay.rename(line.project / "kept")
    for words in (BUILD, ("resolve", "--check")):
        ran = line.run(*words)
        assert ran.status == 3
        assert ran.errors == (
            "error: kutter.lock is stale in one field\n"
            f"  overlays.demo: there is no directory overlays/demo\n{STALE}"
        )
    ran = line.run("resolve", "--offline")
    assert (ran.status, ran.errors) == (3, (
        f"error: overlay 'demo' is missing: there is no {overlay}/external.desc\n"
        "hint: put the external tree there, or take the overlay out of kutter.toml\n"
    ))  # fmt: skip
    kept.rename(overlay)
    line.must("resolve", "--check")


def change_bytes(overlay: Path) -> None:
    (overlay / "Config.in").write_text("# another\n")


def change_mode(overlay: Path) -> None:
    (overlay / "Config.in").chmod(0o755)


def add_file(overlay: Path) -> None:
    (overlay / "new").touch()


@pytest.mark.parametrize("change", [change_bytes, change_mode, add_file])
def test_a_changed_overlay_is_named(change: Callable[[Path], None], line: Line) -> None:
    overlay = line.project / "overlays/demo"
    spare = shutil.copytree(overlay, line.project / "spare")
    change(overlay)
    ran = line.run(*BUILD)
    assert (ran.status, ran.output.count("\n")) == (3, 1)
    first, second, hint = ran.errors.splitlines(keepends=True)
    assert first == "error: kutter.lock is stale in one field\n"
    assert second.startswith("  overlays.demo: was sha256:")
    assert hint == STALE
    shutil.rmtree(overlay)
    spare.rename(overlay)
    line.must("resolve", "--check")


def test_what_no_overlay_may_hold(line: Line) -> None:
    overlay = line.project / "overlays/demo"
    cases = {
        "out": ("../../../kutter.toml", "is a symlink that leaves its tree (to {to})"),
        "absolute": ("/etc/passwd", "is a symlink that leaves its tree (to {to})"),
    }
    for name, (target, said) in cases.items():
        (overlay / name).symlink_to(target)
        for words in (BUILD, ("resolve", "--offline"), ("resolve", "--check")):
            ran = line.run(*words)
            assert (ran.status, ran.errors) == (2, (
                f"error: {overlay / name} {said.format(to=target)}\n"
                "hint: copy the file it points at into the tree: only the tree is hashed and "
                "mounted\n"
            ))  # fmt: skip
        (overlay / name).unlink()
    os.mkfifo(overlay / "pipe")
    ran = line.run(*BUILD)
    assert (ran.status, ran.errors) == (
        2, f"error: {overlay}/pipe is neither a file, a directory nor a symlink\n",
    )  # fmt: skip
    (overlay / "pipe").unlink()
    strange = overlay / os.fsdecode(b"\xff")
    strange.touch()
    assert line.run(*BUILD).status == 2
    strange.unlink()
    line.must("resolve", "--check")


def test_a_link_of_the_whole_overlay_may_not_leave_the_project(line: Line) -> None:
    overlay = line.project / "overlays/demo"
    overlay.rename(line.project.parent / "elsewhere")
    overlay.symlink_to("../../elsewhere")
    for words in (BUILD, ("resolve", "--offline"), ("resolve", "--check")):
        ran = line.run(*words)
        assert (ran.status, ran.errors) == (
            2,
            f"error: {overlay} leads out of {line.project} through a symlink\n"
            "hint: put there what it points at: only what is below that directory is looked at\n",
        ), words
