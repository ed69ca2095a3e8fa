"""The directory of users: insert, find and change them together with their login methods.

Recipes call these inside their own transactions, so that a user never exists without the recipe's part.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from watchword.accounts.errors import UserIdTaken
from watchword.accounts.tenants import keep_tenant
from watchword.accounts.users import Ban, LoginMethod, ThirdPartyIdentity, User
from watchword.database.database import Row, Transaction
from watchword.database.statements import Statement
from watchword.identifiers import check_made_id


class Reader(Protocol):
    """What can read: a `Database` outside a transaction, or a `Transaction` inside one."""

    async def list(self, statement: Statement, **parameters: Any) -> list[Row]:
        """All rows of the answer."""
        ...


async def insert_user(tx: Transaction, app_id: str, user: User) -> None:
    """Store a new user with all login methods.

    The rule that makes a login method unique (an address, an identity at a provider) belongs to its
    recipe: insert the user first, then the recipe's row with `on conflict do nothing returning`, and
    raise when nothing came back, so that the user is rolled back with it.

    Args:
        user: Complete; e-mail addresses in normal form (`accounts/email.py`).

    Raises:
        UserIdTaken: Somebody has the id, or one of the login methods' ids; roll back.
        HookFailed: The application's `Ids` made one that cannot be an id.
    """
    for made in (user.id, *(method.recipe_user_id for method in user.login_methods)):
        check_made_id("ids.user_id", made)
    if not await tx.execute(_INSERT_USER, app_id=app_id, user_id=user.id, time_joined_ms=user.time_joined_ms):
        raise UserIdTaken
    for method in user.login_methods:
        await insert_login_method(tx, app_id, user, method)


async def insert_login_method(tx: Transaction, app_id: str, user: User, method: LoginMethod) -> None:
    """Store one more way to sign in for a user who exists, in all its tenants. Raises `UserIdTaken`."""
    third_party = method.third_party
    inserted = await tx.execute(
        _INSERT_LOGIN_METHOD,
        app_id=app_id,
        recipe_user_id=method.recipe_user_id,
        user_id=user.id,
        recipe_id=method.recipe_id,
        email=method.email,
        email_domain=domain_of(method.email),
        third_party_id=third_party.id if third_party else None,
        third_party_user_id=third_party.user_id if third_party else None,
        verified=int(method.verified),
        time_joined_ms=method.time_joined_ms,
        user_joined_ms=user.time_joined_ms,
    )
    if not inserted:
        raise UserIdTaken
    for tenant_id in method.tenant_ids:
        await add_login_method_to_tenant(tx, app_id, user, method, tenant_id)


async def add_login_method_to_tenant(
    tx: Transaction, app_id: str, user: User, method: LoginMethod, tenant_id: str
) -> None:
    """Note that a login method may be used in one more tenant; its recipe stores its own part beside it.

    Raises:
        TenantNotFound: There is no such tenant, perhaps not any more; roll back.
    """
    await keep_tenant(tx, app_id, tenant_id)
    await tx.execute(
        _INSERT_LOGIN_METHOD_TENANT,
        app_id=app_id,
        recipe_user_id=method.recipe_user_id,
        tenant_id=tenant_id,
        user_id=user.id,
        recipe_id=method.recipe_id,
        user_joined_ms=user.time_joined_ms,
    )


async def remove_login_method_from_tenant(tx: Transaction, app_id: str, recipe_user_id: str, tenant_id: str) -> None:
    """Note that a login method may not be used in a tenant any more; its recipe's part there goes with the row."""
    key = {"app_id": app_id, "recipe_user_id": recipe_user_id, "tenant_id": tenant_id}
    await tx.execute(_DELETE_LOGIN_METHOD_TENANT, **key)


async def find_user(reader: Reader, app_id: str, user_id: str) -> User | None:
    """The user of this (primary) user id with all login methods, or `None`."""
    return user_from_rows(await reader.list(_FIND_USER, app_id=app_id, user_id=user_id))


