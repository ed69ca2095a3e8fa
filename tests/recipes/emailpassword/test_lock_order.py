"""Whoever changes both, and whoever makes sure of them, lock address and password in one order. PostgreSQL only."""

import asyncio

import asyncpg

from tests.site import PASSWORD
from watchword import AppInfo, Watchword
from watchword.crypto.passwords import PasswordHasher
from watchword.database.open import open_database
from watchword.recipes import EmailPassword
from watchword.recipes.emailpassword.meanwhile import PasswordSignIn

WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


async def until_waiting(connection: asyncpg.Connection, number: int) -> None:
    """Until so many transactions wait for locks."""
    async with asyncio.timeout(20):
        while await connection.fetchval(WAITING) < number:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)


async def test_a_change_of_both_and_a_sign_in_do_not_wait_for_each_other(postgres_url: str) -> None:
    """Both stand in the queue for the address, the sign-in first; then each goes on, and no deadlock is to be broken.

    A server that would break one after a minute makes one show: our statements give up long before.
    """
    admin, watcher = await asyncpg.connect(postgres_url), await asyncpg.connect(postgres_url)
    await admin.execute(
        f"alter database {await admin.fetchval('select current_database()')} set deadlock_timeout = '1min'"
    )
    recipe = EmailPassword()
    auth = Watchword(
        app_info=AppInfo(app_name="Test", api_domain="http://localhost:8000", website_domain="http://localhost:8000"),
        database=open_database(postgres_url),
        secret="a secret for tests that has at least 32 bytes",
        recipe_list=[recipe],
        passwords=PasswordHasher(workers=2),
    )
    await auth.start()
    try:
        user = await recipe.sign_up("ada@example.com", PASSWORD, tenant_id="public", user_context={})
        sign_in = PasswordSignIn(recipe.engine, "public")
        await sign_in.read_hash("ada@example.com")
        held = admin.transaction()
        await held.start()
        await admin.execute("select 1 from emailpassword_emails for update")
        signing_in = asyncio.create_task(sign_in.require_unchanged("its session", user.id, PASSWORD))
        await until_waiting(watcher, 1)
        change = {"email": "ada@new.example", "password": "another horse 2"}
        changing = asyncio.create_task(recipe.update_email_or_password(user.id, **change))
        await until_waiting(watcher, 2)
        await held.rollback()
        await signing_in
        assert "ada@new.example" == (await changing).email
    finally:
        await auth.stop()
        await watcher.close()
        await admin.close()
