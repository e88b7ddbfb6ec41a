"""What holds for every test."""

import os
import signal
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# A test run that was started in the background may have been told to ignore Ctrl-C, and programs
# inherit that: tests that interrupt one would wait for ever.
for number, usual in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGTERM, signal.SIG_DFL),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)

# Nothing is timed: a loaded machine is no reason to fail.
settings.register_profile("kutter", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("kutter")


def pytest_configure(config: pytest.Config) -> None:
    """Give the tests a home of their own: they neither see nor change what the user has there."""
    home = tempfile.TemporaryDirectory(prefix="kutter-test-home-")
    config.add_cleanup(home.cleanup)
    for name in [*os.environ]:
        if name.startswith(("XDG_", "KUTTER_")) and not name.startswith("KUTTER_TEST_"):
            del os.environ[name]
    os.environ["HOME"] = home.name


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Under CI, which installs every program, an integration test that is skipped has failed."""
    report: pytest.TestReport = yield  # type: ignore[assignment]
    must_run = os.environ.get("KUTTER_TEST_NO_SKIP") and item.get_closest_marker("integration")
    if report.skipped and must_run and not item.get_closest_marker("real"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped although KUTTER_TEST_NO_SKIP is set"
    return report  # type: ignore[return-value]
