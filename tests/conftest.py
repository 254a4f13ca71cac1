"""Fixtures that every test may ask for, and the reason why a test marked `root` is skipped."""

from collections.abc import Iterator

import pytest

from tests.host import RetoolHost, Zone, refusal


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs namespaces where there are none to be had."""
    if item.get_closest_marker("root") and (reason := refusal()):
        pytest.skip(reason)


@pytest.fixture(scope="session")
def retool_host() -> Iterator[RetoolHost]:
    """One Retool host for the whole run; tests that ask for it are marked `root`."""
    with RetoolHost() as host:
        yield host


@pytest.fixture
def zone(retool_host: RetoolHost) -> Iterator[Zone]:
    """The host's DNS records, for a test that changes them; they are put back after it."""
    yield retool_host.zone
    retool_host.zone.reset()
