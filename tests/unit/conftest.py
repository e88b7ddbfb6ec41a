"""Unit tests open no socket."""

import socket

import pytest


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        pytest.fail("a unit test tried to open a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
