from pathlib import Path

import pytest

from kutterlock.adapters.tomlfile import read_manifest
from kutterlock.errors import ManifestError
from kutterlock.model.manifest import Manifest

SMALL = """\
[project]
name = "demo"

[inputs]
buildroot = "==2025.2.*"

[boards.pc]
arch = "x86_64"
defconfig = "pc_defconfig"
"""


def read(tmp_path: Path, text: str) -> Manifest:
    path = tmp_path / "kutter.toml"
    path.write_text(text)
    return read_manifest(path)


def faults(tmp_path: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(ManifestError) as caught:
        read(tmp_path, text)
    return caught.value.details


def test_reads_a_small_manifest(tmp_path: Path) -> None:
    manifest = read(tmp_path, SMALL)
    assert manifest.inputs == {"buildroot": "==2025.2.*"}
    assert manifest.boards["pc"].arch == "x86_64"
    assert manifest.environment.kind == "host"


def test_every_fault_is_named_with_its_line_and_the_near_key(tmp_path: Path) -> None:
    text = SMALL.replace('arch = "x86_64"', 'arhc = "x86_64"').replace("==2025.2.*", "newest")
    assert faults(tmp_path, text) == (
        "line 5: inputs.buildroot: 'newest' is not a PEP 440 specifier such as '==1.36.*'",
        "line 7: boards.pc.arch: is missing",
        "line 8: boards.pc.arhc: unknown key, did you mean arch?",
    )


@pytest.mark.parametrize(
    ("addition", "fault"),
    [
        ('[inputs.x]\ny = "1"', "line 11: inputs.x: unknown key"),
        ("[packages.m4]\nversion = 1", "line 12: packages.m4.version: expected a string, "
         "found an integer"),
        ('[packages.m4]\nurl = "https://h/m4.tar.xz"', "line 11: packages.m4.sha256: is missing: "
         "a download of your own needs its hash"),
        ('[packages.m4]\npatches = ["../x"]', "line 12: packages.m4.patches: path '../x' leaves "
         "its directory with '..'"),
        ('[packages.m4]\nsha256 = "abc"', "line 12: packages.m4.sha256: 'abc' is not 64 lower-case "
         "hex digits"),
        ('[build-environment]\nkind = "debian"', "line 11: build-environment.suite: is missing: "
         "name a Debian suite such as 'trixie'"),
        ('[boards."../x"]\narch = "x86_64"\ndefconfig = "d"', "line 11: boards.\"../x\": "
         "'../x' is not a name: letters, digits and . _ + - are allowed, a letter or digit first"),
        ('[boards.x]\narch = "x86_64"\ndefconfig = "../d"', "line 13: boards.x.defconfig: "
         "path '../d' leaves its directory with '..'"),
        ('[boards.x]\narch = ""\ndefconfig = "d"', "line 12: boards.x.arch: '' is not one of "
         "x86_64, aarch64"),
        ('[packages."../m4"]\nversion = "1"', "line 11: packages.\"../m4\": "
         "'../m4' is not a name: letters, digits and . _ + - are allowed, a letter or digit first"),
        ('[policy]\nallow-end-of-life = ["lunix"]', "line 12: policy.allow-end-of-life: 'lunix' "
         "is not one of buildroot, linux, kubernetes, containerd, runc, cni-plugins, cri-tools, "
         "flannel, cri-dockerd"),
        ("[images]\nextra = [1]", "line 12: images.extra: expected a list of strings, found an "
         "integer"),
        ('[boards.x]\narch = "x86_64"\ndefconfig = "d"\nimages-in = ["cd"]', "line 14: "
         "boards.x.images-in: 'cd' is not one of disk, partition, iso"),
        ('[boards.pc.boot]\nkernl = "x"', "line 12: boards.pc.boot.kernl: unknown key, did you "
         "mean kernel?"),
    ],
)  # fmt: skip
def test_one_fault(tmp_path: Path, addition: str, fault: str) -> None:
    assert faults(tmp_path, f"{SMALL}\n{addition}\n") == (fault,)


def test_meaning_ignores_comments_order_and_what_no_build_depends_on(tmp_path: Path) -> None:
    reordered = """\
    # a comment
    [boards.pc]
    defconfig = "pc_defconfig"
    arch = "x86_64"
    [boards.pc.boot]
    memory = "4G"
    [inputs]
    buildroot = "==2025.2.*"
    [project]
    name = "demo"
    """
    assert read(tmp_path, SMALL).meaning() == read(tmp_path, reordered).meaning()


def test_meaning_names_what_a_pin_changes(tmp_path: Path) -> None:
    pinned = SMALL + f'[packages.m4]\nversion = "1.4.19"\nsha256 = "{"0" * 64}"\nreason = "why"\n'
    before, after = read(tmp_path, SMALL).meaning(), read(tmp_path, pinned).meaning()
    assert sorted(set(after) - set(before)) == [
        "packages.m4.digest", "packages.m4.patches", "packages.m4.url", "packages.m4.version",
    ]  # fmt: skip
    assert after["packages.m4.version"] == "1.4.19"


def test_says_so_when_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(ManifestError) as caught:
        read_manifest(tmp_path / "kutter.toml")
    assert caught.value.reason == f"there is no {tmp_path / 'kutter.toml'}"
    assert caught.value.hint == "run `kutterlock init` to write one"
