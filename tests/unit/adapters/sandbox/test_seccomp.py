"""The filter, run by a small interpreter of classic BPF: what the kernel would answer."""

import struct

import pytest

from kutterlock.adapters.sandbox.seccomp import ARCHITECTURES, Calls, filter_program

ALLOW, NOTIFY, EPERM, ENOSYS = 0x7FFF0000, 0x7FC00000, 0x00050001, 0x00050026
TIOCSTI, TIOCGWINSZ = 0x5412, 0x5413


def verdict(program: bytes, number: int, audit: int, *arguments: int) -> int:
    data = struct.pack("=iIQ6Q", number, audit, 0, *arguments, *[0] * (6 - len(arguments)))
    code = [struct.unpack_from("=HBBI", program, at) for at in range(0, len(program), 8)]
    at = accumulator = 0
    while True:
        operation, if_true, if_false, value = code[at]
        at += 1
        if operation == 0x06:
            return int(value)
        if operation == 0x20:
            accumulator = struct.unpack_from("=I", data, value)[0]
        elif operation == 0x15:
            at += if_true if accumulator == value else if_false
        elif operation == 0x35:
            at += if_true if accumulator >= value else if_false


@pytest.fixture(params=sorted(ARCHITECTURES))
def calls(request: pytest.FixtureRequest) -> Calls:
    return ARCHITECTURES[request.param]


def test_calls_that_name_an_address_are_notified(calls: Calls) -> None:
    program = filter_program(calls)
    for number in (calls.connect, calls.sendmsg, calls.sendmmsg):
        assert verdict(program, number, calls.audit) == NOTIFY
    assert verdict(program, calls.sendto, calls.audit, 3, 1, 1, 0, 0x1000) == NOTIFY
    assert verdict(program, calls.sendto, calls.audit, 3, 1, 1, 0, 0x1000 << 32) == NOTIFY
    assert verdict(program, calls.sendto, calls.audit, 3, 1, 1, 0, 0) == ALLOW


def test_typing_into_the_terminal_is_refused(calls: Calls) -> None:
    program = filter_program(calls)
    assert verdict(program, calls.ioctl, calls.audit, 0, TIOCSTI) == EPERM
    assert verdict(program, calls.ioctl, calls.audit, 0, TIOCSTI | 1 << 32) == EPERM
    assert verdict(program, calls.ioctl, calls.audit, 0, TIOCGWINSZ) == ALLOW


def test_ways_around_are_not_there(calls: Calls) -> None:
    program = filter_program(calls)
    assert verdict(program, 425, calls.audit) == ENOSYS
    assert verdict(program, 0x40000000 | calls.connect, calls.audit) == ENOSYS


def test_everything_else_is_let_through(calls: Calls) -> None:
    program = filter_program(calls)
    watched = {calls.connect, calls.sendto, calls.sendmsg, calls.sendmmsg, calls.ioctl, 425}
    assert all(
        verdict(program, number, calls.audit) == ALLOW for number in set(range(500)) - watched
    )
    assert verdict(program, calls.connect, 0x40000003) == ALLOW
