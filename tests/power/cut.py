"""Cuts the power at moments of a recording, and asks whoever starts on what is left."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
from fastapi import FastAPI

from tests.chaos.checker import check_database
from tests.chaos.record import Account, Book, Session, Violation
from tests.power.disk import Disk, Record
from tests.power.recorder import NAME, Recording
from tests.power.worker import API, make_auth
from tests.site import Browser, FakeClock, example_app
from watchword.database.database import Database
from watchword.database.open import open_database
from watchword.database.statements import Statement
from watchword.errors import WatchwordError

#: How much of what was not synced is on the disk: nothing, all, some.
SHARES = (0.0, 1.0, 0.5, 0.5, 0.9)
_GET_DATA = Statement("select session_data from {sessions} where app_id = 'public' and handle = :handle")


@dataclass
class Known:
    """What clients knew at a moment.

    Attributes:
        book: What was acknowledged.
        begun: By handle, session data whose change was begun: it may be there.
        now_ms: What time it was.
    """

    book: Book
    begun: dict[str, dict[str, Any]]
    now_ms: int


async def cut_power(recording: Recording, *, moments: int, seed: int) -> Book:
    """Cut it at so many moments, and check all that is left.

    Returns:
        With each disk that was made as an injected fault, and what is not as it must be.
    """
    random = Random(seed)  # noqa: S311 - chooses what is lost; nothing secret
    book = Book()
    book.acknowledged.update(line["done"] for line in recording.told if "done" in line)
    chosen = random.sample(range(len(recording.records)), min(moments, len(recording.records)))
    for record, disk in _played(recording.records, frozenset(chosen)):
        with TemporaryDirectory(prefix="watchword-power-") as folder:
            disk.write_to(Path(folder), random, random.choice(SHARES))
            book.injected += 1
            known = known_at(recording.told, record.end)
            try:
                await check_disk(Path(folder) / NAME, known)
            except (WatchwordError, sqlite3.Error) as error:
                known.book.fail(Violation.STUCK, f"nobody can start on what is left: {error}")
            for broken in known.book.broken:
                book.fail(broken.what, f"power cut at {record.end}: {broken.detail}")
    return book


def _played(records: Iterable[Record], chosen: frozenset[int]) -> Iterator[tuple[Record, Disk]]:
    disk = Disk()
    for number, record in enumerate(records):
        disk.play(record)
        if number in chosen:
            yield record, disk


def known_at(told: Iterable[dict[str, Any]], at: int) -> Known:
    """What clients knew when the recording was so long; what they had begun may have happened, or not."""
    known = Known(Book(), {}, FakeClock().now_ms())
    for line in told:
        if line["at"] > at:
            break
        account = _account_of(line["account"])
        match line.get("begins"):
            case "sign-up" | "sign-in":
                account.unheard += 1
            case "sign-out":
                account.sessions.pop()
                account.unheard += 1
            case "data":
                known.begun[account.sessions[-1].handle] = line["data"]
            case _:
                pass
        known.book.accounts[account.email] = account
        known.now_ms = line["now_ms"]
    return known


def _account_of(told: dict[str, Any]) -> Account:
    account = Account(**told)
    account.sessions, account.ended = ([Session(**session) for session in told[name]] for name in ("sessions", "ended"))
    return account


async def check_disk(path: Path, known: Known) -> None:
    """Start on what is left as after a power cut, and note whatever of it should not be."""
    book = known.book
    clock = FakeClock()
    clock.advance(known.now_ms - clock.now_ms())
    database = f"sqlite:///{path}"
    auth, db = make_auth(database, clock), open_database(database)
    await auth.start()
    await db.start()
    try:
        await _accept_what_was_begun(db, known)
        await check_database(db, book)
        app = example_app(auth)
        for account in book.accounts.values():
            for session in account.sessions:
                if await _refresh(app, session) != 200:
                    book.fail(Violation.SIGNED_OUT, f"the session {session.handle} cannot be refreshed")
            for session in account.ended:
                if await _refresh(app, session) != 401:
                    book.fail(Violation.REVIVED, f"the session {session.handle} can be refreshed")
    finally:
        await db.stop()
        await auth.stop()
    with closing(sqlite3.connect(path)) as connection:
        (verdict,) = connection.execute("pragma integrity_check").fetchone()
    if verdict != "ok":
        book.fail(Violation.LOST, f"integrity_check: {verdict}")


async def _accept_what_was_begun(db: Database, known: Known) -> None:
    for account in known.book.accounts.values():
        for session in account.sessions:
            row = await db.find(_GET_DATA, handle=session.handle)
            begun = known.begun.get(session.handle)
            if row is not None and begun is not None and json.loads(row["session_data"]) == begun:
                session.data = begun


async def _refresh(app: FastAPI, session: Session) -> int:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=API) as client:
        browser = Browser(client, "headers", tokens={"st-refresh-token": session.refresh_token})
        return (await browser.refresh()).status_code
