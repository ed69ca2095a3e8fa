"""What every database promises to the rooms above; each test runs on SQLite and on PostgreSQL."""

import asyncio
import gc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.database.things import (
    ADD_PART,
    ADD_THING,
    ADD_TO_ALL,
    BROKEN,
    COUNT_PARTS,
    DELETE_THING,
    FIND_THING,
    LIST_THINGS,
    LOCK_THING,
    SET_AMOUNT,
    add,
    amount,
    count,
    create_things,
)
from watchword.database.bodies import BodySuspended
from watchword.database.database import Database, Transaction
from watchword.database.open import open_database
from watchword.database.statements import Statement
from watchword.errors import StorageUnavailable

pytestmark = pytest.mark.behind_pgbouncer


async def test_a_write_that_returned_is_seen_by_every_read(things: Database) -> None:
    """Read your own writes: one row, all rows, by column name, with every type we store."""
    picture = bytes(range(256))
    await things.write(lambda tx: tx.execute(ADD_THING, id="é\u2028'\"\\%_{}", amount=-(2**63), picture=picture))

    row = await things.find(FIND_THING, id="é\u2028'\"\\%_{}")
    assert row is not None
    assert (-(2**63), picture) == (row["amount"], bytes(row["picture"]))
    assert [-(2**63)] == [row["amount"] for row in await things.list(LIST_THINGS)]
    assert await things.find(FIND_THING, id="e") is None


async def test_one_statement_runs_for_many_values_or_for_none(things: Database) -> None:
    """`execute_many` is part of its transaction: all of it is there, or an error in the middle leaves nothing."""
    await things.write(lambda tx: tx.execute_many(ADD_PART, []))
    many = [{"id": f"t{number}", "amount": number, "picture": b"\x00"} for number in range(100)]
    await things.write(lambda tx: tx.execute_many(ADD_THING, many))
    assert 100 == await count(things)

    async def fails(tx: Transaction) -> None:
        await tx.execute_many(ADD_PART, [{"thing_id": "t1", "name": "good"}, {"thing_id": "t1", "name": ""}])

    with pytest.raises(Exception, match=r"(?i)check"):
        await things.write(fails)
    assert 0 == await count(things, COUNT_PARTS)


async def test_statements_count_the_rows_they_change(things: Database) -> None:
    """`execute` returns how many rows changed, with `returning` too."""

    async def body(tx: Transaction) -> list[int]:
        return [
            await tx.execute(ADD_THING, id="a", amount=1, picture=None),
            await tx.execute(ADD_THING, id="a", amount=2, picture=None),
            await tx.execute(ADD_THING, id="b", amount=3, picture=None),
            await tx.execute(ADD_TO_ALL, amount=10),
            await tx.execute(SET_AMOUNT, id="nobody", amount=0),
            await tx.execute(DELETE_THING, id="b"),
        ]

    assert [1, 0, 1, 2, 0, 1] == await things.write(body)
    assert [("a", 11)] == [(row["id"], row["amount"]) for row in await things.list(LIST_THINGS)]


async def test_an_exception_rolls_all_of_it_back(things: Database) -> None:
    """An exception in the body undoes every statement of the body, and reaches the caller as it is."""
    problem = LookupError("mine")

    async def body(tx: Transaction) -> None:
        await tx.execute(ADD_THING, id="a", amount=1, picture=None)
        raise problem

    with pytest.raises(LookupError) as caught:
        await things.write(body)
    assert problem is caught.value
    assert 0 == await count(things)


async def test_a_failing_body_leaves_its_neighbours_alone(things: Database) -> None:
    """Of many transactions at once, those that raise are undone and all others are committed."""

    async def body(tx: Transaction, number: int) -> int:
        await tx.execute(ADD_THING, id=f"thing {number:03}", amount=number, picture=None)
        if number % 3 == 0:
            raise LookupError(number)
        return number

    answers = await asyncio.gather(
        *(things.write(lambda tx, number=number: body(tx, number)) for number in range(100)), return_exceptions=True
    )

    assert [number for number in range(100) if number % 3] == [answer for answer in answers if isinstance(answer, int)]
    assert 34 == sum(isinstance(answer, LookupError) for answer in answers)
    assert [number for number in range(100) if number % 3] == [row["amount"] for row in await things.list(LIST_THINGS)]


