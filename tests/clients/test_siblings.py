"""Two websites of the same people on two sub-domains: one session for both, each with an official client of its own."""

import asyncio

import pytest

from tests.clients.sites import Site
from tests.clients.visitors import PASSWORD, Visit

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_websites_that_refresh_together_stay_signed_in(visit: Visit, https_site: Site, email: str) -> None:
    """Clients on two origins share no lock, so one refresh token is sent twice at once: nobody is signed out."""
    visitor = await visit(https_site, "web_js", "cookie")
    first = await visitor.open()
    await first.ask("signUp", email, PASSWORD)
    second = await visitor.open(https_site.sibling)
    assert await second.ask("doesSessionExist")

    for _ in range(3):
        assert await asyncio.gather(first.ask("refresh"), second.ask("refresh")) == [True, True]

    handles = [(await tab.ask("call", "GET", "/api/session"))["body"]["handle"] for tab in (first, second)]
    assert handles[0] == handles[1]
