"""`watchword prove`: what defeats other rules, on an installation's own database, of which nothing is touched."""

import asyncio
from typing import Any

import pytest

from tests.cli.test_main import call
from watchword.cli.connection import known_migrations
from watchword.cli.prove import prove, tables_of_apps
from watchword.database.migrations import migrate
from watchword.database.open import open_database
from watchword.database.statements import Statement


def rows_of(database_url: str) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables that hold rows of apps."""

    async def read() -> dict[str, list[dict[str, Any]]]:
        db = open_database(database_url)
        await db.start()
        try:
            tables = tables_of_apps(known_migrations())
            statements = {name: Statement(f"select * from {{{name}}}") for name in tables}  # noqa: S608  our own names
            return {name: [dict(row) for row in await db.list(statement)] for name, statement in statements.items()}
        finally:
            await db.stop()

    return asyncio.run(read())


def add_a_session(database_url: str) -> None:
    """A session of the user's own."""
    insert = Statement(
        """
        insert into {sessions} (app_id, tenant_id, handle, user_id, recipe_user_id, cur_hash, cur_gen, confirmed_at_ms,
                                created_at_ms, expires_at_ms, jwt_payload, payload_version, session_data)
        values ('public', 'public', 'h', 'ada', 'ada', :hash, 0, 1, 1, 9999999999999, '{}', 0, '{}')
    """.replace("'{}'", ":empty")
    )

    async def write() -> None:
        db = open_database(database_url)
        await db.start()
        try:
            await db.write(lambda tx: tx.execute(insert, hash=bytes(32), empty="{}"))
        finally:
            await db.stop()

    asyncio.run(write())


def test_prove_shows_that_nobody_is_signed_out_and_leaves_no_trace(database_url: str) -> None:
    """Every counter-example of another rule and some random runs end well, and every row is as it was before."""
    assert 0 == call("migrate", DATABASE_URL=database_url).returncode
    add_a_session(database_url)
    before = rows_of(database_url)

    answer = call("prove", "--runs", "5", "--seed", "3", DATABASE_URL=database_url)

    assert 0 == answer.returncode, answer.stderr
    assert 7 == answer.stdout.count(" stays signed in")
    assert 2 == answer.stdout.count(" ends the session")
    assert "Random: 5 sessions" in answer.stdout
    assert "Honest clients signed out, thieves missed: none." in answer.stdout
    assert "token theft" not in answer.stderr
    assert before == rows_of(database_url)
    assert 1 == len(before["sessions"])


def test_prove_wants_current_tables(database_url: str) -> None:
    """Without tables, or a database, there is a sentence with the way out, and exit code 1."""
    answer = call("prove", DATABASE_URL=database_url)

    assert 1 == answer.returncode
    assert "watchword migrate" in answer.stderr


async def test_prove_names_what_is_broken(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the settle age off, honest clients are signed out: each such run is named, with what happened."""
    monkeypatch.setattr("watchword.cli.prove.SETTINGS", {"signing_key_algorithm": "EdDSA", "settle_ms": 0})
    databases = [open_database(sqlite_url), open_database(sqlite_url)]
    for db in databases:
        await db.start()
    try:
        await migrate(databases[0], known_migrations())
        proof = await prove(databases, known_migrations(), runs=5, seed=1, show=lambda: None)
    finally:
        for db in databases:
            await db.stop()

    assert "an honest client was signed out" in "".join(proof.broken.values())
    assert "signed out" in proof.describe(5, 1)
