"""Users of a Django application: `auth_user`, or a table of its shape, and allauth's tables where there are some."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial

from watchword.database.foreign import ForeignDatabase
from watchword.transfer.errors import RecordRefused
from watchword.transfer.records import MethodRecord, UserRecord
from watchword.transfer.run import Brought
from watchword.transfer.sources.reading import (
    Rows,
    find_address,
    milliseconds,
    record_or_refusal,
    require_table,
    users_of,
)

#: What allauth calls providers, where our entries have another id by default.
PROVIDER_IDS = {"linkedin_oauth2": "linkedin", "microsoft": "active-directory"}


async def read_users(
    db: ForeignDatabase, table: str = "auth_user", *, user_names: bool = False
) -> AsyncIterator[Brought]:
    """Every user with their id as text.

    People who may not sign in (`is_active` is false) are refused, and so are those without an address.

    Args:
        db: The Django application's.
        table: The table of the user model.
        user_names: Whether people type their user name, and not their address.

    Raises:
        SourceUnreadable: There is no such table.
        ForeignUnreadable: The database cannot be reached, or the table has other columns.
    """
    await require_table(db, table, "--table")
    async with aclosing(users_of(db, await _query(db, table, user_names=user_names), "id")) as users:
        async for rows in users:
            place = f"{table}.id {rows[0]['id']}"
            yield Brought(place, record_or_refusal(partial(_record, rows, user_names)))


async def _query(db: ForeignDatabase, table: str, *, user_names: bool) -> str:
    with_addresses = await db.has_table("account_emailaddress")
    with_providers = await db.has_table("socialaccount_socialaccount")
    columns = [
        "u.id", "u.password", "u.email", "u.is_active", "u.date_joined",
        "u.username as typed" if user_names else "u.email as typed",
        "a.email as address, a.verified" if with_addresses else "null as address, null as verified",
        "s.provider, s.uid" if with_providers else "null as provider, null as uid",
    ]  # fmt: skip
    joins = "left join account_emailaddress a on a.user_id = u.id" if with_addresses else ""
    if with_providers:
        joins += " left join socialaccount_socialaccount s on s.user_id = u.id"
    quoted = table.replace('"', '""')
    return f'select {", ".join(columns)} from "{quoted}" u {joins} order by u.id'  # noqa: S608 - quoted, and ours


def _record(rows: Rows, user_names: bool) -> UserRecord:
    user = rows[0]
    if not user["is_active"]:
        raise RecordRefused("is_active", "is false: this person may not sign in there")
    joined_ms = milliseconds(user["date_joined"])
    typed = find_address("username", user["typed"], user_names=user_names)
    proved = {find_address("email", row["address"]) for row in rows if row["verified"]}
    providers = list(dict.fromkeys((row["provider"], row["uid"]) for row in rows if row["provider"]))
    has_password = bool(user["password"]) and not user["password"].startswith("!")  # Django's mark for none
    methods: list[MethodRecord] = []
    if typed is not None and (has_password or not providers):
        methods.append(
            MethodRecord(
                recipe_id="emailpassword",
                email=typed,
                password_hash=user["password"] if has_password else None,
                verified=typed in proved,
                time_joined_ms=joined_ms,
            )
        )
    methods += [
        MethodRecord(
            recipe_id="thirdparty",
            email=find_address("email", user["email"]),
            third_party_id=PROVIDER_IDS.get(str(provider), str(provider)),
            third_party_user_id=str(uid),
            verified=find_address("email", user["email"]) in proved,
            time_joined_ms=joined_ms,
        )
        for provider, uid in providers
    ]
    if not methods:
        raise RecordRefused("email", "is empty, and no provider is connected; --user-names takes user names")
    return UserRecord(user_id=str(user["id"]), methods=tuple(methods))
