"""A running site on each database, for tests that speak HTTP."""

from collections.abc import AsyncIterator

import pytest

from tests.site import Browser, Carry, Site, running_site


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    """The seed's recipe on a real socket, on SQLite and on PostgreSQL."""
    async with running_site(database_url) as running:
        yield running


@pytest.fixture(params=["cookies", "headers"])
def carry(request: pytest.FixtureRequest) -> Carry:
    """Every test that asks for it runs in both transports."""
    return request.param


@pytest.fixture
async def ada(site: Site, carry: Carry) -> Browser:
    """A browser in which Ada has just signed up."""
    browser = site.browser(carry)
    answer = await browser.sign_up()
    assert "OK" == answer.json()["status"]
    return browser
