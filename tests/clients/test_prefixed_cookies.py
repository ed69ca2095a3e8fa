"""Cookies that only the API's own host can set, with an unmodified official client in a real browser."""

from collections.abc import Iterator

import pytest

from tests.clients.conftest import new_sqlite_url
from tests.clients.sites import Site, Surroundings, run_site
from tests.clients.visitors import PASSWORD, Visit

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(scope="module")
def prefixed_site(surroundings: Surroundings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site on two sub-domains, over https."""
    database = new_sqlite_url(tmp_path_factory.mktemp("prefixed"))
    with run_site("two sub-domains", surroundings, database, {"cookie_prefixes": True}) as site:
        yield site


async def test_the_client_works_with_them_and_a_neighbour_cannot_plant_one(
    visit: Visit, prefixed_site: Site, email: str
) -> None:
    """Sign-up, a call, a refresh, sign-out; and the browser drops what another sub-domain plants (CK-3)."""
    visitor = await visit(prefixed_site, "web_js", "cookie")
    tab = await visitor.open()
    assert "OK" == (await tab.ask("signUp", email, PASSWORD))["status"]
    cookie = await visitor.cookie("__Host-sAccessToken")
    assert cookie is not None
    assert (True, True, "/") == (cookie["secure"], cookie["httpOnly"], cookie["path"])
    assert None is await visitor.cookie("sAccessToken")
    assert await tab.ask("refresh")
    assert 200 == (await tab.ask("call", "GET", "/api/session"))["status"]

    neighbour = await visitor.open(prefixed_site.sibling)
    planted = "=planted; Domain=watchword.test; Path=/; Secure"
    await neighbour.page.evaluate(f"document.cookie = '__Host-sAccessToken{planted}'")
    await neighbour.page.evaluate(f"document.cookie = 'probe{planted}'")
    names = [held.get("name") for held in await visitor.context.cookies()]
    assert (1, 1) == (names.count("__Host-sAccessToken"), names.count("probe"))

    await tab.ask("signOut")
    assert None is await visitor.cookie("__Host-sAccessToken")
    assert not await tab.ask("doesSessionExist")
