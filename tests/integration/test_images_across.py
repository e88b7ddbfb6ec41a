"""Images across the gap: out of one registry, in a bundle, into another, with no other input."""

import json
import shutil
from pathlib import Path

import pytest

from kutterlock.adapters.tomlfile import write_lock
from kutterlock.bundle.create import CreateRequest, create
from kutterlock.cli.main import main
from kutterlock.model.progress import Silence
from tests.support import signing
from tests.support.bundles import Far, Near
from tests.support.published import Published, publish
from tests.support.registry import Registry

pytestmark = pytest.mark.integration

MANIFEST = '[project]\nname = "demo"\n[inputs]\nbuildroot = "*"\n'


def bundled(published: Published, near: Near, *, all_platforms: bool) -> list[Path]:
    near.store.add_bytes(b"buildroot-2026.08.tar.gz")
    published.fetch(near.store, all_platforms=all_platforms).check()
    write_lock(near.project / "kutter.lock", published.lock)
    (near.project / "kutter.toml").write_text(MANIFEST)
    request = CreateRequest(
        project=near.project, lock=published.lock, boards=("pc",), signers=(signing.ALICE,),
        all_platforms=all_platforms,
    )  # fmt: skip
    return list(create(request, near.store, near.directory / "b.tar", Silence()).paths)


@pytest.mark.parametrize("platform", ["all", "linux/amd64"])
def test_after_an_import_images_are_pushed_with_no_other_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], platform: str
) -> None:
    """With every platform under the digest of the lock; or one platform under its own."""
    whole = platform == "all"
    near, far = Near(tmp_path / "near"), Far(tmp_path / "far")
    with Registry(tmp_path / "registry") as registry:
        published = publish(registry, tmp_path)
        far.take(bundled(published, near, all_platforms=whole))
    shutil.rmtree(near.directory)
    environ = {"HOME": str(tmp_path / "home"), "PATH": "", "KUTTER_STORE": str(far.store.root)}
    with Registry(tmp_path / "inside") as inside:
        words = ["images", "push", inside.host, "--project", str(far.project), "--board", "pc"]
        words += [] if whole else ["--platform", platform]
        assert main([*words, "--json"], environ) == 0
        facts = json.loads(capsys.readouterr().out)
        lock = published.lock
        for item in facts["images"]:
            name = item["pushed-as"].removeprefix(f"{inside.host}/")
            assert inside.digest(name) == item["digest"]
        indexes = {str(lock.images[key].digest) for key in lock.board("pc").images}
        pushed = {item["digest"] for item in facts["images"]}
        assert pushed == indexes if whole else pushed.isdisjoint(indexes)
        assert len(pushed) == 3
        assert main([*words, "--json"], environ) == 0
        again = json.loads(capsys.readouterr().out)
        assert (again["blobs"], again["manifests"]) == (0, 0)
