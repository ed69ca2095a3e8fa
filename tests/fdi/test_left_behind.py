"""What lies in a client from before: sessions that ended elsewhere, and cookies planted by a neighbour."""

from tests.site import Carry, running_site

API = "https://api.example.com"


async def test_signing_in_over_a_session_that_another_process_revoked_starts_a_new_one(
    database_url: str, carry: Carry
) -> None:
    """Attack: an old client signs in with the tokens of a session that was just revoked everywhere.

    Clients before FDI 3.1 keep a session that is theirs. A process that had not heard of the revocation kept
    the dead one: the person was told OK and was signed out again by the first refresh.
    """
    async with (
        running_site(database_url) as here,
        running_site(database_url, clock=here.clock) as there,
    ):
        browser = here.browser(carry, **{"fdi-version": "1.19"})
        await browser.sign_up()
        handle = (await browser.get("/me")).json()["handle"]
        assert await there.auth.sessions.revoke(handle)

        answer = await browser.sign_in()

        assert "OK" == answer.json()["status"]
        assert "remove" != answer.headers["front-token"]
        now = (await browser.get("/exact")).json()
        assert handle != (await browser.get("/me")).json()["handle"]
        assert {"userId": answer.json()["user"]["id"]} == now
        assert 200 == (await browser.refresh()).status_code


async def test_signing_in_over_a_session_revoked_here_starts_a_new_one(database_url: str) -> None:
    """The same in the process that revoked it: signing in works at once, with no 401 in between."""
    async with running_site(database_url) as site:
        browser = site.browser(**{"fdi-version": "1.19"})
        await browser.sign_up()
        assert await site.auth.sessions.revoke((await browser.get("/me")).json()["handle"])
        answer = await browser.sign_in()
        assert (200, "OK") == (answer.status_code, answer.json()["status"])
        assert 200 == (await browser.get("/exact")).status_code


async def test_the_old_marker_cookie_is_deleted_wherever_it_may_have_been_planted(sqlite_url: str) -> None:
    """Attack: a page of another sub-domain sets `sIdRefreshToken` on the parent domain.

    The marker of the old protocol makes every verification answer 401, and a refresh deleted it only where
    we would have set it: the client went from one to the other for ever.
    """
    async with running_site(sqlite_url, api_domain=API, website_domain="https://www.example.com") as site:
        answer = await site.browser().client.post(
            "/auth/session/refresh", headers={"cookie": "sIdRefreshToken=planted", "rid": "session"}
        )
        deleted = [c for c in answer.headers.get_list("set-cookie") if c.startswith("sIdRefreshToken=;")]
        assert {None, "api.example.com", "example.com"} == {
            next((part.removeprefix(" Domain=") for part in c.split(";") if "Domain=" in part), None) for c in deleted
        }
