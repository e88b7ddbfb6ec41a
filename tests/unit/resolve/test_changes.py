import dataclasses

from kutterlock.model.lock import Trust
from kutterlock.resolve.changes import changes, count_pins
from tests.support import samples


def test_no_change() -> None:
    assert changes(samples.lock(), samples.lock()) == []
    assert count_pins(samples.lock()) == 17


def test_names_what_moved() -> None:
    before = samples.lock()
    pin = dataclasses.replace(before.inputs["buildroot"], version="2026.08.1")
    source = dataclasses.replace(
        before.sources["hello/hello-1.0.tar.gz"], trust=Trust(level="pgp", by="A500")
    )
    after = dataclasses.replace(
        before,
        inputs={"buildroot": pin},
        sources={"hello/hello-1.0.tar.gz": source},
        images={},
    )
    assert [str(change) for change in changes(before, after)] == [
        "~ inputs.buildroot: 2026.08 -> 2026.08.1",
        "~ sources.hello/hello-1.0.tar.gz: trust checksum, trusted-by example.org -> "
        "trust pgp, trusted-by A500",
        "- sources.buildroot-2026.08.tar.gz: digest sha256:6fd45d8e3db234799c879d43ff877a...",
        "- images.registry.k8s.io/pause:3.10.2: digest sha256:1bc04b5291c26a46d918139138b992...",
    ]
