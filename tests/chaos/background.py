"""Kills of what works beside the requests: the outbox that sends mail, and the sweeper."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import count

from tests.chaos.cluster import Node, Nursery
from tests.chaos.company import Company, once, steady
from tests.chaos.kills import Stage, stage
from tests.chaos.node import API
from tests.chaos.record import Violation
from tests.chaos.table import Databases, Row
from tests.site import SECRET
from watchword.crypto.sealing import SecretRing
from watchword.database.database import Database, Transaction
from watchword.database.open import open_database
from watchword.database.statements import Statement
from watchword.delivery.mail import Mail
from watchword.delivery.outbox import Outbox

_SURVIVOR, _VICTIM = 1, 2
_MOST = 100

_COPY_ENDED = Statement("""
    insert into {sessions} (app_id, tenant_id, handle, user_id, recipe_user_id, cur_hash, cur_gen, confirmed_at_ms,
                            created_at_ms, expires_at_ms, ends_at_ms, jwt_payload, payload_version, session_data)
    select app_id, tenant_id, :handle, user_id, recipe_user_id, cur_hash, cur_gen, 1,
           1, 2, ends_at_ms, jwt_payload, payload_version, session_data
      from {sessions} where app_id = 'public' and handle = :of
""")
_OLD_REVOKED = Statement("""
    insert into {revoked_handles} (app_id, revoked_at_ms, handle) values ('public', 1, :handle)
""")
_FREE_LEASES = Statement("update {leases} set until_ms = 0 where app_id = 'public'")
_COUNT_ENDED = Statement("""
    select (select count(*) from {sessions} where app_id = 'public' and expires_at_ms = 2)
         + (select count(*) from {revoked_handles} where app_id = 'public' and revoked_at_ms = 1) as n
""")


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Database]:
    db = open_database(url)
    await db.start()
    try:
        yield db
    finally:
        await db.stop()


async def kill_the_outbox(nursery: Nursery, databases: Databases, *, every: int = 1) -> Row:
    """A mail waits, a node that sends it is killed at each point of that, and another sends it in the end."""
    database = databases.create()
    node = await nursery.start(database, _VICTIM)
    company = Company(nursery, database)
    book = company.book
    async with _opened(database) as db:
        outbox = Outbox(db=db, app_id="public", clock=nursery.clocks.at(0), secrets=SecretRing(SECRET), delivery=None)
        for at in count(1, every):
            await db.write(partial(outbox.enqueue, mail=_mail(f"mail-{at}@example.com")))
            book.acknowledged["mail"] += 1
            if not await _sends(node, at):
                break
            assert at < _MOST, "an outbox without an end"
            book.injected += 1
            node = await nursery.start(database, _VICTIM)
        await node.kill()
        doubled = await company.check(await nursery.start(database, _SURVIVOR))
    for at in range(1, book.acknowledged["mail"] * every, every):
        if not company.inbox.links[f"mail-{at}@example.com"]:
            book.fail(Violation.MAIL, f"mail {at} never came")
    await nursery.end_all()
    return Row.of("killed in: outbox", databases.kind, book, doubled)


def _mail(address: str) -> Mail:
    return Mail(
        kind="password_reset",
        to=address,
        user_id=address,
        tenant_id="public",
        values={"link": f"{API}/auth/reset-password?token={address[:-12]}"},
        language="en",
    )


async def _sends(node: Node, at: int) -> bool:
    """Whether the node is killed while it sends what waits."""
    try:
        await node.wire.ask("POST", "/send", {"x-chaos-at": str(at)})
    except OSError:
        await node.is_gone()
        assert node.was_killed, f"the node ended with {node.code}"
        return True
    return False


async def kill_the_sweeper(nursery: Nursery, databases: Databases, *, every: int = 1) -> Row:
    """There are rows to remove, and a node is killed at each point of that; nothing that lives is removed, ever."""
    async with stage(nursery, databases.create()) as here, _opened(here.company.database) as db:
        person = here.company.invite(steady(here.survivor))
        await person.sign_up()
        for at in count(1, every):

            async def prepare(tx: Transaction, at: int = at) -> None:
                """Some rows have ended, and a minute has passed since whoever swept last was killed."""
                await tx.execute(_COPY_ENDED, handle=f"ended-{at}", of=person.session.handle)
                await tx.execute(_OLD_REVOKED, handle=f"ended-{at}-before")
                await tx.execute(_FREE_LEASES)

            await db.write(prepare)
            if not await _sweep(here, at):
                break
            assert at < _MOST, "a sweep without an end"
        await db.write(lambda tx: tx.execute(_FREE_LEASES))
        await here.survivor.wire.ask("POST", "/sweep", {})
        left = await db.find(_COUNT_ENDED)
        if left is None or left["n"]:
            here.book.fail(Violation.STUCK, f"rows that have ended are still there: {left and left['n']}")
        doubled = await here.company.check(here.survivor)
    return Row.of("killed in: sweeper", databases.kind, here.book, doubled)


async def _sweep(here: Stage, at: int) -> bool:
    way = once(await here.victim(), {"x-chaos-at": str(at)}, here.survivor)
    for _ in range(2):
        wire, headers = way()
        try:
            await wire.ask("POST", "/sweep", headers)
        except OSError:
            continue
        here.book.acknowledged["sweep"] += 1
        break
    return await here.has_died()
