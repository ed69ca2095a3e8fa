"""Which tables with rows of people a database has: those of the listed recipes, and of recipes from before.

A recipe that is not listed any more leaves its tables behind. What stands in them is a person's all the same.
"""

from collections.abc import Sequence
from dataclasses import replace

from watchword.database.database import Database
from watchword.database.foreign_tables import list_columns
from watchword.database.migrations import list_packages
from watchword.recipes.users.known_tables import KNOWN_TABLES, RECIPE_TABLES
from watchword.recipes.users.personal_data import PersonalData
from watchword.stored_data import StoredTable


class PresentTables:
    """Finds the tables of people in one database.

    Args:
        db: The database.
        listed: What the tables hold of every room and of every recipe that the application lists: they are there.
    """

    def __init__(self, db: Database, listed: Sequence[StoredTable]) -> None:
        self._db = db
        self._tables = {table.name: table for table in (*KNOWN_TABLES, *listed)}
        self._listed = {table.name for table in listed}
        self._made: dict[tuple[tuple[str, ...], ...], PersonalData] = {}

    async def find(self) -> PersonalData:
        """The tables as they are now: another process may just have made some."""
        of_before = await self._find_of_before()
        columns = tuple(
            tuple(table.columns) if name in self._listed else of_before.get(name, ())
            for name, table in self._tables.items()
        )
        if columns not in self._made:  # its statements are compiled once
            self._made[columns] = PersonalData(
                [
                    replace(table, columns={column: table.columns[column] for column in present})
                    for table, present in zip(self._tables.values(), columns, strict=True)
                    if present
                ]
            )
        return self._made[columns]

    async def _find_of_before(self) -> dict[str, tuple[str, ...]]:
        """The tables that recipes from before have made, with the columns that they have of ours.

        Nobody brings the tables of a recipe up to date that is not listed, so they may lack columns of today. And a
        table that our migrations did not make is none of ours, whatever its name.
        """
        there: dict[str, tuple[str, ...]] = {}
        for package in await list_packages(self._db):
            for table in RECIPE_TABLES.get(package, ()):
                if table.name not in self._listed:
                    columns = await list_columns(self._db, table.name)
                    there[table.name] = tuple(column for column in table.columns if column in columns)
        return there
