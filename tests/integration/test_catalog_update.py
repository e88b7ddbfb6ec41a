"""`kutterlock catalog update`: every upstream is asked, and what it learns holds or stops."""

import json
import os
from pathlib import Path

import pytest

from kutterlock.adapters.http.client import NOT_THE_FILE, Http
from kutterlock.catalog.reader import Catalog
from kutterlock.cli.main import main
from kutterlock.errors import UsageError
from kutterlock.model.manifest import INPUTS
from kutterlock.model.progress import Silence
from kutterlock.model.settings import Settings
from kutterlock.resolve.live import all_upstreams, ask, signatures_of, unanswered
from kutterlock.resolve.upstreams.protocol import Signatures
from tests.support.fault_server import (
    Behaviour,
    answer,
    endless,
    gzipped,
    partial,
    redirect,
    silent,
    stalled,
    trickled,
    truncated,
)
from tests.support.releases import (
    RELEASES,
    entry,
    github,
    publish_containerd,
    publish_flannel,
)
from tests.support.web import Web

pytestmark = pytest.mark.integration


class TestAll:
    def test_support_dates(self, web: Web, catalog: Catalog, unsigned: Signatures) -> None:
        publish_containerd(web)
        releases = [
            {"name": "2.3", "isLts": True, "eolFrom": "2029-01-31"},
            {"name": "9.9", "isLts": False, "eolFrom": "2030-01-31"},
            {"name": "2.2", "isLts": False, "eolFrom": None},
            {"name": "1.0", "isLts": False, "eolFrom": "2018-12-05"},
        ]
        web.put(
            "https://endoflife.date/api/v1/products/containerd/",
            json.dumps({"schema_version": "1.2.1", "result": {"releases": releases}}),
        )
        upstreams = [item for item in all_upstreams(unsigned) if item.name == "containerd"]
        with Http(web.options) as http:
            answer = ask(catalog, upstreams, http, Silence())
        assert not answer.failures
        assert [(n.series, n.end, n.long_term) for n in answer.support] == [
            ("2.3", "2029-01-31", True),
            ("9.9", "2030-01-31", False),
        ]

    def test_one_that_does_not_answer_keeps_nobody_from_being_heard(
        self, web: Web, catalog: Catalog, unsigned: Signatures
    ) -> None:
        publish_flannel(web)
        with Http(web.options) as http:
            answer = ask(catalog, all_upstreams(unsigned), http, Silence())
        assert [str(release) for release in answer.releases] == ["flannel 9.9.1"]
        assert sorted(answer.failures) == [
            "buildroot", "cni-plugins", "containerd", "cri-dockerd", "cri-tools", "kubernetes",
            "linux", "runc",
        ]  # fmt: skip
        error = unanswered(answer)
        assert error.reason == "some upstreams did not answer; what the others said was kept"
        assert next(line for line in error.details if line.startswith("runc: ")) == (
            "runc: https://api.github.com/repos/opencontainers/runc/releases?... could not be"
            " fetched"
        )

    def test_a_keyring_needs_fingerprints(self, tmp_path: Path) -> None:
        settings = Settings(keyrings={"runc": tmp_path / "keys"})
        with pytest.raises(UsageError) as caught:
            signatures_of(settings, "")
        assert caught.value.reason == "keyring runc is named, but no fingerprint of a key in it"
        assert caught.value.hint == "put the fingerprints that count under [fingerprints] runc"


