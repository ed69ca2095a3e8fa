"""One whole sign-in over HTTP with a provider that others wrote, on both databases and in both transports."""

import logging
import warnings
from collections.abc import Iterator

import authlib.deprecate
import httpx2
import pytest

from tests.recipes.thirdparty.double import query_of
from tests.site import Browser, Carry, FakeClock, running_site
from watchword.clock import SystemClock
from watchword.recipes.thirdparty.providers import OpenIdConnect
from watchword.recipes.thirdpartyemailpassword.recipe import ThirdPartyEmailPassword

with warnings.catch_warnings():  # the package uses a part of authlib that announces its own end
    warnings.simplefilter("ignore", authlib.deprecate.AuthlibDeprecationWarning)
    import oidc_provider_mock


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The provider's issuer; anybody may sign in there as anybody."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")  # plain http: it never leaves this machine
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    ada = oidc_provider_mock.User(sub="ada", claims={"email": "ada@example.com", "email_verified": True})
    with oidc_provider_mock.run_server_in_thread(user_claims=[ada]) as server:
        yield f"http://localhost:{server.server_port}"


async def go_there_and_back(url: str) -> dict[str, str]:
    """What a person's browser does at the provider's page."""
    async with httpx2.AsyncClient(trust_env=False) as browser:
        answer = await browser.post(url + "&state=xyz", data={"sub": "ada"})
    assert 302 == answer.status_code
    return query_of(answer.headers["location"])


async def sign_in_up(browser: Browser, site_url: str) -> dict[str, object]:
    """All steps of the official client; the body of the answer."""
    redirect_uri = f"{site_url}/auth/callback/corp"
    asked = {"thirdPartyId": "corp", "redirectURIOnProviderDashboard": redirect_uri}
    started = (await browser.get("/auth/authorisationurl", params=asked)).json()
    info = {
        "redirectURIOnProviderDashboard": redirect_uri,
        "redirectURIQueryParams": await go_there_and_back(started["urlWithQueryParams"]),
        "pkceCodeVerifier": started["pkceCodeVerifier"],
    }
    answer = await browser.call("POST", "/auth/signinup", json={"thirdPartyId": "corp", "redirectURIInfo": info})
    assert 200 == answer.status_code
    return answer.json()


# The package calls a part of its library that will go; its warning is not ours to mend.
@pytest.mark.filterwarnings("ignore:get_jwt_config:DeprecationWarning")
@pytest.mark.parametrize("carry", ["cookies", "headers"])
async def test_a_person_signs_in_with_a_real_provider(database_url: str, issuer: str, carry: Carry) -> None:
    """Discovery, redirect, code, tokens, signature, nonce, profile, user, session: only one end is ours."""
    recipe = ThirdPartyEmailPassword(
        providers=[
            OpenIdConnect(third_party_id="corp", issuer=issuer, client_id="any", client_secret="any", trust_email=True)
        ]
    )
    clock = FakeClock(SystemClock().now_ms())  # the provider's own clock is the machine's
    async with running_site(database_url, recipes=[recipe], clock=clock) as site:
        first = await sign_in_up(site.browser(carry), site.url)
        browser = site.browser(carry)
        second = await sign_in_up(browser, site.url)
        me = (await browser.get("/me")).json()

    assert ("OK", True, False) == (first["status"], first["createdNewRecipeUser"], second["createdNewRecipeUser"])
    user = second["user"]
    assert isinstance(user, dict)
    assert [{"id": "corp", "userId": "ada"}] == user["thirdParty"]
    assert (["ada@example.com"], True) == (user["emails"], user["loginMethods"][0]["verified"])
    assert first["user"] == user
    assert user["id"] == me["userId"]
