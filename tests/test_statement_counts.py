"""What each operation asks of the database: a fixed number of reads and transactions, however much it holds."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.counted import CountedDatabase, counting
from tests.site import PASSWORD, SECRET, Browser, FakeClock, Letterbox, example_app
from watchword import AppInfo, Watchword
from watchword.crypto.passwords import PasswordHasher
from watchword.database.open import open_database
from watchword.delivery.email_delivery import EmailDelivery
from watchword.recipes import EmailPassword, Session


@dataclass
class Counted:
    """A running site, and a browser whose requests are counted."""

    browser: Browser
    clock: FakeClock
    mail: Letterbox
    auth: Watchword

    async def count(self, method: str, path: str, **options: Any) -> list[str]:
        """What a request of the browser asks of the database."""
        with counting() as asked:
            answer = await self.browser.call(method, path, **options)
        assert 200 == answer.status_code, answer.text
        return asked

    async def come_of_age(self) -> None:
        """Let what the client holds come of age, and let this process look for new keys, as it does once a minute."""
        self.clock.advance(3_600_000)
        await self.browser.get("/auth/jwt/jwks.json")


@asynccontextmanager
async def running(url: str) -> AsyncIterator[Counted]:
    """A site without a server: what a request asks is asked from the test's own context."""
    clock, mail = FakeClock(), Letterbox()
    auth = Watchword(
        app_info=AppInfo(app_name="Test", api_domain="http://localhost", website_domain="http://localhost"),
        database=CountedDatabase(open_database(url)),
        secret=SECRET,
        recipe_list=[EmailPassword(), Session()],
        clock=clock,
        passwords=PasswordHasher(workers=2),
        email_delivery=EmailDelivery(mail),
    )
    await auth.start()
    transport = httpx2.ASGITransport(app=example_app(auth), client=("203.0.113.9", 1))
    try:
        async with httpx2.AsyncClient(base_url="http://localhost", transport=transport) as client:
            yield Counted(Browser(client, "cookies"), clock, mail, auth)
    finally:
        await auth.stop()


#: `write 3` is a transaction of three statements; on PostgreSQL it takes two more trips for `begin` and `commit`.
#: The first write of an API is the count of its limit. The session is stored with its event, after a look at the user
#: for a ban, before a look at the hash, that no session may come of a password that is changed meanwhile; what a right
#: password gives back to the limits is in that transaction, too.
COSTS = {
    "email exists": ["write 1", "find"],
    "sign up": ["write 1", "write 6", "write 4"],
    "verify": [],
    "verify with check_database": ["find"],
    "refresh, young": ["find"],
    "refresh, promoted": ["write 1"],
    "refresh, again": ["write 2"],
    "payload replaced": ["write 2"],
    "payload merged": ["write 2"],
    "data replaced": ["write 2"],
    "data read": ["find"],
    "sign out": ["write 3"],
    "sign in": ["write 1", "list", "write 5"],
    "sign in, wrong": ["write 1", "list"],
    "reset asked for": ["write 1", "list", "write 3", "write 3", "write 1"],
    "reset": ["write 1", "find", "find", "write 13"],
}


async def costs_of(site: Counted, email: str, other_sessions: int) -> dict[str, list[str]]:
    """What a person's way through all operations asks, with that many sessions of hers beside it."""
    found: dict[str, list[str]] = {}
    form = form_of(email=email, password=PASSWORD)
    found["sign up"] = await site.count("POST", "/auth/signup", json=form)
    user_id = (await site.browser.get("/me")).json()["userId"]
    for _ in range(other_sessions):
        await site.auth.sessions.create(user_id)
    found["email exists"] = await site.count("GET", f"/auth/emailpassword/email/exists?email={email}")
    found["verify"] = await site.count("GET", "/me")
    found["verify with check_database"] = await site.count("GET", "/exact")
    found["refresh, young"] = await site.count("POST", "/auth/session/refresh")
    await site.come_of_age()
    found["refresh, again"] = await site.count("POST", "/auth/session/refresh")
    await site.come_of_age()
    found["refresh, promoted"] = await site.count("POST", "/auth/session/refresh")
    found["payload replaced"] = await site.count("PUT", "/payload", json={"a": 1})
    found["payload merged"] = await site.count("PATCH", "/payload", json={"b": 1})
    with counting() as found["data replaced"]:
        await site.auth.sessions.update_session_data(site.browser.front_token["up"]["sessionHandle"], {"a": 1})
    found["data read"] = await site.count("GET", "/data")
    found["sign out"] = await site.count("POST", "/auth/signout")
    found["sign in"] = await site.count("POST", "/auth/signin", json=form)
    await site.browser.call("POST", "/auth/signout")
    found["sign in, wrong"] = await site.count("POST", "/auth/signin", json=form_of(email=email, password="wrong 1"))
    found["reset asked for"] = await site.count("POST", "/auth/user/password/reset/token", json=form_of(email=email))
    token = (await site.mail.take_link()).split("token=")[1].split("&")[0]
    anew = {"method": "token", "token": token, **form_of(password="correct horse 2")}
    found["reset"] = await site.count("POST", "/auth/user/password/reset", json=anew)
    return found


def form_of(**fields: str) -> dict[str, list[dict[str, str]]]:
    """The `formFields` of a request."""
    return {"formFields": [{"id": name, "value": value} for name, value in fields.items()]}


async def test_each_operation_asks_a_fixed_number_of_times(database_url: str) -> None:
    """A fixed number of statements and round trips, with one other session as with thirty, on both databases."""
    async with running(database_url) as site:
        assert COSTS == await costs_of(site, "ada@example.com", other_sessions=1)
        await site.mail.take()  # the notice that her password was changed
        site.browser.client.cookies.clear()
        assert COSTS == await costs_of(site, "grace@example.com", other_sessions=30)