async def test_one_of_many_wins_a_unique_key(things: Database) -> None:
    """Of fifty that add the same key at once, one gets the row and 49 get `None`, none an error (DB-3)."""
    answers = await asyncio.gather(*(add(things, "the one", number) for number in range(50)))

    winners = [number for number, answer in enumerate(answers) if answer is not None]
    assert 1 == len(winners)
    assert winners == [await amount(things, "the one")]


async def test_no_update_is_lost(things: Database) -> None:
    """Read with `{for_update}`, then write, in one body: a hundred at once all count."""
    await add(things, "counter", 0)

    async def body(tx: Transaction) -> None:
        row = await tx.find(LOCK_THING, id="counter")
        assert row is not None
        await tx.execute(SET_AMOUNT, id="counter", amount=row["amount"] + 1)

    await asyncio.gather(*(things.write(body) for _ in range(100)))

    assert 100 == await amount(things, "counter")


async def test_a_failed_statement_cannot_be_committed(things: Database) -> None:
    """A body that catches the error of a statement and goes on is rolled back, and the error is raised again.

    PostgreSQL would answer ROLLBACK to the commit, and the caller would believe that it was written.
    """

    async def body(tx: Transaction) -> str:
        await tx.execute(ADD_THING, id="a", amount=1, picture=None)
        try:
            await tx.execute(BROKEN)
        except Exception:
            return "went on"
        return "did not fail"

    with pytest.raises(Exception, match="nowhere"):
        await things.write(body)
    assert 0 == await count(things)


async def test_the_rules_of_the_schema_hold(things: Database) -> None:
    """Foreign keys, checks and cascades are enforced, and the error is no outage."""
    await add(things, "a")
    await things.write(lambda tx: tx.execute(ADD_PART, thing_id="a", name="wheel"))

    for parameters in ({"thing_id": "nobody", "name": "wheel"}, {"thing_id": "a", "name": ""}):
        with pytest.raises(Exception, match=r"(?i)constraint") as caught:
            await things.write(lambda tx, parameters=parameters: tx.execute(ADD_PART, **parameters))
        assert not isinstance(caught.value, StorageUnavailable)
    assert 1 == await count(things, COUNT_PARTS)

    await things.write(lambda tx: tx.execute(DELETE_THING, id="a"))
    assert 0 == await count(things, COUNT_PARTS)


async def test_a_body_that_waits_for_something_else_is_stopped(things: Database) -> None:
    """A body may await its transaction only; anything else is a programming error and nothing is written."""
    never = asyncio.get_running_loop().create_future()

    async def sleeper(tx: Transaction) -> None:
        await tx.execute(ADD_THING, id="a", amount=1, picture=None)
        await asyncio.sleep(0)

    async def waiter(tx: Transaction) -> None:
        await tx.execute(ADD_THING, id="a", amount=1, picture=None)
        await never

    async def stubborn(tx: Transaction) -> None:
        try:
            await asyncio.sleep(0)
        finally:
            await asyncio.sleep(0)

    for body in (sleeper, waiter, stubborn):
        with pytest.raises(BodySuspended, match="await"):
            await things.write(body)
    assert 0 == await count(things)
    assert await add(things, "b") is not None
    gc.collect()  # what the stubborn body left behind goes here, and not in some other test


async def test_parameters_are_exact(things: Database) -> None:
    """A missing parameter, or one too many, is a programming error that names them, before the database is asked."""
    for parameters in ({}, {"id": "a", "idd": "b"}, {"idd": "a"}):
        with pytest.raises(TypeError, match="id"):
            await things.find(FIND_THING, **parameters)
        with pytest.raises(TypeError, match="id"):
            await things.write(lambda tx, parameters=parameters: tx.find(FIND_THING, **parameters))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(blacklist_characters="\0", blacklist_categories=("Cs",)), max_size=40))
