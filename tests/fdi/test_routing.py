"""Which handler answers a path. Source: FDI 1, section 14 lines 1 to 6; security RL-6."""

import pytest

from tests.site import PASSWORD, Site, running_site
from watchword.recipes import ThirdPartyEmailPassword


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough: nothing here depends on which."""
    return sqlite_url


BODY = {"formFields": [{"id": "email", "value": "ada@example.com"}, {"id": "password", "value": PASSWORD}]}


async def test_the_public_tenant_may_stand_in_the_path(site: Site) -> None:
    """`/auth/public/signup` is `/auth/signup`; another tenant is an error that names the field."""
    browser = site.browser()
    assert "OK" == (await browser.call("POST", "/auth/public/signup", json=BODY)).json()["status"]
    answer = await browser.call("POST", "/auth/nowhere/signin", json=BODY)
    assert 400 == answer.status_code
    assert "nowhere" in answer.json()["message"]


@pytest.mark.parametrize("rid", [None, "anti-csrf", "emailpassword", "thirdpartyemailpassword", "passwordless", "x"])
async def test_rid_is_a_hint(site: Site, rid: str | None) -> None:
    """Any `rid`, or none, gives the same answer."""
    headers = {"rid": rid} if rid else {}
    answer = await site.browser().client.post("/auth/signup", json=BODY, headers=headers)
    assert "OK" == answer.json()["status"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/auth/signup"),
        ("POST", "/auth/unknown"),
        ("POST", "/auth"),
        ("POST", "/authx/signup"),
        ("POST", "//auth/signup"),
        ("POST", "/auth//signup"),
        ("POST", "/auth/%2e/signup"),
        ("POST", "/AUTH/signup"),
    ],
)
async def test_other_paths_are_the_applications(site: Site, method: str, path: str) -> None:
    """An unknown path, another method, or another spelling of a path is answered by the application: 404."""
    answer = await site.browser().client.request(method, site.url + path, json=BODY)
    assert 404 == answer.status_code


async def test_a_trailing_slash_is_tolerated(site: Site) -> None:
    """`/auth/signup/` is `/auth/signup`."""
    answer = await site.browser().client.post("/auth/signup/", json=BODY)
    assert "OK" == answer.json()["status"]


async def test_a_disabled_api_belongs_to_the_application(database_url: str) -> None:
    """A disabled API answers as if it were not there, in every spelling; the others still work."""
    recipe = ThirdPartyEmailPassword(disabled_apis=["sign_up_post"])
    async with running_site(database_url, recipes=[recipe]) as site:
        client = site.browser().client
        for path in ("/auth/signup", "/auth/signup/", "/auth/public/signup", "//auth/signup", "/auth/%73ignup"):
            assert 404 == (await client.post(site.url + path, json=BODY)).status_code
        assert "WRONG_CREDENTIALS_ERROR" == (await client.post("/auth/signin", json=BODY)).json()["status"]


async def test_the_gateway_path_is_in_what_we_emit_only(database_url: str) -> None:
    """Behind a gateway that strips `/gw`, the request path is bare, cookie path and issuer are not."""
    async with running_site(database_url, api_gateway_path="/gw") as site:
        answer = await site.browser().sign_up()
        cookies = answer.headers.get_list("set-cookie")
        assert any("Path=/gw/auth/session/refresh;" in cookie for cookie in cookies)
        discovery = (await site.browser().get("/auth/.well-known/openid-configuration")).json()
        assert site.url + "/gw/auth" == discovery["issuer"]
        assert discovery["issuer"] + "/jwt/jwks.json" == discovery["jwks_uri"]


async def test_the_base_path_may_be_the_root(database_url: str) -> None:
    """With `/` as base path everything is at the root, and the application's own routes still answer."""
    async with running_site(database_url, api_base_path="/") as site:
        browser = site.browser()
        assert "OK" == (await browser.call("POST", "/signup", json=BODY)).json()["status"]
        assert 200 == (await browser.get("/me")).status_code
        assert 200 == (await browser.call("POST", "/session/refresh")).status_code


async def test_login_methods_name_what_is_listed(site: Site) -> None:
    """The answer of FDI 8.5 for the two recipes side by side."""
    answer = (await site.browser().get("/auth/loginmethods")).json()
    assert {
        "status": "OK",
        "emailPassword": {"enabled": True},
        "thirdParty": {"enabled": True, "providers": []},
        "passwordless": {"enabled": False},
        "webauthn": {"enabled": False},
        "firstFactors": ["emailpassword", "thirdparty"],
    } == answer
