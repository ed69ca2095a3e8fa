"""Users of an application with fastapi-users: its tables `user` and `oauth_account`."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial

from watchword.database.foreign import ForeignDatabase
from watchword.transfer.errors import RecordRefused
from watchword.transfer.records import MethodRecord, UserRecord
from watchword.transfer.run import Brought
from watchword.transfer.sources.reading import Rows, find_address, record_or_refusal, require_table, users_of

#: What its OAuth clients are called, where our entries have another id by default.
PROVIDER_IDS = {"microsoft": "active-directory"}


async def read_users(
    db: ForeignDatabase, table: str = "user", oauth_table: str = "oauth_account"
) -> AsyncIterator[Brought]:
    """Every user with their id as text; superusers get the role `superuser`, those who are not active are refused.

    Raises:
        SourceUnreadable: There is no such table.
        ForeignUnreadable: The database cannot be reached, or the table has other columns.
    """
    await require_table(db, table, "--table")
    async with aclosing(users_of(db, await _query(db, table, oauth_table), "id")) as users:
        async for rows in users:
            place = f"{table}.id {rows[0]['id']}"
            yield Brought(place, record_or_refusal(partial(_record, rows)))


async def _query(db: ForeignDatabase, table: str, oauth_table: str) -> str:
    with_providers = await db.has_table(oauth_table)
    columns = "u.id, u.email, u.hashed_password, u.is_active, u.is_superuser, u.is_verified, " + (
        "o.oauth_name, o.account_id, o.account_email"
        if with_providers
        else "null as oauth_name, null as account_id, null as account_email"
    )
    quoted, quoted_oauth = (name.replace('"', '""') for name in (table, oauth_table))
    join = f'left join "{quoted_oauth}" o on o.user_id = u.id' if with_providers else ""
    return f'select {columns} from "{quoted}" u {join} order by u.id'  # noqa: S608 - quoted, and ours


def _record(rows: Rows) -> UserRecord:
    user = rows[0]
    if not user["is_active"]:
        raise RecordRefused("is_active", "is false: this person may not sign in there")
    email = find_address("email", user["email"])
    methods = [
        MethodRecord(
            recipe_id="thirdparty",
            email=there,
            third_party_id=PROVIDER_IDS.get(str(row["oauth_name"]), str(row["oauth_name"])),
            third_party_user_id=row["account_id"],
            # The flag speaks of the user's own address; proof for one says nothing about another (TK-8).
            verified=bool(user["is_verified"]) and there == email,
        )
        for row in rows
        if row["oauth_name"]
        for there in [find_address("account_email", row["account_email"]) or email]
    ]
    # It gives everybody a hash, of a random password where somebody came by a provider: their reset needs the method.
    if email is not None:
        password = MethodRecord(
            recipe_id="emailpassword",
            email=email,
            password_hash=user["hashed_password"] or None,
            verified=bool(user["is_verified"]),
        )
        methods.insert(0, password)
    if not methods:
        raise RecordRefused("email", "is empty")
    roles = (("superuser", "public"),) if user["is_superuser"] else ()
    return UserRecord(user_id=str(user["id"]), methods=tuple(methods), roles=roles)
