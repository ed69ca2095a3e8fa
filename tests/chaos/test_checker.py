"""The judge is judged: whatever chaos could do to a database or to a record, the checker notices it."""

import copy
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.chaos.checker import check_database, check_mail
from tests.chaos.cluster import Node, Nursery
from tests.chaos.company import Company, steady
from tests.chaos.record import Account, Book, Violation
from watchword.database.open import open_database
from watchword.database.statements import Statement

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: What somebody does to the rows, and what must be found then.
DAMAGE = {
    "delete from {sessions}": Violation.SIGNED_OUT,
    "update {sessions} set session_data = '[]'": Violation.LOST,
    "update {sessions} set jwt_payload = '[]'": Violation.LOST,
    "delete from {users}": Violation.LOST,
    "delete from {emailpassword_users}": Violation.HALF_MADE,
    "delete from {emailpassword_emails}": Violation.HALF_MADE,
    "delete from {login_methods}": Violation.HALF_MADE,
    "delete from {login_method_tenants}": Violation.HALF_MADE,
    "update {emailpassword_emails} set email = 'x' || email": Violation.HALF_MADE,
    "update {sessions} set handle = 'other ' || handle": Violation.HALF_MADE,
    "update {sessions} set user_id = 'nobody'": Violation.HALF_MADE,
    "insert into {users} (app_id, user_id, time_joined_ms) values ('public', 'half', 1)": Violation.HALF_MADE,
    "insert into {revoked_handles} (app_id, revoked_at_ms, handle) select app_id, 1, handle from {sessions}": (
        Violation.REVIVED
    ),
}


@asynccontextmanager
async def two_people(nursery: Nursery, folder: Path) -> AsyncIterator[tuple[Company, Node]]:
    """On a node with an SQLite file: one of them was signed out and in again, and all is well."""
    url = f"sqlite:///{folder / 'chaos.db'}"
    node = await nursery.start(url, 1)
    company = Company(nursery, url)
    ada, grace = company.invite(steady(node)), company.invite(steady(node))
    await ada.sign_up()
    await ada.change_data()
    await ada.change_payload()
    await grace.sign_up()
    await grace.sign_out()
    await grace.sign_in()
    try:
        yield company, node
    finally:
        await node.kill()


def violations(book: Book) -> list[Violation]:
    """What is in the book, emptied."""
    found = [broken.what for broken in book.broken]
    book.broken.clear()
    return found


async def test_damage_to_the_rows_is_found(nursery: Nursery, tmp_path: Path) -> None:
    """Rows that are lost, changed, half there or too many; and nothing where all is well."""
    async with two_people(nursery, tmp_path) as (company, _):
        pass
    for damage, expected in {"select 1 from {users}": None, **DAMAGE}.items():
        shutil.copytree(tmp_path, tmp_path / "copy")
        db = open_database(f"sqlite:///{tmp_path / 'copy' / 'chaos.db'}")
        await db.start()
        await db.write(lambda tx, text=damage: tx.execute(Statement(text)))
        await check_database(db, company.book)
        await db.stop()
        shutil.rmtree(tmp_path / "copy")
        found = violations(company.book)
        assert expected in found if expected else [] == found, damage


async def test_what_clients_find_is_found(nursery: Nursery, tmp_path: Path) -> None:
    """The rows are well, and a client is not: signed out by a token that was replaced, or still in after its end."""
    async with two_people(nursery, tmp_path) as (company, node):
        assert 0 == await company.check(node)
        assert [] == violations(company.book)

        ada, grace = company.people
        ended = copy.copy(grace.session)
        grace.account.ended.append(ended)
        grace.account.sessions.clear()
        await company.check(node)
        assert [Violation.REVIVED] * 3 == violations(company.book)  # its row, its refresh and its access token
        grace.account.ended.remove(ended)

        before = copy.copy(ada.session)
        await company.check(node)
        ada.account.sessions[-1] = before
        await company.check(node)
        assert Violation.SIGNED_OUT in violations(company.book)


async def test_what_was_told_and_is_missing_is_found(nursery: Nursery, tmp_path: Path) -> None:
    """An account that was acknowledged, a notice that never came, a copy of one where there was no fault."""
    async with two_people(nursery, tmp_path) as (company, _):
        db = open_database(company.database)
        await db.start()
        book, inbox = company.book, company.inbox
        (account, *_) = book.accounts.values()
        account.resets = 1
        await check_mail(db, inbox, book)
        assert [Violation.MAIL] == violations(book)
        inbox.notices[account.email]["<one@example.com>"] = 2
        assert 1 == await check_mail(db, inbox, book)
        assert [Violation.MAIL] == violations(book)
        book.injected = 1
        assert 1 == await check_mail(db, inbox, book)
        assert [] == violations(book)

        book.accounts["lost@example.com"] = Account("lost@example.com", "", signed_up=True)
        await check_database(db, book)
        assert [Violation.LOST] == violations(book)
        await db.stop()
