"""Floods of names that nobody has: they cost what they must, nothing is kept of them, and nobody else pays (F-28)."""

import json
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx2

from tests.counted import CountedDatabase, counting
from tests.crypto.forgery import forge
from tests.site import SECRET, Browser, FakeClock, example_app
from watchword import AppInfo, Watchword
from watchword.crypto.jwt import sign
from watchword.crypto.passwords import PasswordHasher
from watchword.database.open import open_database
from watchword.recipes import EmailPassword, Session

API = "http://localhost:8000"
FLOOD = 130  # more than the refreshes that a process lets through without a count in the database


@asynccontextmanager
async def counted(database_url: str) -> AsyncIterator[tuple[Watchword, Browser, Browser]]:
    """An application on a database that writes down what it is asked; somebody who is signed in, and a stranger."""
    auth = Watchword(
        app_info=AppInfo(app_name="Test", api_domain=API, website_domain=API),
        database=CountedDatabase(open_database(database_url)),
        secret=SECRET,
        recipe_list=[EmailPassword(), Session()],
        clock=FakeClock(),
        passwords=PasswordHasher(workers=1),
    )
    await auth.start()
    transport = httpx2.ASGITransport(example_app(auth), client=("203.0.113.9", 1))
    async with httpx2.AsyncClient(base_url=API, transport=transport) as client:
        owner, stranger = Browser(client, "headers"), Browser(client, "headers")
        await owner.sign_up()
        yield auth, owner, stranger
    await auth.stop()


async def test_a_flood_of_unknown_names_costs_others_nothing(database_url: str) -> None:
    """Attack: key ids, tenants, refresh tokens and handles that nobody has, a new one with each request.

    Of unknown keys the database is asked once, of unknown tenants and handles by one read each, of refresh tokens not,
    but for the count of a limit; an honest request in between asks nothing, and its token stays remembered.
    """
    async with counted(database_url) as (auth, owner, stranger):
        engine = auth.session_recipe.session_engine
        await owner.get("/me")
        token = owner.tokens["st-access-token"]
        header, payload = (json.loads(urlsafe_b64decode(part + "==")) for part in token.split(".")[:2])
        key = await engine.keys.get_signing_key()
        asked: dict[str, list[str]] = {"kid": [], "tenant": [], "refresh": [], "handle": [], "owner": []}

        async def send(
            what: str, browser: Browser, status: int, method: str, path: str, token: str, **options: Any
        ) -> None:
            browser.tokens |= {"st-access-token": token, "st-refresh-token": token} if token else {}
            with counting() as found:
                answer = await browser.call(method, path, **options)
            assert status == answer.status_code, (what, answer.content)
            asked[what] += found

        for number in range(FLOOD):
            unknown = uuid4().hex
            forged = forge({**header, "kid": f"d-{unknown}"}, payload, lambda _: b"0" * 64)
            gone = sign({**header}, json.dumps({**payload, "sessionHandle": unknown}).encode(), key)
            await send("kid", stranger, 401, "GET", "/me", forged)
            await send("tenant", stranger, 400, "GET", f"/auth/{unknown}/loginmethods", "")
            await send("refresh", stranger, 401, "POST", "/auth/session/refresh", unknown * 4)
            await send("handle", stranger, 401, "GET", "/exact", gone)
            if number % 20 == 0:
                await send("owner", owner, 200, "GET", "/me", token)

        assert [] == asked["owner"]
        assert 1 >= len(asked["kid"])
        assert ["find"] * FLOOD == asked["tenant"] == asked["handle"]
        assert ["write 1"] == asked["refresh"]
        assert engine.verified.find(token) is not None
        assert FLOOD + 2 > len(engine.verified), "tokens whose signature holds, and no others"
