"""Reads the database and what clients were told, and finds what of it cannot both be true."""

import asyncio
import json
from collections import Counter, defaultdict
from typing import Any

from tests.chaos.inbox import Inbox
from tests.chaos.record import Account, Book, Session, Violation
from watchword.database.database import Database, Row
from watchword.database.statements import Statement

_LONG_ENOUGH_SECONDS = 30

_LIST_ACCOUNTS = Statement("""
    select e.email, m.user_id from {emailpassword_emails} e
      join {login_methods} m on m.app_id = e.app_id and m.recipe_user_id = e.recipe_user_id
     where e.app_id = 'public'
""")
_LIST_SESSIONS = Statement("""
    select handle, user_id, jwt_payload, session_data from {sessions} where app_id = 'public'
""")
_GET_WAITING = Statement("select count(*) as n, count(dead_reason) as dead from {mail_outbox} where app_id = 'public'")
_LIST_KEYS = Statement("""
    select kind, algorithm, slot, count(*) as n from {signing_keys} where app_id = 'public'
     group by kind, algorithm, slot
""")

#: What there must be none of: one part of an account without the others.
_HALVES = {
    "a user without a login method": """
        select u.user_id as it from {users} u where u.app_id = 'public' and not exists (
            select 1 from {login_methods} m where m.app_id = u.app_id and m.user_id = u.user_id)""",
    "a login method without a user": """
        select m.recipe_user_id as it from {login_methods} m where m.app_id = 'public' and not exists (
            select 1 from {users} u where u.app_id = m.app_id and u.user_id = m.user_id)""",
    "a login method without a password": """
        select m.recipe_user_id as it from {login_methods} m where m.app_id = 'public' and not exists (
            select 1 from {emailpassword_users} p where p.app_id = m.app_id and p.recipe_user_id = m.recipe_user_id)""",
    "a password without a login method": """
        select p.recipe_user_id as it from {emailpassword_users} p where p.app_id = 'public' and not exists (
            select 1 from {login_methods} m where m.app_id = p.app_id and m.recipe_user_id = p.recipe_user_id)""",
    "a password without an address": """
        select p.recipe_user_id as it from {emailpassword_users} p where p.app_id = 'public' and not exists (
            select 1 from {emailpassword_emails} e
             where e.app_id = p.app_id and e.recipe_user_id = p.recipe_user_id)""",
    "an address without a password": """
        select e.email as it from {emailpassword_emails} e where e.app_id = 'public' and not exists (
            select 1 from {emailpassword_users} p where p.app_id = e.app_id and p.recipe_user_id = e.recipe_user_id)""",
    "a login method that works in no tenant": """
        select m.recipe_user_id as it from {login_methods} m where m.app_id = 'public' and not exists (
            select 1 from {login_method_tenants} t
             where t.app_id = m.app_id and t.recipe_user_id = m.recipe_user_id)""",
    "a link for an account that is not there": """
        select r.email as it from {password_reset_tokens} r where r.app_id = 'public' and not exists (
            select 1 from {emailpassword_users} p where p.app_id = r.app_id and p.recipe_user_id = r.recipe_user_id)""",
    "a session whose handle was revoked": """
        select s.handle as it from {sessions} s where s.app_id = 'public' and exists (
            select 1 from {revoked_handles} r where r.app_id = s.app_id and r.handle = s.handle)""",
    "a session of nobody": """
        select s.handle as it from {sessions} s where s.app_id = 'public' and not exists (
            select 1 from {users} u where u.app_id = s.app_id and u.user_id = s.user_id)""",
}
_KINDS = {"a session whose handle was revoked": Violation.REVIVED}


async def check_database(db: Database, book: Book) -> None:
    """Compare the rows with the records; what is wrong goes into the book."""
    for what, text in _HALVES.items():
        for row in await db.list(Statement(text)):
            book.fail(_KINDS.get(what, Violation.HALF_MADE), f"{what}: {row['it']}")
    user_ids = await _check_accounts(db, book)
    rows: dict[str, dict[str, Row]] = defaultdict(dict)
    for row in await db.list(_LIST_SESSIONS):
        rows[row["user_id"]][row["handle"]] = row
    for account in book.accounts.values():
        _check_sessions(account, rows.get(user_ids.get(account.email, ""), {}), book)
    for row in await db.list(_LIST_KEYS):
        if row["n"] != 1:
            book.fail(Violation.HALF_MADE, f"{row['n']} signing keys for one place")


async def _check_accounts(db: Database, book: Book) -> dict[str, str]:
    found: dict[str, list[str]] = defaultdict(list)
    for row in await db.list(_LIST_ACCOUNTS):
        found[row["email"]].append(row["user_id"])
    for address, user_ids in found.items():
        if len(user_ids) > 1:
            book.fail(Violation.HALF_MADE, f"{address} has {len(user_ids)} accounts")
        if address not in book.accounts:
            book.fail(Violation.HALF_MADE, f"{address} never signed up")
    for account in book.accounts.values():
        if account.signed_up and account.email not in found:
            book.fail(Violation.LOST, f"the account of {account.email}")
    return {address: user_ids[0] for address, user_ids in found.items()}


def _check_sessions(account: Account, rows: dict[str, Row], book: Book) -> None:
    known = {session.handle for session in account.sessions}
    for session in account.sessions:
        row = rows.get(session.handle)
        if row is None:
            book.fail(Violation.SIGNED_OUT, f"the session {session.handle} of {account.email} is not there")
            continue
        for name, told in (("session_data", session.data), ("jwt_payload", session.payload)):
            stored: dict[str, Any] = json.loads(row[name])
            if stored != told:
                book.fail(Violation.LOST, f"{name} of {session.handle}: stored {stored}, acknowledged {told}")
    for session in account.ended:
        if session.handle in rows:
            book.fail(Violation.REVIVED, f"the session {session.handle} of {account.email} is there")
    others = set(rows) - known - {session.handle for session in account.ended}
    if len(others) > account.unheard:
        book.fail(Violation.HALF_MADE, f"{len(others)} sessions of {account.email} that nobody asked for")


async def check_mail(db: Database, inbox: Inbox, book: Book) -> int:
    """Wait until the outbox is empty, and count: every new password was told of, once for each time it was sent.

    Returns:
        How many mails came more than once, under the same `Message-ID`.
    """
    try:
        async with asyncio.timeout(_LONG_ENOUGH_SECONDS):
            while (waiting := await db.find(_GET_WAITING)) is not None and waiting["n"] > waiting["dead"]:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    except TimeoutError:
        book.fail(Violation.MAIL, f"{waiting['n']} mails are still in the outbox")
    if waiting is not None and waiting["dead"]:
        book.fail(Violation.MAIL, f"{waiting['dead']} mails were given up")
    inbox.read()
    for account in book.accounts.values():
        told = len(inbox.notices[account.email])
        if told != account.resets:
            book.fail(Violation.MAIL, f"{account.email}: {account.resets} new passwords, {told} notices")
    doubled = 0
    for mails in (*inbox.notices.values(), *inbox.links.values()):
        doubled += _count_doubled(mails, book)
    return doubled


def _count_doubled(mails: Counter[str], book: Book) -> int:
    copies = sum(mails.values()) - len(mails)
    if copies > book.injected:
        book.fail(Violation.MAIL, f"{copies} copies more than mails, and only {book.injected} faults")
    return copies


def latest(account: Account, at_most: int = 2) -> list[Session]:
    """The sessions of an account that ended last."""
    return account.ended[-at_most:]