async def find_user_of_login_method(reader: Reader, app_id: str, recipe_user_id: str) -> User | None:
    """The user who has this login method, with all the others too, or `None`."""
    return user_from_rows(await reader.list(_FIND_USER_OF_LOGIN_METHOD, app_id=app_id, recipe_user_id=recipe_user_id))


async def update_login_method_email(
    tx: Transaction, app_id: str, recipe_user_id: str, email: str | None, *, verified: bool
) -> None:
    """Replace the address of a login method, and whether it is known to be this person's.

    Proof for one address says nothing about another, so both change together (security TK-8).

    Args:
        email: In normal form, or `None` when the provider does not tell one any more.
    """
    await tx.execute(
        _UPDATE_LOGIN_METHOD_EMAIL,
        app_id=app_id,
        recipe_user_id=recipe_user_id,
        email=email,
        email_domain=domain_of(email),
        verified=int(verified),
    )


async def mark_email_verified(
    tx: Transaction, app_id: str, recipe_user_id: str, email: str, *, verified: bool = True
) -> bool:
    """Note that the address of a login method is proved to be this person's, or that it is not.

    Args:
        tx: The transaction in which the proof is used up.
        app_id: Whose users.
        recipe_user_id: The login method.
        email: The address the proof is for, in normal form; it proves nothing about another (security TK-8).
        verified: `False` takes it back.

    Returns:
        Whether the login method is there and has this very address.
    """
    parameters = {"app_id": app_id, "recipe_user_id": recipe_user_id, "email": email, "verified": int(verified)}
    return await tx.execute(_MARK_EMAIL_VERIFIED, **parameters) > 0


def domain_of(email: str | None) -> str | None:
    """What follows the @ of an address; `None` for what has none, such as a user name."""
    return email.rpartition("@")[2] if email is not None and "@" in email else None


def users_from_rows(rows: Sequence[Row]) -> list[User]:
    """Put users together from rows that hold `USER_COLUMNS`, in the order in which each first occurs."""
    rows_of: dict[str, list[Row]] = {}
    for row in rows:
        rows_of.setdefault(row["user_id"], []).append(row)
    found = [user_from_rows(rows) for rows in rows_of.values()]
    return [user for user in found if user is not None]


def user_from_rows(rows: Sequence[Row]) -> User | None:
    """Put one user together from rows that hold `USER_COLUMNS`: one per login method and tenant.

    Returns:
        The user, login methods oldest first whatever the order of the rows; `None` for no rows.
    """
    if not rows:
        return None
    tenant_ids: dict[str, list[str]] = {}
    row_of_method: dict[str, Row] = {}
    for row in rows:
        row_of_method[row["recipe_user_id"]] = row
        tenants = tenant_ids.setdefault(row["recipe_user_id"], [])
        if row["tenant_id"] is not None:  # a login method may have left its last tenant
            tenants.append(row["tenant_id"])
    methods = (_login_method(row, tuple(sorted(tenant_ids[key]))) for key, row in row_of_method.items())
    return User(
        id=rows[0]["user_id"],
        time_joined_ms=rows[0]["user_time_joined_ms"],
        login_methods=tuple(sorted(methods, key=lambda method: (method.time_joined_ms, method.recipe_user_id))),
        ban=ban_from_row(rows[0]),
    )


def ban_from_row(row: Row) -> Ban | None:
    """The ban that the columns of a user say, over or not; `None` without one."""
    if row["banned_at_ms"] is None:
        return None
    return Ban(since_ms=row["banned_at_ms"], reason=row["ban_reason"], until_ms=row["banned_until_ms"])


