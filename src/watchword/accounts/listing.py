"""Going through users page by page, in the order in which they joined, and counting them.

Each page is a walk in one index from where the last one ended, so that the millionth user costs what the first does,
and users who come and go meanwhile shift nothing. Source: CDI 14.
"""

# ruff: noqa: S608 - every part of a statement is a constant of this file

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from watchword.accounts.directory import USER_COLUMNS, users_from_rows
from watchword.accounts.page_tokens import Position
from watchword.accounts.users import User
from watchword.database.database import Database
from watchword.database.statements import Statement
from watchword.http.json import encode_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which users are meant; `None` means all. Who has one of several recipes is meant."""

    tenant_id: str | None = None
    recipe_ids: Sequence[str] | None = None

    def parameters(self) -> dict[str, str]:
        """The parameters of the statements that filter."""
        found: dict[str, str] = {}
        if self.tenant_id is not None:
            found["tenant_id"] = self.tenant_id
        if self.recipe_ids is not None:
            found["recipe_ids"] = encode_json(list(self.recipe_ids)).decode()
        return found


async def list_positions(
    db: Database, app_id: str, where: Filter, after: Position, *, newest_first: bool, limit: int
) -> list[Position]:
    """Where the next users stand, at most `limit`; one statement for each recipe that is asked for."""
    statement = PAGES[where.tenant_id is not None, where.recipe_ids is not None, newest_first]
    parameters = {"app_id": app_id, "after_ms": after.joined_ms, "after_user_id": after.user_id, "at_most": limit}
    if where.tenant_id is not None:
        parameters["tenant_id"] = where.tenant_id
    walks: list[list[Position]] = []
    for recipe_id in (None,) if where.recipe_ids is None else sorted(set(where.recipe_ids)):
        chosen = {} if recipe_id is None else {"recipe_id": recipe_id}
        rows = await db.list(statement, **parameters, **chosen)
        walks.append([Position(row["joined_ms"], row["user_id"]) for row in rows])
    return list(dict.fromkeys(heapq.merge(*walks, reverse=newest_first)))[:limit]


async def load_users(db: Database, app_id: str, user_ids: Sequence[str]) -> list[User]:
    """The users of these ids, in this order; those who are gone are left out."""
    if not user_ids:
        return []
    rows = await db.list(LOAD_USERS, app_id=app_id, user_ids=encode_json(list(user_ids)).decode())
    users = {user.id: user for user in users_from_rows([row for row in rows if row["recipe_user_id"] is not None])}
    return [users[user_id] for user_id in user_ids if user_id in users]


async def count_users(db: Database, app_id: str, where: Filter) -> int:
    """How many there are. The database counts them, which takes longer the more there are."""
    statement = COUNTS[where.tenant_id is not None, where.recipe_ids is not None]
    row = await db.find(statement, app_id=app_id, **where.parameters())
    assert row is not None  # noqa: S101 - an aggregate always answers one row
    return int(row["users"])


def _page(by_tenant: bool, by_recipe: bool, newest_first: bool) -> Statement:
    """The statement of one walk; put together once, from constants.

    Ids are compared by their bytes, so that the walks of several recipes can be merged here.
    """
    table, joined_ms = _table(by_tenant, by_recipe)
    operator, order = ("<", "desc") if newest_first else (">", "asc")
    return Statement(f"""
        select distinct {joined_ms} as joined_ms, user_id {{bytewise}} as user_id
          from {{{table}}}
         where app_id = :app_id
           {"and tenant_id = :tenant_id" if by_tenant else ""}
           {"and recipe_id = :recipe_id" if by_recipe else ""}
           and ({joined_ms}, user_id {{bytewise}}) {operator} (:after_ms, :after_user_id)
         order by 1 {order}, 2 {order}
         limit :at_most
    """)


def _count(by_tenant: bool, by_recipe: bool) -> Statement:
    table, _ = _table(by_tenant, by_recipe)
    what = "*" if table == "users" else "distinct user_id"
    return Statement(f"""
        select count({what}) as users
          from {{{table}}}
         where app_id = :app_id
           {"and tenant_id = :tenant_id" if by_tenant else ""}
           {"and recipe_id in (select value from {json_each}(:recipe_ids))" if by_recipe else ""}
    """)


def _table(by_tenant: bool, by_recipe: bool) -> tuple[str, str]:
    """The table that has an index for such a walk, and its column with the time of joining."""
    if by_tenant:
        return "login_method_tenants", "user_joined_ms"
    return ("login_methods", "user_joined_ms") if by_recipe else ("users", "time_joined_ms")


_EITHER = (False, True)

#: By whether a tenant is asked for, whether recipes are, and whether the newest come first.
PAGES = {
    (by_tenant, by_recipe, newest_first): _page(by_tenant, by_recipe, newest_first)
    for by_tenant in _EITHER
    for by_recipe in _EITHER
    for newest_first in _EITHER
}

#: By whether a tenant is asked for, and whether recipes are.
COUNTS = {(by_tenant, by_recipe): _count(by_tenant, by_recipe) for by_tenant in _EITHER for by_recipe in _EITHER}

# Outer joins keep SQLite to this order: without them it may take a list of ids for long, and begin with all login
# methods of the app. So an id that is nobody's has a row without a login method.
LOAD_USERS = Statement(
    "select"
    + USER_COLUMNS
    + """
      from {json_each}(:user_ids) page
      left join {users} u on u.app_id = :app_id and u.user_id = page.value
      left join {login_methods} m on m.app_id = u.app_id and m.user_id = u.user_id
      left join {login_method_tenants} t on t.app_id = m.app_id and t.recipe_user_id = m.recipe_user_id
    """
)
