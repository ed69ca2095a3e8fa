"""Signing somebody in as somebody else: forms of other sites that post to an application's own login."""

from typing import Any

import pytest
from fastapi import Request

from tests.frameworks.conftest import Own, make_own
from watchword.frameworks.fastapi import create_session
from watchword.recipes import Session

EVIL = "https://evil.example"


def with_login(url: str, **options: Any) -> Own:
    """A login of the application's own, for a plain form; tokens travel in cookies, whatever a client asks for."""
    own = make_own(url, Session(token_transfer_method="cookie"))

    @own.app.api_route("/enter", methods=["GET", "POST"])
    async def enter(request: Request) -> dict[str, Any]:
        return {"handle": (await create_session(own.auth, request, user_id="mallory", **options)).handle}

    return own


@pytest.mark.parametrize("headers", [{"origin": EVIL}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}])
async def test_a_form_of_another_site_does_not_sign_anybody_in(database_url: str, headers: dict[str, str]) -> None:
    """Attack: a page posts the attacker's own name and password to a login, in the victim's browser.

    The victim would go on as the attacker, and store there what the attacker then reads (security CS-4).
    """
    own = with_login(database_url)
    async with own.serve() as client:
        client.headers.pop("origin")
        answer = await client.post("/enter", headers=headers)
        assert 403 == answer.status_code
        assert "set-cookie" not in answer.headers
        assert [] == await own.auth.sessions.list_handles("mallory")


async def test_forms_of_ones_own_links_and_programs_sign_in(sqlite_url: str) -> None:
    """The website's own form, a link in a mail read elsewhere, and a client that is no browser."""
    own = with_login(sqlite_url)
    async with own.serve() as client:
        assert 200 == (await client.post("/enter")).status_code
        client.headers.pop("origin")
        assert 200 == (await client.post("/enter")).status_code
        assert 200 == (await client.get("/enter", headers={"sec-fetch-site": "cross-site"})).status_code


async def test_a_route_may_take_forms_of_other_sites_where_it_says_so(sqlite_url: str) -> None:
    """An identity provider's page posts its answer to us; the route knows the attempt by other means."""
    own = with_login(sqlite_url, from_another_site=True)
    async with own.serve() as client:
        answer = await client.post("/enter", headers={"origin": EVIL, "sec-fetch-site": "cross-site"})
        assert 200 == answer.status_code
