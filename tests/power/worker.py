"""The process whose writes are recorded: people sign up, refresh, change what is stored and sign out, several at once.

It tells what it begins and what was acknowledged, each with how long the recording was at that moment.
"""

import asyncio
import json
import os
import sqlite3
import sys
from base64 import urlsafe_b64decode
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx2
from fastapi import Body, Depends

from tests.chaos.record import Account, Session
from tests.site import PASSWORD, SECRET, Browser, FakeClock, example_app
from watchword import AppInfo, Limit, Protection, SessionContainer, Watchword
from watchword.crypto.passwords import PasswordHasher
from watchword.frameworks.fastapi import verify_session
from watchword.recipes import EmailPassword
from watchword.recipes import Session as SessionRecipe

API = "http://localhost:8000"
OF_AGE_MS = 140_000  # older than this a refresh token is of age (security 4.3)
PEOPLE = 6
ROUNDS = 8
_PLENTY = Limit(1_000_000, seconds=600)


def make_auth(database: str, clock: FakeClock) -> Watchword:
    """What the worker runs, and whoever comes after it."""
    return Watchword(
        app_info=AppInfo(app_name="Power", api_domain=API, website_domain=API),
        database=database,
        secret=SECRET,
        clock=clock,
        recipe_list=[EmailPassword(), SessionRecipe()],
        passwords=PasswordHasher(workers=2),
        protection=Protection(sign_up=_PLENTY, sign_in=_PLENTY, refresh=_PLENTY),
    )


class Teller:
    """Says what is begun and what was acknowledged, and how long the recording is then."""

    def __init__(self, recording: Path, clock: FakeClock) -> None:
        self._recording = recording
        self._clock = clock

    def tell(self, account: Account, **what: Any) -> None:
        """One line."""
        line = {
            "at": self._recording.stat().st_size,
            "now_ms": self._clock.now_ms(),
            "account": asdict(account),
            **what,
        }
        os.write(sys.stdout.fileno(), json.dumps(line).encode() + b"\n")


class Person:
    """Does one thing after the other, and notes what was answered."""

    def __init__(self, browser: Browser, account: Account, teller: Teller) -> None:
        self._browser = browser
        self._account = account
        self._teller = teller

    async def act(self, round_number: int) -> None:
        """What this round has for this person."""
        acts = (self.change_data, self.refresh, self.refresh, self.change_data, self.sign_out, self.sign_in)
        if not self._account.signed_up:
            await self.sign_up()
        else:
            await acts[round_number % len(acts)]()

    async def sign_up(self) -> None:
        """Make the account."""
        self._teller.tell(self._account, begins="sign-up")
        self._must(await self._browser.sign_up(self._account.email))
        self._account.signed_up = True
        self._begin_session()

    async def sign_in(self) -> None:
        """Another session."""
        self._teller.tell(self._account, begins="sign-in")
        self._must(await self._browser.sign_in(self._account.email))
        self._begin_session()

    async def refresh(self) -> None:
        """New tokens; nothing of it is undone when the answer is lost."""
        self._must(await self._browser.refresh())
        session = self._account.sessions[-1]
        session.refresh_token = self._browser.tokens["st-refresh-token"]
        session.access_token = self._browser.tokens["st-access-token"]
        self._teller.tell(self._account, done="refresh")

    async def change_data(self) -> None:
        """Session data that is to be there."""
        session = self._account.sessions[-1]
        data = {"changes": session.data.get("changes", 0) + 1}
        self._teller.tell(self._account, begins="data", data=data)
        self._must(await self._browser.call("PATCH", "/data", json=data))
        session.data = data
        self._teller.tell(self._account, done="data")

    async def sign_out(self) -> None:
        """The session ends."""
        self._teller.tell(self._account, begins="sign-out")
        self._must(await self._browser.call("POST", "/auth/signout"))
        self._account.ended.append(self._account.sessions.pop())
        self._teller.tell(self._account, done="sign-out")

    def _begin_session(self) -> None:
        tokens = self._browser.tokens
        handle = json.loads(_payload_of(tokens["st-access-token"]))["sessionHandle"]
        self._account.sessions.append(Session(handle, tokens["st-refresh-token"], tokens["st-access-token"]))
        self._teller.tell(self._account, done="session")

    def _must(self, answer: httpx2.Response) -> None:
        assert 200 == answer.status_code, answer.content
        assert b'"status":"' not in answer.content or b'"status":"OK"' in answer.content, answer.content


def _payload_of(token: str) -> bytes:
    return urlsafe_b64decode(token.split(".")[1] + "==")


async def work(database: str, recording: Path) -> None:
    """Start on an empty database, let people do what they do, and stop as one should."""
    clock = FakeClock()
    auth = make_auth(database, clock)
    app = example_app(auth)

    @app.patch("/data")
    async def merge_data(
        changes: dict[str, Any] = Body(), session: SessionContainer = Depends(verify_session(auth))
    ) -> dict[str, Any]:
        await session.merge_into_session_data(changes)
        return {}

    await auth.start()
    teller = Teller(recording, clock)
    people: list[Person] = []
    for number in range(PEOPLE):
        client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=API)
        account = Account(f"person-{number}@example.com", PASSWORD)
        people.append(Person(Browser(client, "headers"), account, teller))
    path = database.removeprefix("sqlite:///")
    for round_number in range(-1, ROUNDS - 1):
        await asyncio.gather(*(person.act(round_number) for person in people), asyncio.to_thread(checkpoint, path))
        clock.advance(OF_AGE_MS)
    await auth.stop()


def checkpoint(path: str) -> None:
    """Have the log copied into the database while people write, as SQLite does after a thousand pages."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("pragma wal_checkpoint(passive)").fetchall()


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], Path(sys.argv[2])))
