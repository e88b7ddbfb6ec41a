"""Fetching: from where, in which order, and what is said of what could not be had."""

from pathlib import Path

import pytest

from kutterlock.adapters.disk.incoming import IncomingBlob
from kutterlock.adapters.disk.store import Store
from kutterlock.errors import (
    HashMismatchError,
    KutterError,
    MissingInputError,
    NetworkError,
    NoSpaceError,
    PolicyError,
)
from kutterlock.model.digest import Digest
from kutterlock.model.progress import Silence
from kutterlock.vendor.fetch import FetchOptions, fetch
from kutterlock.vendor.wants import Want
from tests.support.network import FakeNetwork, KeptProgress, no_network

UPSTREAM = "https://upstream.example/"
BACKUP = "https://backup.example/"
A, B, C = b"a" * 100, b"bb" * 100, b"ccc" * 100


def want(name: str, data: bytes, size: int | None = None) -> Want:
    urls = (UPSTREAM + name, BACKUP + name)
    return Want(digest=Digest.of(data), name=name, urls=urls, size=size)


WANTS = (want("a", A), want("b", B), want("c", C))
EVERYTHING = {UPSTREAM + "a": A, UPSTREAM + "b": B, UPSTREAM + "c": C}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_everything_is_fetched_and_the_connections_closed(store: Store) -> None:
    network = FakeNetwork(EVERYTHING)
    report = fetch(WANTS, store, lambda: network, Silence())
    assert report.fetched == WANTS
    assert (report.present, report.size, report.failures) == (0, 600, ())
    assert report.error() is None
    report.check()
    for item in WANTS:
        store.verify(item.digest)
    assert network.closed == 1


def test_what_is_there_is_not_asked_for(store: Store) -> None:
    for data in (A, B, C):
        store.add_bytes(data)
    report = fetch(WANTS, store, no_network, Silence())
    assert (report.present, report.fetched) == (3, ())


def test_a_file_wanted_twice_is_fetched_once(store: Store) -> None:
    network = FakeNetwork(EVERYTHING)
    report = fetch([WANTS[0], want("again", A)], store, lambda: network, Silence())
    assert report.fetched[0].urls == (*WANTS[0].urls, UPSTREAM + "again", BACKUP + "again")
    assert network.asked == [(UPSTREAM + "a", 0)]


def test_the_next_url_gets_its_turn(store: Store) -> None:
    network = FakeNetwork({UPSTREAM + "a": b"wrong", BACKUP + "a": A})
    report = fetch(WANTS[:1], store, lambda: network, Silence())
    assert report.fetched == WANTS[:1]
    assert network.asked == [(UPSTREAM + "a", 0), (BACKUP + "a", 0)]


def test_a_partial_is_gone_on_with(store: Store) -> None:
    with store.receive(WANTS[0].digest) as sink:
        sink.write(A[:40])
    network = FakeNetwork(EVERYTHING)
    progress = KeptProgress()
    fetch(WANTS[:1], store, lambda: network, progress)
    assert network.asked == [(UPSTREAM + "a", 40)]
    amounts = [fact[1] for fact in progress.said if fact[0] == "advance"]
    assert sum(a for a in amounts if isinstance(a, int)) == len(A)


def test_a_partial_that_is_complete_asks_nobody(store: Store) -> None:
    with store.receive(WANTS[0].digest) as sink:
        sink.write(A)
    report = fetch(WANTS[:1], store, no_network, Silence())
    assert report.fetched == WANTS[:1]


def test_what_arrived_before_a_failure_is_kept(store: Store) -> None:
    network = FakeNetwork({UPSTREAM + "a": A}, cut={UPSTREAM + "a": 30})
    assert fetch(WANTS[:1], store, lambda: network, Silence()).failures
    assert fetch(WANTS[:1], store, lambda: network, Silence()).fetched == WANTS[:1]
    assert network.asked[-1] == (UPSTREAM + "a", 30)


