"""A source that is copied may be anybody's: its names never become SQL on the target, its values never a message."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from watchword.database.copying import CannotCopy, copy_installation
from watchword.database.database import Database
from watchword.database.foreign import ForeignDatabase
from watchword.database.migrations import load_migrations, migrate
from watchword.database.open import open_database
from watchword.database.statements import Statement

MIGRATIONS = load_migrations(["watchword.accounts"])
HOSTILE = '"x) values (1); drop table users; --"'


@pytest.fixture
async def source(tmp_path: Path) -> AsyncIterator[Database]:
    """An installation on SQLite with one tenant."""
    db = open_database(f"sqlite:///{tmp_path}/source.db")
    await db.start()
    await migrate(db, MIGRATIONS)
    await change(db, "insert into {tenants} (app_id, tenant_id) values ('public', 'a')")
    yield db
    await db.stop()


async def change(db: Database, text: str) -> None:
    """Run SQL as somebody who has the database in hand."""
    await db.write_schema(lambda tx: tx.execute(Statement(text)))


async def copy(tmp_path: Path, source: Database, target: Database) -> None:
    """As the command does it."""
    await migrate(target, MIGRATIONS)
    foreign = ForeignDatabase(f"sqlite:///{tmp_path}/source.db")
    await copy_installation(foreign, source.rendering, target, MIGRATIONS, progress=lambda _: None)


async def test_columns_of_the_source_are_never_sql(db: Database, source: Database, tmp_path: Path) -> None:
    """Somebody prepared a file in which a column's name would be a statement on the target: nothing is copied."""
    await change(source, f"alter table {{tenants}} add column {HOSTILE} text")
    with pytest.raises(CannotCopy, match=r"the table tenants of the source is not as Watchword made it"):
        await copy(tmp_path, source, db)
    await change(source, f"alter table {{tenants}} drop column {HOSTILE}")
    await copy(tmp_path, source, db)  # the target was left empty
    assert ["a"] == [row["tenant_id"] for row in await db.list(Statement("select tenant_id from {tenants}"))]


async def test_a_row_that_we_never_write_is_told_and_not_shown(db: Database, source: Database, tmp_path: Path) -> None:
    """A value that our tables refuse, and a message of the driver that would show the row."""
    await change(source, "insert into {users} (app_id, user_id, time_joined_ms) values ('public', 'secret', 1)")
    await change(
        source,
        "insert into {login_methods} (app_id, recipe_user_id, user_id, recipe_id, time_joined_ms, verified)"
        " values ('public', 'm', 'secret', 'thirdparty', 1, 1)",
    )
    await change(source, "pragma ignore_check_constraints = on")
    await change(source, "update {login_methods} set verified = 7")
    with pytest.raises(CannotCopy, match=r"a row of the table login_methods of the source is none that") as caught:
        await copy(tmp_path, source, db)
    assert "secret" not in str(caught.value)
