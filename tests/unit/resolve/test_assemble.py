import datetime

from kutterlock.model.digest import Digest
from kutterlock.model.lock import EnvironmentPin, Lock, SourcePin, Trust
from kutterlock.model.lock_format import lock_to_dict, parse_lock
from kutterlock.model.manifest import BoardRequest, Manifest
from kutterlock.resolve.assemble import EvaluatedBoard, Parts, assemble
from tests.support import samples


def board(name: str, *sources: SourcePin) -> EvaluatedBoard:
    return EvaluatedBoard(
        request=BoardRequest(name=name, arch="x86_64", defconfig=f"{name}_defconfig"),
        config=Digest.of(name.encode()),
        packages={"hello": "1"},
        sources=sources,
        images=(),
    )


def lock(*boards: EvaluatedBoard) -> Lock:
    return assemble(
        Parts(
            manifest=Manifest(name="demo", version="1", inputs={"buildroot": "*"}),
            as_of=datetime.date(2026, 8, 22),
            source_date_epoch=1,
            inputs={},
            buildroot=samples.source("buildroot-1.tar.gz"),
            overlays={},
            overrides={},
            boards=boards,
            images={},
            environment=EnvironmentPin(kind="host", architecture="amd64"),
        )
    )


def test_boards_share_a_source_and_the_weaker_trust_counts() -> None:
    one = samples.source("a/a.tar")._replace(trust=Trust(level="pgp", by="F"))
    two = samples.source("a/a.tar")._replace(trust=Trust(level="catalog"), packages=("host-a",))
    made = lock(board("pc", one), board("rpi", two))
    pin = made.sources["a/a.tar"]
    assert pin.trust == Trust(level="catalog")
    assert pin.packages == ("a", "host-a")
    assert made.boards["pc"].sources == made.boards["rpi"].sources == ("a/a.tar",)


def test_other_bytes_under_one_path_get_a_key_each() -> None:
    amd, arm = samples.source("k/kubeadm", data=b"amd"), samples.source("k/kubeadm", data=b"arm")
    made = lock(board("pc", amd), board("rpi", arm))
    assert made.boards["pc"].sources == (f"k/kubeadm#{amd.digest.short}",)
    assert made.boards["rpi"].sources == (f"k/kubeadm#{arm.digest.short}",)
    assert parse_lock(lock_to_dict(made)) == made


def test_the_order_of_boards_does_not_matter() -> None:
    boards = [board("pc", samples.source("a/a.tar")), board("rpi", samples.source("b/b.tar"))]
    assert lock_to_dict(lock(*boards)) == lock_to_dict(lock(*reversed(boards)))
