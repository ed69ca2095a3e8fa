"""All users of an app as records, hashes included: the way out is as wide as the way in."""

from collections.abc import AsyncIterator
from itertools import groupby

from watchword.accounts import directory
from watchword.accounts.users import LoginMethod
from watchword.database.database import Database, Row
from watchword.database.statements import Statement
from watchword.recipes.emailpassword.operations import NO_PASSWORD
from watchword.transfer.records import MethodRecord, UserRecord

PAGE = 500


async def export_users(db: Database, app_id: str) -> AsyncIterator[UserRecord]:
    """Every user, ordered by id, read in pages; whoever signs up or leaves meanwhile is there or not.

    Raises:
        StorageUnavailable: The database did not answer.
    """
    after = ""
    while True:
        rows = await db.list(PAGE_OF_USERS, app_id=app_id, after=after, page=PAGE)
        if not rows:
            return
        last = rows[-1]["user_id"]
        roles = _roles(await db.list(ROLES_OF_PAGE, app_id=app_id, after=after, last=last))
        for user_id, of_user in groupby(rows, key=lambda row: row["user_id"]):
            yield _record(list(of_user), tuple(roles.get(user_id, ())))
        after = last


def _record(rows: list[Row], roles: tuple[tuple[str, str], ...]) -> UserRecord:
    user = directory.user_from_rows(rows)
    if user is None:  # cannot be: a group has a row
        raise ValueError("a user without rows")
    hashes = {row["recipe_user_id"]: row["password_hash"] for row in rows}
    methods = sorted(user.login_methods, key=lambda method: method.recipe_user_id != user.id)  # the primary one first
    return UserRecord(
        user_id=user.id,
        methods=tuple(_method(method, user.id, hashes[method.recipe_user_id]) for method in methods),
        roles=roles,
    )


def _method(method: LoginMethod, user_id: str, password_hash: str | None) -> MethodRecord:
    return MethodRecord(
        recipe_id="thirdparty" if method.third_party else "emailpassword",
        email=method.email,
        password_hash=None if password_hash == NO_PASSWORD else password_hash,
        third_party_id=method.third_party.id if method.third_party else "",
        third_party_user_id=method.third_party.user_id if method.third_party else "",
        verified=method.verified,
        tenant_ids=method.tenant_ids,
        time_joined_ms=method.time_joined_ms,
        recipe_user_id=None if method.recipe_user_id == user_id else method.recipe_user_id,
    )


def _roles(rows: list[Row]) -> dict[str, list[tuple[str, str]]]:
    roles: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        roles.setdefault(row["user_id"], []).append((row["role"], row["tenant_id"]))
    return roles


PAGE_OF_USERS = Statement(  # constants only, put together once
    "select p.password_hash,"  # noqa: S608 - as above
    + directory.USER_COLUMNS
    + """
      from (select app_id, user_id, time_joined_ms, banned_at_ms, banned_until_ms, ban_reason from {users}
             where app_id = :app_id and user_id > :after order by user_id limit :page) u
      join {login_methods} m on m.app_id = u.app_id and m.user_id = u.user_id
      left join {login_method_tenants} t on t.app_id = m.app_id and t.recipe_user_id = m.recipe_user_id
      left join {emailpassword_users} p on p.app_id = m.app_id and p.recipe_user_id = m.recipe_user_id
     where u.app_id = :app_id
     order by u.user_id
    """
)

ROLES_OF_PAGE = Statement(
    """
    select user_id, role, tenant_id from {user_roles}
     where app_id = :app_id and user_id > :after and user_id <= :last
     order by user_id, role, tenant_id
    """
)
