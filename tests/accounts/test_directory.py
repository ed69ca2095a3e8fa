"""The directory: what goes in comes out, and the database removes everything of a user."""

import pytest

from tests.deletion import delete_user
from watchword.accounts import directory, tenants
from watchword.accounts.users import LoginMethod, ThirdPartyIdentity, User
from watchword.database.database import Database, Transaction
from watchword.database.statements import Statement

PASSWORD = LoginMethod("emailpassword", "r1", ("public",), 1_700_000_000_000, "ada@example.com")
GOOGLE = LoginMethod(
    "thirdparty",
    "r0",
    ("public",),
    1_800_000_000_000,
    "ada@example.com",
    ThirdPartyIdentity("google", "1234"),
    verified=True,
)
ADA = User("u1", 1_700_000_000_000, (PASSWORD, GOOGLE))
TABLES = ("users", "login_methods", "login_method_tenants")


async def insert(db: Database, *users: User, app_id: str = "public") -> None:
    """Insert users in one transaction."""

    async def body(tx: Transaction) -> None:
        for user in users:
            await directory.insert_user(tx, app_id, user)

    await db.write(body)


async def counts(db: Database) -> list[int]:
    """How many rows there are in the tables that hold users, all apps together."""
    rows = [
        await db.find(Statement(f"select count(*) as rows from {{{table}}}"))  # noqa: S608 - constants
        for table in TABLES
    ]
    return [row["rows"] for row in rows if row is not None]


async def test_a_user_comes_back_as_inserted(accounts_db: Database) -> None:
    """All columns, all login methods, oldest first; found by user id and by each login method."""
    await insert(accounts_db, User("u1", 1_700_000_000_000, (GOOGLE, PASSWORD)))

    assert await directory.find_user(accounts_db, "public", "u1") == ADA
    for recipe_user_id in ("r0", "r1"):
        assert await directory.find_user_of_login_method(accounts_db, "public", recipe_user_id) == ADA


async def test_a_user_is_found_in_a_transaction_too(accounts_db: Database) -> None:
    """Recipes read what they just wrote before they commit."""

    async def body(tx: Transaction) -> User | None:
        await directory.insert_user(tx, "public", ADA)
        return await directory.find_user(tx, "public", "u1")

    assert ADA == await accounts_db.write(body)


async def test_who_is_not_there_is_none(accounts_db: Database) -> None:
    """Unknown, of another app, or a login method's id where a user's is asked for."""
    await insert(accounts_db, ADA)
    assert await directory.find_user(accounts_db, "public", "r0") is None
    assert await directory.find_user(accounts_db, "public", "u2") is None
    assert await directory.find_user(accounts_db, "other", "u1") is None
    assert await directory.find_user_of_login_method(accounts_db, "public", "u1") is None
    assert await directory.find_user_of_login_method(accounts_db, "other", "r0") is None


async def test_apps_do_not_see_each_other(accounts_db: Database) -> None:
    """The same ids may live in two apps; a change in one leaves the other (security TN-1)."""
    await insert(accounts_db, ADA)
    await insert(accounts_db, ADA, app_id="other")

    async def change(tx: Transaction) -> bool:
        await directory.update_login_method_email(tx, "other", "r1", "eve@example.com", verified=True)
        return await delete_user(tx, "other", "u1")

    assert await accounts_db.write(change)
    assert ADA == await directory.find_user(accounts_db, "public", "u1")
    assert await directory.find_user(accounts_db, "other", "u1") is None


async def test_deleting_a_user_removes_everything(accounts_db: Database) -> None:
    """The cascade is the database's, so nothing can be forgotten; others stay."""
    eve = User("u2", 1, (LoginMethod("emailpassword", "r2", ("public",), 1, "eve@example.com"),))
    await insert(accounts_db, ADA, eve)

    async def delete(tx: Transaction) -> bool:
        return await delete_user(tx, "public", "u1")

    assert await accounts_db.write(delete)
    assert [1, 1, 1] == await counts(accounts_db)
    assert not await accounts_db.write(delete)


async def test_removing_a_tenant_leaves_the_person(accounts_db: Database) -> None:
    """Somebody in two tenants stays in the other; somebody whose last tenant is gone still exists."""

    async def setup(tx: Transaction) -> None:
        await tx.execute(Statement("insert into {tenants} (app_id, tenant_id) values ('public', 't1')"))

    await accounts_db.write(setup)
    both = User("u3", 1, (LoginMethod("emailpassword", "r3", ("t1", "public"), 1, "a@example.com"),))
    only = User("u4", 1, (LoginMethod("emailpassword", "r4", ("t1",), 1, "b@example.com"),))
    await insert(accounts_db, both, only)

    async def remove(tx: Transaction) -> None:
        await tx.execute(Statement("delete from {tenants} where app_id = 'public' and tenant_id = 't1'"))

    await accounts_db.write(remove)
    found = [await directory.find_user(accounts_db, "public", user_id) for user_id in ("u3", "u4")]
    assert [("public",), ()] == [user.tenant_ids for user in found if user is not None]


async def test_a_new_address_is_not_verified_by_proof_of_the_old(accounts_db: Database) -> None:
    """Address and its proof change together, on one login method only (security TK-8)."""
    await insert(accounts_db, ADA)

    async def change(tx: Transaction) -> None:
        await directory.update_login_method_email(tx, "public", "r0", "new@example.com", verified=False)

    await accounts_db.write(change)
    user = await directory.find_user(accounts_db, "public", "u1")
    assert user is not None
    assert [("ada@example.com", False), ("new@example.com", False)] == [
        (method.email, method.verified) for method in user.login_methods
    ]


async def test_a_failed_insert_leaves_nothing(accounts_db: Database) -> None:
    """A recipe that raises in its transaction takes the user back."""

    async def body(tx: Transaction) -> None:
        await directory.insert_user(tx, "public", ADA)
        raise LookupError

    with pytest.raises(LookupError):
        await accounts_db.write(body)
    assert [0, 0, 0] == await counts(accounts_db)


@pytest.mark.parametrize(
    "method",
    [
        LoginMethod("emailpassword", "r9", ("nowhere",), 1),  # unknown tenant
        LoginMethod("thirdparty", "r1", ("public",), 1),  # a login method of somebody else's
    ],
)
async def test_the_schema_refuses_what_cannot_be(accounts_db: Database, method: LoginMethod) -> None:
    """Rules are the database's: an unknown tenant or a doubled login method stores nothing."""
    await insert(accounts_db, ADA)
    before = await counts(accounts_db)
    with pytest.raises(Exception):  # noqa: B017, PT011 - each driver's own; no code of ours gets here
        await insert(accounts_db, User("u9", 1, (method,)))
    assert before == await counts(accounts_db)


def test_every_statement_names_its_app() -> None:
    """No statement of this room can reach into another app (security TN-1)."""
    statements = [
        value for room in (directory, tenants) for value in vars(room).values() if isinstance(value, Statement)
    ]
    assert statements
    assert all(":app_id" in statement.text for statement in statements)
