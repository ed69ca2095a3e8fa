"""Users of a SuperTokens core, from its PostgreSQL database: core 6 or later, with the default names of tables."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial
from typing import Any

from watchword.database.foreign import ForeignDatabase
from watchword.transfer.errors import RecordRefused
from watchword.transfer.records import MethodRecord, UserRecord
from watchword.transfer.run import Brought
from watchword.transfer.sources.reading import Rows, find_address, record_or_refusal, require_table, users_of

_USERS = """
    select trim(u.primary_or_recipe_user_id) as id, trim(u.user_id) as method_id, u.recipe_id, u.tenant_id,
           u.time_joined, e.email, e.password_hash, t.third_party_id, t.third_party_user_id, t.email as provider_email,
           v.user_id is not null as verified,
           m.external_user_id as external_id, own.external_user_id as external_method_id
      from all_auth_recipe_users u
      left join userid_mapping m on m.app_id = u.app_id and m.supertokens_user_id = u.primary_or_recipe_user_id
      left join userid_mapping own on own.app_id = u.app_id and own.supertokens_user_id = u.user_id
      left join emailpassword_users e on e.app_id = u.app_id and e.user_id = u.user_id
      left join thirdparty_users t on t.app_id = u.app_id and t.user_id = u.user_id
      left join emailverification_verified_emails v
             on v.app_id = u.app_id and v.user_id = coalesce(own.external_user_id, u.user_id)
            and v.email = coalesce(e.email, t.email)
     where u.app_id = 'public'
     order by u.primary_or_recipe_user_id, u.time_joined, u.user_id
"""

_ROLES = "select user_id, role, tenant_id from user_roles where app_id = 'public' order by user_id, role, tenant_id"


async def read_users(db: ForeignDatabase, *, user_names: bool = False) -> AsyncIterator[Brought]:
    """Every user of the app `public`, under the id that sessions had: the external one where one is mapped.

    With `user_names`, what people type there need not be an address. Whoever signs in without
    a password, which no recipe does here yet, is refused.

    Raises:
        SourceUnreadable: This is no database of a core.
        ForeignUnreadable: It cannot be reached, or the tables are another version's.
    """
    await require_table(db, "all_auth_recipe_users", "the URL of the core's database")
    roles = await _roles(db)
    async with aclosing(users_of(db, _USERS, "id")) as users:
        async for rows in users:
            place = f"user {rows[0]['id']}"
            yield Brought(place, record_or_refusal(partial(_record, rows, roles, user_names)))


async def _roles(db: ForeignDatabase) -> dict[str, list[tuple[str, str]]]:
    roles: dict[str, list[tuple[str, str]]] = {}
    async with aclosing(db.rows(_ROLES)) as rows:
        async for row in rows:
            roles.setdefault(row["user_id"].strip(), []).append((row["role"], row["tenant_id"]))
    return roles


def _record(rows: Rows, roles: dict[str, list[tuple[str, str]]], user_names: bool) -> UserRecord:
    user_id = rows[0]["external_id"] or rows[0]["id"]
    tenants: dict[str, list[str]] = {}
    first: dict[str, dict[str, Any]] = {}
    for row in rows:
        first.setdefault(row["method_id"], row)
        tenants.setdefault(row["method_id"], []).append(row["tenant_id"])
    methods = [_method(row, tuple(tenants[id]), user_id, user_names) for id, row in first.items()]
    primary_first = sorted(methods, key=lambda method: method.recipe_user_id is not None)
    return UserRecord(user_id=user_id, methods=tuple(primary_first), roles=tuple(roles.get(user_id, ())))


def _method(row: dict[str, Any], tenant_ids: tuple[str, ...], user_id: str, user_names: bool) -> MethodRecord:
    if row["recipe_id"] not in ("emailpassword", "thirdparty"):
        raise RecordRefused("recipe_id", f"is {row['recipe_id']}, and there is no such recipe here")
    id = row["external_method_id"] or row["method_id"]
    third_party = row["recipe_id"] == "thirdparty"
    return MethodRecord(
        recipe_id=row["recipe_id"],
        email=find_address("email", row["provider_email"])
        if third_party
        else find_address("email", row["email"], user_names=user_names),
        password_hash=row["password_hash"],
        third_party_id=row["third_party_id"] or "",
        third_party_user_id=row["third_party_user_id"] or "",
        verified=row["verified"],
        tenant_ids=tenant_ids,
        time_joined_ms=row["time_joined"],
        recipe_user_id=None if id == user_id else id,
    )