async def test_parameters_only(things: Database, text: str) -> None:
    """Whatever a text holds, quotes, braces, colons, it is data: it comes back as it went in (DB-1)."""
    statement = Statement("select cast(:text as text) as text, '{things} :text' as kept, cast(:text as text) as again")
    row = await things.find(statement, text=text)
    assert row is not None
    assert (text, "{things} :text", text) == (row["text"], row["kept"], row["again"])


async def test_equal_means_the_same_bytes(things: Database) -> None:
    """Upper and lower case, accents and widths make different keys: no collation decides identity (DB-6)."""
    names = ["ada", "Ada", "ADA", "àda", "a\u0300da", "ａda", "ada ", "ADA\u0131", "adai", "straße", "strasse"]
    for name in names:
        assert await add(things, name) is not None, name
    assert len(names) == await count(things)


async def test_what_was_committed_survives_a_restart(database_url: str) -> None:
    """After stop and start, by another object too, all is there."""
    first = open_database(database_url)
    await first.start()
    await create_things(first)
    await add(first, "a", 7)
    await first.stop()
    assert 7 == await _amount_in(database_url)

    await first.start()
    assert 7 == await amount(first, "a")
    await first.stop()


async def _amount_in(url: str) -> int | None:
    second = open_database(url)
    await second.start()
    try:
        return await amount(second, "a")
    finally:
        await second.stop()


async def test_stop_finishes_what_runs(things: Database) -> None:
    """Writes that were accepted before `stop` are committed or refused, and all of them are answered."""
    writes = [asyncio.create_task(add(things, f"thing {number}")) for number in range(50)]
    await asyncio.sleep(0)
    await things.stop()

    answers = await asyncio.gather(*writes, return_exceptions=True)

    assert not [
        answer for answer in answers if isinstance(answer, Exception) and not isinstance(answer, StorageUnavailable)
    ]
    await things.start()
    assert sum(not isinstance(answer, Exception) for answer in answers) == await count(things)


async def test_a_stopped_database_is_an_outage(things: Database) -> None:
    """After `stop` every call is `StorageUnavailable`; a second `stop` and a second `start` do nothing."""
    await things.stop()
    await things.stop()
    for call in (things.find(LIST_THINGS), things.list(LIST_THINGS), add(things, "a")):
        with pytest.raises(StorageUnavailable):
            await call
    await things.start()
    await things.start()
    assert 0 == await count(things)


async def test_a_cancelled_caller_leaves_a_database_that_works(things: Database) -> None:
    """Callers that go away in the middle leave whole transactions or none, no connection and no lock behind (F-22)."""

    async def body(tx: Transaction, number: int) -> None:
        await tx.execute(ADD_THING, id=f"{number} a", amount=1, picture=None)
        await tx.execute(ADD_THING, id=f"{number} b", amount=1, picture=None)

    for steps in range(25):
        tasks = [asyncio.create_task(things.write(lambda tx, n=n: body(tx, n))) for n in (steps * 2, steps * 2 + 1)]
        for _ in range(steps):
            await asyncio.sleep(0)
        tasks[0].cancel()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert answers[1] is None

    ids = {row["id"] for row in await things.list(LIST_THINGS)}
    assert all(f"{id[:-1]}{'b' if id.endswith('a') else 'a'}" in ids for id in ids)
    assert 25 * 2 <= len(ids)


async def test_a_prefix_keeps_two_installations_apart(database_url: str) -> None:
    """Two table prefixes in one database are two worlds: tables and indexes of the same name do not meet."""
    worlds = [open_database(database_url, table_prefix=prefix) for prefix in ("", "one_", "two_")]
    for number, world in enumerate(worlds):
        await world.start()
        await create_things(world)
        await world.write_schema(lambda tx: tx.execute(Statement("create index {by_amount} on {things} (amount)")))
        await add(world, "a", number)

    assert [0, 1, 2] == [await amount(world, "a") for world in worlds]
    for world in worlds:
        await world.stop()