def test_without_keep_going_nothing_more_is_begun(store: Store) -> None:
    network = FakeNetwork({})
    report = fetch(WANTS, store, lambda: network, Silence(), FetchOptions(jobs=1))
    assert [failure.causes for failure in report.failures] == [
        (f"{UPSTREAM}a: answered 404 Not Found", f"{BACKUP}a: answered 404 Not Found"),
    ]
    assert report.untried == WANTS[1:]
    error = report.error()
    assert error is not None
    assert error.reason == "3 of 3 files could not be had"
    assert error.details[-1] == "2 others were not tried: --keep-going tries everything"


def test_keep_going_ends_with_a_list_of_what_is_missing(store: Store) -> None:
    network = FakeNetwork({UPSTREAM + "b": B})
    progress = KeptProgress()
    options = FetchOptions(jobs=1, keep_going=True)
    report = fetch(WANTS, store, lambda: network, progress, options)
    assert report.fetched == (WANTS[1],)
    error = report.error()
    assert isinstance(error, NetworkError)
    assert error.reason == "2 of 3 files could not be had"
    assert error.details == (
        f"a ({WANTS[0].digest}):",
        f"  {UPSTREAM}a: answered 404 Not Found",
        f"  {BACKUP}a: answered 404 Not Found",
        f"c ({WANTS[2].digest}):",
        f"  {UPSTREAM}c: answered 404 Not Found",
        f"  {BACKUP}c: answered 404 Not Found",
    )
    assert error.hint == (
        "run the same command again to go on where it ended, or name a folder that has the "
        "files with --mirror DIR"
    )
    assert ("note", f" a: {BACKUP}a: answered 404 Not Found") in progress.said


def test_wrong_bytes_everywhere_are_a_hash_mismatch(store: Store) -> None:
    network = FakeNetwork({UPSTREAM + "a": b"wrong"})
    report = fetch(WANTS[:1], store, lambda: network, Silence())
    with pytest.raises(HashMismatchError) as caught:
        report.check()
    assert caught.value.details == (
        f"a ({WANTS[0].digest}):",
        f"  {UPSTREAM}a: has other bytes",
        f"  {BACKUP}a: answered 404 Not Found",
    )
    assert not store.has(WANTS[0].digest)
    assert store.partials() == {}


def test_offline_asks_nobody_and_says_what_is_missing(store: Store) -> None:
    report = fetch(WANTS[:1], store, no_network, Silence(), FetchOptions(offline=True))
    with pytest.raises(MissingInputError) as caught:
        report.check()
    assert caught.value.reason == "1 of 1 files could not be had"
    assert caught.value.details == (f"a ({WANTS[0].digest}): not in the store",)
    assert caught.value.hint == (
        "run `kutterlock vendor` where there is a network or with --mirror DIR, or import a bundle "
        "that has what is missing"
    )


def test_a_file_without_any_url_is_missing(store: Store) -> None:
    lonely = Want(digest=Digest.of(A), name="a")
    report = fetch([lonely], store, no_network, Silence())
    assert report.failures[0].causes == ("no URL is known",)
    assert report.failures[0].kind is MissingInputError