class TestCommand:
    """`kutterlock catalog update`."""

    @pytest.fixture(autouse=True)
    def _place(self, web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        config = tmp_path / "config.toml"
        config.write_text("[network]\nallowed-hosts = ['localhost']\n")
        for name, value in {
            "KUTTER_CONFIG": str(config),
            "KUTTER_MIRROR": web.server.url,
            "KUTTER_CACHE": str(tmp_path / "cache"),
        }.items():
            monkeypatch.setenv(name, value)

    def test_what_is_new(self, web: Web, capsys: pytest.CaptureFixture[str]) -> None:
        publish_containerd(web)
        assert main(["catalog", "update", "containerd"]) == 0
        assert capsys.readouterr().out == (
            "upstreams asked: 1, new releases: 1; nothing contradicts the catalog\n"
            " containerd  9.9.1  2026-11-01\n"
        )
        assert main(["catalog", "show", "containerd", "9.9.1"]) == 0
        assert "containerd 9.9.1, released 2026-11-01" in capsys.readouterr().out

    def test_a_contradiction_writes_nothing(
        self, web: Web, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        publish_containerd(web)
        name = "containerd-2.3.1-linux-amd64.tar.gz"
        github(web, "containerd/containerd", entry("v9.9.1"), entry("v2.3.1", {name: b"evil"}))
        assert main(["catalog", "update", "containerd"]) == 5
        assert (
            capsys.readouterr()
            .err.splitlines()[-4]
            .endswith("error: two hashes are claimed for containerd 2.3.1 binary amd64")
        )
        assert not (tmp_path / "cache" / "catalog").exists()

    @pytest.mark.parametrize("only", [["runc"], []])
    def test_nobody_answers(
        self, only: list[str], web: Web, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for product in ("containerd", "kubernetes", "linux"):
            del web.server._behaviours[f"/endoflife.date/api/v1/products/{product}/"]
        assert main(["catalog", "update", *only]) == 8
        shown = capsys.readouterr()
        assert shown.out == ""
        reason, *details, hint = shown.err[shown.err.index("error: ") :].splitlines()
        assert reason == (
            "error: no upstream answered: nothing could be checked, and nothing was learnt"
        )
        assert {line.split(":")[0].strip() for line in details} == set(
            only
            or [*INPUTS, *(f"{n} (support dates)" for n in ("containerd", "kubernetes", "linux"))]
        )
        assert hint == "hint: add it to allowed-hosts under [network], or name a mirror"
        assert not (tmp_path / "cache").exists()

    def test_some_answer(self, web: Web, capsys: pytest.CaptureFixture[str]) -> None:
        publish_containerd(web)
        assert main(["catalog", "update", "--json"]) == 8
        facts = json.loads(capsys.readouterr().out)
        assert facts["new"] == ["containerd 9.9.1"]
        assert facts["silent"] == sorted(set(INPUTS) - {"containerd"})
        assert facts["error"] == "some upstreams did not answer; what the others said was kept"
        assert main(["catalog", "update"]) == 8
        assert capsys.readouterr().out == (
            "upstreams asked: 9, new releases: 0; nothing of what was heard contradicts the "
            "catalog\n"
        )

    def test_no_such_upstream(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["catalog", "update", "systemd"]) == 2
        assert capsys.readouterr().err == (
            "error: there is no upstream 'systemd'\n"
            "hint: there are buildroot, linux, kubernetes, containerd, runc, cni-plugins, "
            "cri-tools, flannel, cri-dockerd\n"
        )


API = "/api.github.com/repos/containerd/containerd/releases?per_page=100"
SUMS = f"/{RELEASES.partition('://')[2]}containerd-9.9.1-linux-arm64.tar.gz.sha256sum"


class TestBadAnswers:
    """A server that misbehaves costs its own answer alone; the next run learns it."""

    @pytest.fixture(autouse=True)
    def _place(self, web: Web, tmp_path: Path) -> None:
        publish_containerd(web)
        self.environ = {
            "PATH": os.environ["PATH"],
            "KUTTER_CONFIG": str(tmp_path / "config.toml"),
            "KUTTER_MIRROR": web.server.url,
            "KUTTER_CACHE": str(tmp_path / "cache"),
            "KUTTER_PROGRESS": "86400",
        }
        self.wait(tmp_path, 600)

    def wait(self, tmp_path: Path, seconds: int) -> None:
        (tmp_path / "config.toml").write_text(
            f"[network]\nallowed-hosts = ['localhost']\ntimeout = {seconds}\nattempts = 1\n"
        )

    @pytest.mark.parametrize("target", [API, SUMS])
    @pytest.mark.parametrize(
        ("behaviour", "said"),
        [
            (truncated(b"x" * 100, 50), "the answer ended early, after 50 of 100 bytes"),
            (endless(), "has more than the {limit} bytes that are expected"),
            (trickled(b"x" * 4000, 0.01), "slower than 512 bytes a second for 1 s"),
            (stalled(b"x" * 100, 50), "nothing arrived for 1 s"),
            (silent(), "nothing arrived for 1 s"),
            (redirect("{target}"), "redirects in a circle, back to URL{target}"),
            (gzipped(b"[]"), "sent the file compressed (gzip), though it was asked not to"),
            (answer(503), "answered 503 Service Unavailable"),
            (partial(b"x" * 9, 3, "bytes 3-8/9"), "answered 206 Partial Content"),
        ],
        ids=["truncated", "oversized", "slow", "stalling", "silent", "circle", "compressed", "503",
             "unasked part"],
    )  # fmt: skip
    def test_it_is_said_and_nothing_is_lost(
        self, target: str, behaviour: Behaviour, said: str, web: Web, tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:  # fmt: skip
        update = ["catalog", "update", "containerd"]
        publish_flannel(web)
        assert main(["catalog", "update", "flannel"], self.environ) == 0
        learnt = {path.name: path.read_bytes() for path in (tmp_path / "cache/catalog").iterdir()}
        circle = said.startswith("redirects")
        web.server.on(target, redirect(target) if circle else behaviour)
        capsys.readouterr()
        self.wait(tmp_path, 1 if said.endswith("for 1 s") else 600)
        assert main(update, self.environ) == 8
        self.wait(tmp_path, 600)
        shown = target.partition("?")[0] + ("?..." if "?" in target else "")
        said = said.format(target=shown, limit=(16 if target == API else 8) << 20)
        assert capsys.readouterr().err.replace(web.server.url, "URL") == (
            "error: some upstreams did not answer; what the others said was kept\n"
            f"  containerd: https:/{shown} could not be fetched\n"
            f"  containerd: URL{shown}: {said}\n"
            f"  containerd: https:/{shown}: host {target.split('/')[1]} is not allowed "
            "(allowed: localhost)\n"
            "hint: add it to allowed-hosts under [network], or name a mirror\n"
        )
        kept = {path.name: path.read_bytes() for path in (tmp_path / "cache/catalog").iterdir()}
        assert learnt.items() <= kept.items()
        publish_containerd(web)
        assert main(update, self.environ) == 0
        assert main(["catalog", "show", "containerd", "9.9.1"], self.environ) == 0

    @pytest.mark.parametrize(
        ("page", "said"),
        [
            (b"<html>", "did not answer with JSON: Expecting value: line 1 column 1 (char 0)"),
            (b"[\xff\xfe]", "is not text (byte 0xff at offset 1)"),
        ],
    )
    def test_a_page_that_is_none(
        self, page: bytes, said: str, web: Web, capsys: pytest.CaptureFixture[str]
    ) -> None:
        web.server.on(API, answer(200, page))
        assert main(["catalog", "update", "containerd"], self.environ) == 8
        assert capsys.readouterr().err == (
            "error: some upstreams did not answer; what the others said was kept\n"
            f"  containerd: https:/{API.partition('?')[0]}?... {said}\n"
            f"hint: {NOT_THE_FILE}\n"
        )
