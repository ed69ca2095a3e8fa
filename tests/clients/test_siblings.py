"""Two websites of the same people on two sub-domains: one session for both, each with an official client of its own."""

import asyncio

import pytest

from tests.clients.sites import Site
from tests.clients.visitors import PASSWORD, Transfer, Visit

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


@pytest.mark.parametrize("transfer", ["cookie", "header"])
async def test_websites_that_share_their_tokens_need_no_second_refresh(
    visit: Visit, https_site: Site, email: str, transfer: Transfer
) -> None:
    """With the client's tokens on the common domain, a session of one website is there at once on the other."""
    visitor = await visit(https_site, "web_js", transfer, sessionTokenFrontendDomain=".watchword.test")
    first = await visitor.open()
    await first.ask("signUp", email, PASSWORD)
    refreshes = visitor.refreshes

    second = await visitor.open(https_site.sibling)

    assert await second.ask("doesSessionExist")
    assert await first.ask("getUserId") == await second.ask("getUserId")
    assert 200 == (await second.ask("call", "GET", "/api/session"))["status"]
    assert refreshes == visitor.refreshes
