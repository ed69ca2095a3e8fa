"""Answers that a page of another origin may read. Source: FDI 4.6, section 14 line 35; security 2.11."""

import pytest

from tests.site import Site, running_site


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough: nothing here depends on which."""
    return sqlite_url


WEBSITE = "http://localhost:3000"


async def test_a_preflight_of_the_website_is_answered(database_url: str) -> None:
    """Our headers, those asked for, every method, credentials; on our routes and on the application's."""
    async with running_site(database_url, website_domain=WEBSITE) as site:
        for path in ("/auth/signin", "/payload", "/nowhere"):
            answer = await site.browser().client.options(
                path,
                headers={
                    "origin": WEBSITE,
                    "access-control-request-method": "PUT",
                    "access-control-request-headers": "x-own, rid",
                },
            )
            assert 204 == answer.status_code
            assert WEBSITE == answer.headers["access-control-allow-origin"]
            assert "true" == answer.headers["access-control-allow-credentials"]
            allowed = answer.headers["access-control-allow-headers"].split(", ")
            assert {"content-type", "rid", "fdi-version", "anti-csrf", "authorization", "st-auth-mode", "x-own"} == set(
                allowed
            )
            assert "PUT" in answer.headers["access-control-allow-methods"]
            assert "Origin" in answer.headers["vary"]


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "*",
        "http://localhost:30000",
        "http://localhost:300",
        "https://localhost:3000",
        "http://localhost:3000.evil.example",
        "http://evil.example/http://localhost:3000",
        "http://user@localhost:3000",
        "HTTP://LOCALHOST:3000",
        "http://localhost:3000/",
        "http://xlocalhost:3000",
    ],
)
async def test_no_other_origin_is_let_in(database_url: str, origin: str) -> None:
    """Suffix, prefix, port, case and user-info tricks, `*` and `null` get no cross-origin permission (CO-1)."""
    async with running_site(database_url, website_domain=WEBSITE) as site:
        client = site.browser().client
        for answer in (
            await client.get("/me", headers={"origin": origin}),
            await client.get("/auth/loginmethods", headers={"origin": origin}),
            await client.options("/auth/signin", headers={"origin": origin, "access-control-request-method": "POST"}),
        ):
            assert "access-control-allow-origin" not in answer.headers
            assert "access-control-allow-credentials" not in answer.headers


async def test_errors_can_be_read_by_the_website(database_url: str) -> None:
    """401, 403, 404, 400 and 500, ours and the application's, carry the headers that let a page read them (CO-3)."""
    async with running_site(database_url, website_domain=WEBSITE) as site:
        browser = site.browser("cookies", origin=WEBSITE)
        calls = [("GET", "/me", 401), ("GET", "/nowhere", 404), ("GET", "/broken", 500), ("POST", "/auth/signin", 400)]
        for method, path, status in calls:
            answer = await browser.call(method, path)
            assert status == answer.status_code
            assert WEBSITE == answer.headers["access-control-allow-origin"]
            assert "true" == answer.headers["access-control-allow-credentials"]
            assert "Origin" in answer.headers["vary"]


async def test_tokens_are_exposed_and_never_cached(database_url: str) -> None:
    """The page may read the token headers; a cache must not keep them (CK-6)."""
    async with running_site(database_url, website_domain=WEBSITE) as site:
        answer = await site.browser("headers", origin=WEBSITE).sign_up()
        assert "front-token, st-access-token, st-refresh-token" == answer.headers["access-control-expose-headers"]
        assert "no-store" == answer.headers["cache-control"]
        assert {"Origin", "Cookie", "Authorization", "st-auth-mode"} <= set(answer.headers["vary"].split(", "))


async def test_keys_and_discovery_are_for_everybody(site: Site) -> None:
    """Any page and any service may read them, without credentials (FDI 8.6)."""
    for path in ("/auth/jwt/jwks.json", "/auth/.well-known/openid-configuration"):
        answer = await site.browser().client.get(path, headers={"origin": "https://anyone.example"})
        assert 200 == answer.status_code
        assert "*" == answer.headers["access-control-allow-origin"]
        assert "access-control-allow-credentials" not in answer.headers
    keys = (await site.browser().get("/auth/jwt/jwks.json")).json()["keys"]
    assert keys
    for key in keys:
        assert not {"d", "p", "q", "dp", "dq", "qi"} & set(key)
