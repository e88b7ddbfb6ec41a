from kutterlock.model.lock import Trust
from kutterlock.resolve.changes import changes, count_pins
from tests.support import samples


def test_no_change() -> None:
    assert changes(samples.lock(), samples.lock()) == []
    assert count_pins(samples.lock()) == 17


def test_names_what_moved() -> None:
    before = samples.lock()
    pin = before.inputs["buildroot"]._replace(version="2026.08.1")
    source = before.sources["hello/hello-1.0.tar.gz"]._replace(trust=Trust(level="pgp", by="A500"))
    after = before._replace(
        inputs={"buildroot": pin},
        sources={"hello/hello-1.0.tar.gz": source},
        images={},
    )
    assert [str(change) for change in changes(before, after)] == [
        "~ inputs.buildroot: version 2026.08 -> 2026.08.1",
        "~ sources.hello/hello-1.0.tar.gz: trust checksum -> pgp; trusted-by example.org -> A500",
        "- sources.buildroot-2026.08.tar.gz: sha256:6fd45d8e3db234799c879d43...",
        "- images.registry.k8s.io/pause:3.10.2: sha256:1bc04b5291c26a46d9181391...",
    ]


def test_of_lists_and_tables_only_what_came_and_went_is_named() -> None:
    before = samples.lock()
    board = before.boards["pc"]
    packages = {**board.packages, "new": "2", "hello": "1.1"}
    after = before._replace(boards={"pc": board._replace(packages=packages, sources=())})
    assert [str(change) for change in changes(before, after)] == [
        "~ boards.pc: sources -hello/hello-1.0.tar.gz; packages hello 1.0 -> 1.1, +new 2"
    ]
    assert [str(change) for change in changes(before._replace(boards={}), before)] == [
        "+ boards.pc: one package, one source"
    ]
