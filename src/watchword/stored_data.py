"""How a room or a recipe says what its tables hold, whose it is and for how long.

One declaration beside each table serves the deletion of a person, the export of what is known about them, the move
to another user id, and the page `docs/data.md`. Tests refuse a table or a column without one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTable:
    """One table, in words and for the code that goes through all tables.

    Attributes:
        name: As in the migrations, without prefix.
        what: One sentence: what a row is.
        until: When a row goes, after "kept": `until the user is deleted`.
        columns: What each column holds, all but `app_id`.
        person: The column with the id of the person whose row it is: `user_id` or `recipe_user_id`; `None` for a
            table that holds nothing of a person.
        secret: Columns that no export shows: hashes, sealed texts, keys.
        json: Columns that hold a JSON object as text.
        of_application: Whether the application, which may know the person by this id elsewhere too, caused the
            rows: while there are some, the id changes only by force.
        by_its_room: Whether the rows are not simply deleted, or moved to another id: the table's own room does what
            has to be done.
    """

    name: str
    what: str
    until: str
    columns: Mapping[str, str]
    person: str | None = None
    secret: tuple[str, ...] = field(default=(), repr=False)
    json: tuple[str, ...] = ()
    of_application: bool = False
    by_its_room: bool = False