def _login_method(row: Row, tenant_ids: tuple[str, ...]) -> LoginMethod:
    third_party_id = row["third_party_id"]
    return LoginMethod(
        recipe_id=row["recipe_id"],
        recipe_user_id=row["recipe_user_id"],
        tenant_ids=tenant_ids,
        time_joined_ms=row["time_joined_ms"],
        email=row["email"],
        third_party=ThirdPartyIdentity(third_party_id, row["third_party_user_id"]) if third_party_id else None,
        verified=bool(row["verified"]),
    )


#: What `user_from_rows` needs. `u` is a user, `m` each of that user's login methods, `t` each tenant of these.
USER_COLUMNS = """
    u.user_id, u.time_joined_ms as user_time_joined_ms, u.banned_at_ms, u.banned_until_ms, u.ban_reason,
    m.recipe_user_id, m.recipe_id, m.email, m.third_party_id, m.third_party_user_id, m.verified, m.time_joined_ms,
    t.tenant_id
"""

#: The joins from a user `u` to all that `USER_COLUMNS` names.
USER_LOGIN_METHODS = """
    join {login_methods} m on m.app_id = u.app_id and m.user_id = u.user_id
    left join {login_method_tenants} t on t.app_id = m.app_id and t.recipe_user_id = m.recipe_user_id
"""


def user_of_login_method(recipe_user_id: str) -> str:
    """The condition that finds the user `u` of a login method, by one key after the other.

    Never by joins: of tables without statistics PostgreSQL believes that the id of the application alone finds one
    row, so it may join by nothing else, and keeps that plan while people come: each sign-in then reads all of them,
    for each of them.

    Args:
        recipe_user_id: SQL that is one id: a parameter, or a query in brackets that finds at most one.
    """
    return f"""
        u.app_id = :app_id
        and u.user_id = (select own.user_id from {{login_methods}} own
                          where own.app_id = :app_id and own.recipe_user_id = {recipe_user_id})
    """  # noqa: S608 - constant parts, put together once


_INSERT_USER = Statement(
    """
    insert into {users} (app_id, user_id, time_joined_ms) values (:app_id, :user_id, :time_joined_ms)
    on conflict do nothing
    """
)

_INSERT_LOGIN_METHOD = Statement(
    """
    insert into {login_methods} (app_id, recipe_user_id, user_id, recipe_id, email, email_domain, third_party_id,
                                 third_party_user_id, verified, time_joined_ms, user_joined_ms)
    values (:app_id, :recipe_user_id, :user_id, :recipe_id, :email, :email_domain, :third_party_id,
            :third_party_user_id, :verified, :time_joined_ms, :user_joined_ms)
    on conflict do nothing
    """
)

_INSERT_LOGIN_METHOD_TENANT = Statement(
    """
    insert into {login_method_tenants} (app_id, recipe_user_id, tenant_id, user_id, recipe_id, user_joined_ms)
    values (:app_id, :recipe_user_id, :tenant_id, :user_id, :recipe_id, :user_joined_ms)
    """
)

_DELETE_LOGIN_METHOD_TENANT = Statement(
    """
    delete from {login_method_tenants}
     where app_id = :app_id and recipe_user_id = :recipe_user_id and tenant_id = :tenant_id
    """
)

_FIND_USER = Statement(
    "select"
    + USER_COLUMNS
    + """
      from {users} u
    """
    + USER_LOGIN_METHODS
    + "where u.app_id = :app_id and u.user_id = :user_id"
)

_FIND_USER_OF_LOGIN_METHOD = Statement(
    "select" + USER_COLUMNS + "from {users} u" + USER_LOGIN_METHODS + "where" + user_of_login_method(":recipe_user_id")
)

_UPDATE_LOGIN_METHOD_EMAIL = Statement(
    """
    update {login_methods} set email = :email, email_domain = :email_domain, verified = :verified
     where app_id = :app_id and recipe_user_id = :recipe_user_id
    """
)

_MARK_EMAIL_VERIFIED = Statement(
    """
    update {login_methods} set verified = :verified
     where app_id = :app_id and recipe_user_id = :recipe_user_id and email = :email
    """
)
