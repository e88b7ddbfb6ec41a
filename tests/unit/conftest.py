"""Unit tests open no socket."""

import socket

import pytest


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        pytest.fail("a unit test tried to open a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(autouse=True)
def _no_user(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing of the user who runs the tests counts: no configuration, no pinned trust root."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("KUTTER_CONFIG", str(home / "config.toml"))
    monkeypatch.setenv("KUTTER_STATE", str(home / "state"))
    (home / "config.toml").touch()
