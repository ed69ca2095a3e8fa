"""`supertokens-website` alone, unmodified, around `fetch` and around axios: every shape of site, both transports."""

import pytest
import pytest_asyncio

from tests.clients.sites import Site
from tests.clients.visitors import PASSWORD, Visit, Visitor

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session", params=["cookie", "header"])
async def visitor(request: pytest.FixtureRequest, visit: Visit, site: Site) -> Visitor:
    """Somebody new, once with tokens in cookies and once in headers."""
    return await visit(site, "website", request.param)


@pytest.mark.parametrize("call", ["fetch", "axios"])
async def test_plain_calls_are_all_a_website_needs(visitor: Visitor, email: str, call: str) -> None:
    """Sign-up, refresh, a changed payload and sign-out by plain calls; the client carries the tokens."""
    tab = await visitor.open()
    form = {"formFields": [{"id": "email", "value": email}, {"id": "password", "value": PASSWORD}]}

    assert (await tab.ask(call, "GET", "/api/session"))["status"] == 401
    assert (await tab.ask(call, "POST", "/auth/signup", form))["body"]["status"] == "OK"
    assert await tab.ask("doesSessionExist")
    handle = (await tab.ask(call, "GET", "/api/session"))["body"]["handle"]

    await visitor.forget_access_token()
    assert handle == (await tab.ask(call, "GET", "/api/session"))["body"]["handle"]

    changed = await tab.ask(call, "PATCH", "/api/session/payload", {"role": "editor"})
    assert changed["status"] == 200
    assert (await tab.ask("getPayload"))["role"] == "editor"

    await tab.ask("signOut")
    assert (await tab.ask(call, "GET", "/api/session"))["status"] == 401
    told = set(await tab.events()) - {"UNAUTHORISED"}  # of the two calls without a session
    assert {"SESSION_CREATED", "REFRESH_SESSION", "ACCESS_TOKEN_PAYLOAD_UPDATED", "SIGN_OUT"} == told


async def test_calls_that_the_client_leaves_alone(visit: Visit, short_lived_site: Site, email: str) -> None:
    """What the page names goes out without a token and is not refreshed; the next call beside it is as ever."""
    visitor = await visit(short_lived_site, "website", "header", leftAlone="/payload")
    tab = await visitor.open()
    form = {"formFields": [{"id": "email", "value": email}, {"id": "password", "value": PASSWORD}]}
    assert (await tab.ask("fetch", "POST", "/auth/signup", form))["body"]["status"] == "OK"
    before = visitor.refreshes
    left_alone = await tab.ask("fetch", "PATCH", "/api/session/payload", {"role": "editor"})
    assert ({"status": 401, "body": {"message": "unauthorised"}}, before) == (left_alone, visitor.refreshes)
    assert (await tab.ask("fetch", "GET", "/api/session"))["status"] == 200
