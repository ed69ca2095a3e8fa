"""Two tables and the statements on them, for tests of the database itself."""

from watchword.database.database import Database, Row, Transaction
from watchword.database.statements import Statement

CREATE_THINGS = Statement("create table {things} (id text primary key, amount bigint not null, picture {bytes})")
CREATE_PARTS = Statement("""
    create table {parts} (
        thing_id text not null references {things} (id) on delete cascade,
        name     text not null check (name <> ''),
        primary key (thing_id, name)
    )
""")
ADD_THING = Statement("""
    insert into {things} (id, amount, picture) values (:id, :amount, :picture) on conflict do nothing returning id
""")
ADD_PART = Statement("insert into {parts} (thing_id, name) values (:thing_id, :name)")
FIND_THING = Statement("select id, amount, picture from {things} where id = :id")
LOCK_THING = Statement("select id, amount from {things} where id = :id {for_update}")
SET_AMOUNT = Statement("update {things} set amount = :amount where id = :id")
ADD_TO_ALL = Statement("update {things} set amount = amount + :amount")
DELETE_THING = Statement("delete from {things} where id = :id")
LIST_THINGS = Statement("select id, amount from {things} order by id")
COUNT_THINGS = Statement("select count(*) as number from {things}")
COUNT_PARTS = Statement("select count(*) as number from {parts}")
BROKEN = Statement("select id from {nowhere}")


async def create_things(db: Database) -> None:
    """Make the tables."""

    async def body(transaction: Transaction) -> None:
        await transaction.execute(CREATE_THINGS)
        await transaction.execute(CREATE_PARTS)

    await db.write_schema(body)


async def add(db: Database, id: str, amount: int = 1) -> Row | None:
    """Add a thing in a transaction of its own; `None` when there is one already."""
    return await db.write(lambda transaction: transaction.find(ADD_THING, id=id, amount=amount, picture=None))


async def count(db: Database, what: Statement = COUNT_THINGS) -> int:
    """How many things are committed."""
    row = await db.find(what)
    assert row is not None
    return int(row["number"])


async def amount(db: Database, id: str) -> int | None:
    """The committed amount of a thing."""
    row = await db.find(FIND_THING, id=id)
    return None if row is None else int(row["amount"])
