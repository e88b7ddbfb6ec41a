import _thread
import sys
import threading

import pytest

from kutterlock.adapters.workers import cores, in_threads


def test_every_item_is_worked_on_once() -> None:
    done: list[int] = []
    in_threads(done.append, range(100), 3)
    assert sorted(done) == list(range(100))


def test_one_thread_keeps_the_order() -> None:
    done: list[int] = []
    in_threads(done.append, range(50), 1)
    assert done == list(range(50))


def test_nothing_to_do_starts_nothing() -> None:
    in_threads(lambda _: pytest.fail("no item"), [])


def test_the_first_error_ends_it_and_is_raised() -> None:
    done: list[int] = []

    def work(number: int) -> None:
        if number == 3:
            raise ValueError("three")
        done.append(number)

    with pytest.raises(ValueError, match="three"):
        in_threads(work, range(100), 1)
    assert done == [0, 1, 2]


def test_setting_stop_ends_it_without_an_error() -> None:
    stop = threading.Event()
    done: list[int] = []

    def work(number: int) -> None:
        done.append(number)
        if number == 1:
            stop.set()

    in_threads(work, range(100), 1, stop)
    assert done == [0, 1]


def test_items_run_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=10)

    def meet(_: int) -> None:
        both.wait()

    in_threads(meet, range(2), 2)


def test_there_is_at_least_one_core() -> None:
    assert cores() >= 1


def test_ctrl_c_stops_the_work_and_wakes_what_waits() -> None:
    stop, woken = threading.Event(), threading.Event()
    begun: list[int] = []

    def work(number: int) -> None:
        begun.append(number)
        _thread.interrupt_main()
        assert woken.wait(10)
        assert stop.is_set()

    with pytest.raises(KeyboardInterrupt):
        in_threads(work, range(100), 1, stop, woken.set)
    assert begun == [0]


def test_ctrl_c_may_come_before_every_thread_is_started() -> None:
    woken = threading.Event()

    def work(number: int) -> None:
        if number == 0:
            _thread.interrupt_main()
        assert woken.wait(10)

    with pytest.raises(KeyboardInterrupt):
        in_threads(work, range(300), 300, on_interrupt=woken.set)


def test_the_calling_thread_does_something_meanwhile() -> None:
    both = threading.Barrier(2, timeout=10)
    before, callers = sys.getswitchinterval(), []

    def meanwhile() -> None:
        callers.append(threading.current_thread())
        both.wait()

    def meet(_: int) -> None:
        both.wait()

    in_threads(meet, [0], meanwhile=meanwhile)
    assert callers == [threading.current_thread()]
    assert sys.getswitchinterval() == before


def test_what_fails_meanwhile_stops_the_work() -> None:
    stop, begun = threading.Event(), threading.Event()
    done: list[int] = []

    def work(number: int) -> None:
        done.append(number)
        begun.set()
        assert stop.wait(10)

    def refuse() -> None:
        assert begun.wait(10)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        in_threads(work, range(100), 1, stop, meanwhile=refuse)
    assert done == [0]
