"""Print docs/data.md: what every table holds, whose it is and for how long, from the declarations in the code."""

from collections.abc import Iterable

from watchword.identifiers import LONGEST_EMAIL, LONGEST_ID, LONGEST_NAME, LONGEST_PATH_PIECE
from watchword.recipes.users.known_tables import KNOWN_TABLES
from watchword.stored_data import StoredTable

HEAD = f"""\
# What is stored

Every table of Watchword, what its columns hold and for how long. `scripts/data-page` writes this page from the
declarations beside the tables, and tests hold those against the schema of both databases. Tables of recipes are there
once the recipe was listed. Each table also has `app_id`, the application.

`auth.users.export(user_id)` gives all that the tables below hold of a person but what is marked *never
exported*; `auth.users.erase(user_id)` removes it, in one transaction. Both go through every table of these that
the database has, also of recipes that the application does not list any more; a recipe of your own has to be listed
for as long as its tables have rows. Backups of the database are yours.

What names something is a text without NUL and lone surrogates, of at most so many characters, which fit into an index:
{LONGEST_ID} for the id of a user, a login method or a session, also where `Watchword(ids=…)` makes it or another system
brings it; {LONGEST_NAME} for the name of a role or a permission, and for a person's id at a provider;
{LONGEST_PATH_PIECE} for the id of a tenant or a provider; {LONGEST_EMAIL} for an address. Longer ones are refused by
the name of the field, and nothing is written.

## Of people
"""
REST = """
## Of the installation
"""


def write(tables: Iterable[StoredTable]) -> str:
    """The page."""
    tables = sorted(tables, key=lambda table: table.name)
    of_people = [_section(table) for table in tables if table.person is not None]
    others = [_section(table) for table in tables if table.person is None]
    return "".join([HEAD, *of_people, REST, *others])


def _section(table: StoredTable) -> str:
    lines = [f"\n### `{table.name}`\n\n{table.what} Kept {table.until}.\n\n| column | holds |\n|---|---|\n"]
    for column, what in table.columns.items():
        note = " · *never exported*" if column in table.secret and table.person is not None else ""
        lines.append(f"| `{column}` | {what}{note} |\n")
    return "".join(lines)


if __name__ == "__main__":
    print(write(KNOWN_TABLES), end="")
