"""What integration tests share: projects on the embedded upstream, and pages of real upstreams."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kutterlock.adapters.signing.gpg import Gpg
from kutterlock.catalog.reader import Catalog, load_catalog
from kutterlock.resolve.upstreams.protocol import Signatures
from tests.support.fault_server import FaultServer
from tests.support.finished import finish
from tests.support.line import Line, copy_of, make_line
from tests.support.pgp import Signer, make_signer
from tests.support.web import Web


@pytest.fixture(scope="session")
def vendored(tmp_path_factory: pytest.TempPathFactory) -> Line:
    """A project that was resolved and vendored: look at it, and work on copies."""
    for program in ("make", "cc"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not on this machine")
    line = make_line(tmp_path_factory.mktemp("vendored") / "demo")
    with line.connected():
        line.must("resolve")
        line.must("vendor")
    return line


@pytest.fixture
def line(vendored: Line, tmp_path: Path) -> Line:
    """A vendored project of its own, with no network."""
    return copy_of(vendored, tmp_path / "demo")


@pytest.fixture(scope="session")
def finished(vendored: Line, tmp_path_factory: pytest.TempPathFactory) -> Line:
    """A project that was built and signed: work on copies."""
    line = copy_of(vendored, tmp_path_factory.mktemp("finished") / "demo")
    finish(line)
    return line


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Line]:
    """A project as written, with its upstream answering."""
    made = make_line(tmp_path / "demo")
    with made.connected():
        yield made


@pytest.fixture
def web() -> Iterator[Web]:
    with FaultServer() as server:
        pages = Web(server)
        for product in ("containerd", "kubernetes", "linux"):
            url = f"https://endoflife.date/api/v1/products/{product}/"
            pages.put(url, '{"result": {"releases": []}}')
        yield pages


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return load_catalog(updates=tmp_path / "updates")


@pytest.fixture
def unsigned() -> Signatures:
    return Signatures(gpg=Gpg(os.environ["PATH"]), keyrings={})


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signer]:
    with make_signer(tmp_path_factory.mktemp("gpg") / "home") as signer:
        yield signer