def test_a_folder_comes_before_the_network(store: Store, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a").write_bytes(A)
    options = FetchOptions(folders=(tmp_path / "empty", tmp_path / "folder"))
    report = fetch(WANTS[:1], store, no_network, Silence(), options)
    assert report.fetched == WANTS[:1]


def test_a_wrong_file_in_a_folder_is_named_and_passed_over(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"wrong")
    options = FetchOptions(folders=(tmp_path,))
    assert fetch(WANTS[:1], store, lambda: FakeNetwork(EVERYTHING), Silence(), options).fetched
    store.remove(WANTS[0].digest)
    offline = FetchOptions(folders=(tmp_path,), offline=True)
    (failure,) = fetch(WANTS[:1], store, no_network, Silence(), offline).failures
    assert failure.kind is HashMismatchError
    assert failure.causes == (
        f"{tmp_path / 'a'} has other bytes; "
        f"expected {WANTS[0].digest}; got {Digest.of(b'wrong')}; after 5 bytes",
    )


def test_a_mirror_store_comes_before_the_network(store: Store, tmp_path: Path) -> None:
    Store(tmp_path / "other").add_bytes(A)
    user = Store(store.root, mirrors=[tmp_path / "other"])
    assert fetch(WANTS[:1], user, no_network, Silence()).fetched == WANTS[:1]


def test_a_body_longer_than_the_known_size_is_refused(store: Store) -> None:
    network = FakeNetwork(EVERYTHING)
    report = fetch([want("a", A, size=99)], store, lambda: network, Silence())
    assert report.failures[0].kind is HashMismatchError
    assert report.failures[0].causes == (f"{Digest.of(A)}: more than 99 bytes arrived",)


def test_what_cannot_fit_is_not_begun(store: Store) -> None:
    huge = want("a", A, size=1 << 60)
    with pytest.raises(NoSpaceError) as caught:
        fetch([huge, WANTS[1]], store, no_network, Silence())
    assert caught.value.reason.startswith(f"the files to be fetched need {1 << 60} bytes, and ")
    assert caught.value.hint == (
        "free some space, or name another disk: --store, --output, KUTTER_CACHE"
    )


class BrokenNetwork(FakeNetwork):
    """Fails in a way of its own."""

    def __init__(self, error: KutterError) -> None:
        super().__init__({})
        self.error = error

    def download(self, urls: object, sink: IncomingBlob, **_: object) -> str:
        raise self.error


def test_a_full_disk_ends_the_run_at_once(store: Store) -> None:
    network = BrokenNetwork(NoSpaceError("no space left while writing x"))
    options = FetchOptions(keep_going=True, jobs=1)
    with pytest.raises(NoSpaceError):
        fetch(WANTS, store, lambda: network, Silence(), options)
    assert network.closed == 1


def test_a_refused_host_keeps_its_own_error_and_hint(store: Store) -> None:
    network = BrokenNetwork(PolicyError("x", hint="allow it", details=[f"{UPSTREAM}a: refused"]))
    error = fetch(WANTS[:1], store, lambda: network, Silence()).error()
    assert isinstance(error, PolicyError)
    assert error.hint == "allow it"
    assert error.details == (f"a ({WANTS[0].digest}): {UPSTREAM}a: refused",)


def test_progress_counts_bytes_and_files(store: Store) -> None:
    progress = KeptProgress()
    wants = [want("a", A, 100), want("b", B, 200)]
    options = FetchOptions(jobs=1)
    fetch(wants, store, lambda: FakeNetwork(EVERYTHING), progress, options)
    assert progress.said == [
        ("start", "fetching", 0, "bytes"),
        ("expect", 300, False),
        ("advance", 0, "0/2 files, b"),
        ("advance", 200, "0/2 files, b"),
        ("advance", 0, "1/2 files, b"),
        ("advance", 0, "1/2 files, a"),
        ("advance", 100, "1/2 files, a"),
        ("advance", 0, "2/2 files, a"),
        ("done", ""),
    ]


def test_sizes_are_learnt_as_answers_arrive(store: Store) -> None:
    progress = KeptProgress()
    learnt: list[object] = []
    options = FetchOptions(jobs=1, on_sizes=learnt.append)
    wants = [want("a", A), want("b", B), want("c", C, 300)]
    fetch(wants, store, lambda: FakeNetwork(EVERYTHING), progress, options)
    assert [fact for fact in progress.said if fact[0] == "expect"] == [
        ("expect", 300, True),
        ("expect", 400, True),
        ("expect", 600, False),
    ]
    assert learnt == [{item.digest: len(data) for item, data in zip(wants, (A, B, C), strict=True)}]


def test_what_a_folder_has_counts_as_well(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(A)
    progress = KeptProgress()
    options = FetchOptions(jobs=1, folders=(tmp_path,), offline=True)
    fetch(WANTS[:1], store, no_network, progress, options)
    assert progress.said == [
        ("start", "fetching", 0, "bytes"),
        ("expect", 0, True),
        ("expect", 100, False),
        ("advance", 100, "0/1 files, a"),
        ("advance", 0, "1/1 files, a"),
        ("done", ""),
    ]
