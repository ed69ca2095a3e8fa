"""All rows of a person, whichever recipe they belong to: read, moved to another id, and deleted, table by table.

The statements are made from the declarations of the tables (`StoredTable`), so that a recipe that declares its own
is deleted, exported and moved with all others.
"""

from collections.abc import Sequence
from typing import Any

from watchword.accounts.directory import Reader
from watchword.database.database import Row, Transaction
from watchword.database.statements import Statement
from watchword.http.json import decode_json_object
from watchword.stored_data import StoredTable

# ruff: noqa: S608 - names of tables and columns come from declarations in our code and are checked by a test

SESSIONS = "sessions"
#: The row that all others hang on: the first to be made and the last to go.
USERS = "users"
_METHOD = "recipe_user_id"


class PersonalData:
    """The tables of one installation that hold rows of people.

    Args:
        tables: Of all rooms and recipes, referring ones after those that they refer to.
    """

    def __init__(self, tables: Sequence[StoredTable]) -> None:
        self.tables = tuple({table.name: table for table in tables}.values())
        self._of_people = [table for table in self.tables if table.person is not None]
        by_id = [table for table in self._of_people if table.person == "user_id"]
        self._exports = [(table, Statement(_select(table))) for table in self._of_people]
        self._deletions = {
            table.name: Statement(f"delete from {_where(table)}")
            for table in reversed(self._of_people)
            if not table.by_its_room
        }
        self._deletions_of_methods = [
            Statement(f"delete from {{{table.name}}} where app_id = :app_id and {_METHOD} = :{_METHOD}")
            for table in reversed(self._of_people)
            if _METHOD in table.columns and not table.by_its_room
        ]
        self._moves = [
            Statement(f"update {{{table.name}}} set user_id = :new where app_id = :app_id and user_id = :person_id")
            for table in by_id
            if table.name != USERS and not table.by_its_room
        ]
        self._probes = {
            table.name: Statement(f"select 1 as used from {_where(table)} limit 1")
            for table in by_id
            if table.of_application
        }
        users = next(table for table in tables if table.name == USERS)
        others = ", ".join(column for column in users.columns if column != "user_id")
        self._copy_user = Statement(
            f"insert into {{{USERS}}} (app_id, user_id, {others}) select app_id, :new, {others} from {_where(users)} "
            "on conflict (app_id, user_id) do nothing"
        )
        self._delete_user = self._deletions[USERS]

    async def export(self, reader: Reader, app_id: str, person_ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        """What the tables hold of a person, by table; hashes and sealed texts are left out.

        Args:
            reader: A database, or a transaction.
            app_id: Whose people.
            person_ids: Every id of the person, those of the login methods too.
        """
        found: dict[str, list[dict[str, Any]]] = {}
        for table, statement in self._exports:
            rows = [
                row
                for person_id in person_ids
                for row in await reader.list(statement, app_id=app_id, person_id=person_id)
            ]
            found[table.name] = sorted((_plain(table, row) for row in rows), key=_order)
        return found

    async def delete(self, tx: Transaction, app_id: str, person_ids: Sequence[str]) -> dict[str, int]:
        """Delete a person's rows, where their room does not do so itself; returns how many there were, by table."""
        return {
            name: sum([await tx.execute(statement, app_id=app_id, person_id=person_id) for person_id in person_ids])
            for name, statement in self._deletions.items()
        }

    async def delete_login_method(self, tx: Transaction, app_id: str, recipe_user_id: str) -> None:
        """Delete the rows of one way to sign in, and nothing else of the person."""
        for statement in self._deletions_of_methods:
            await tx.execute(statement, app_id=app_id, recipe_user_id=recipe_user_id)

    async def list_in_use(self, reader: Reader, app_id: str, user_id: str) -> list[str]:
        """The tables in which the application caused rows under this id."""
        return [
            name
            for name, statement in self._probes.items()
            if await reader.list(statement, app_id=app_id, person_id=user_id)
        ]

    async def move(self, tx: Transaction, app_id: str, old: str, new: str) -> bool:
        """Give a user another user id, where the tables' rooms do not do so themselves.

        Returns:
            Whether the id was free; otherwise nothing was done.
        """
        if not await tx.execute(self._copy_user, app_id=app_id, person_id=old, new=new):
            return False
        for statement in self._moves:
            await tx.execute(statement, app_id=app_id, person_id=old, new=new)
        await tx.execute(self._delete_user, app_id=app_id, person_id=old)
        return True

    def statements(self) -> list[Statement]:
        """All statements that were made; a test prepares them."""
        return [
            *(statement for _, statement in self._exports),
            *self._deletions.values(),
            *self._deletions_of_methods,
            *self._moves,
            *self._probes.values(),
            self._copy_user,
        ]


def _where(table: StoredTable) -> str:
    return f"{{{table.name}}} where app_id = :app_id and {table.person} = :person_id"


def _select(table: StoredTable) -> str:
    shown = [column for column in table.columns if column not in table.secret]
    return f"select {', '.join(shown)} from {_where(table)}"  # sorted by us: SQLite would read all to save the sort


def _order(row: dict[str, Any]) -> list[tuple[bool, Any]]:
    """The same person's rows come in the same order, whichever database has them."""
    return [(value is None, str(value)) for value in row.values()]


def _plain(table: StoredTable, row: Row) -> dict[str, Any]:
    return {
        column: decode_json_object(row[column].encode(), column) if column in table.json else row[column]
        for column in table.columns
        if column not in table.secret
    }
