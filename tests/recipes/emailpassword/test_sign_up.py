"""Sign-up: one user per address and tenant, all or nothing, also when many try at once."""

import asyncio
from dataclasses import replace

import pytest

from tests.deletion import delete_user
from tests.recipes.engine import count, make_tenant, running_engine
from watchword.accounts import directory
from watchword.accounts.tenants import Tenants
from watchword.accounts.users import User
from watchword.crypto.passwords import PasswordHasher
from watchword.database.database import Database, Transaction
from watchword.errors import BadInput, EmailAlreadyExists, FieldErrors, Overloaded
from watchword.recipes.emailpassword.operations import find_password_user
from watchword.recipes.emailpassword.recipe import EmailPassword
from watchword.recipes.engine import Engine

TABLES = ("users", "login_methods", "login_method_tenants", "emailpassword_users", "emailpassword_emails")
PASSWORD = "correct horse 1"


async def sign_up(recipe: EmailPassword, email: str, password: str = PASSWORD, tenant_id: str = "public") -> User:
    """Sign up with a context of no interest."""
    return await recipe.sign_up(email, password, tenant_id=tenant_id, user_context={})


async def counts(db: Database) -> list[int]:
    """How many rows each table of a password user has."""
    return [await count(db, table) for table in TABLES]


async def test_a_new_user_has_one_login_method(recipe: EmailPassword, engine: Engine) -> None:
    """The answer is what was committed: one method, its id the user's, the address in normal form."""
    user = await sign_up(recipe, " Ada@Example.com ")

    (method,) = user.login_methods
    assert ("emailpassword", user.id, ("public",), "ada@example.com", False) == (
        method.recipe_id,
        method.recipe_user_id,
        method.tenant_ids,
        method.email,
        method.verified,
    )
    assert user.time_joined_ms == method.time_joined_ms
    assert user == await directory.find_user(engine.db, "public", user.id)


async def test_the_password_is_stored_as_argon2id_only(recipe: EmailPassword, engine: Engine) -> None:
    """The stored text is a PHC string of at least the floor's cost, and the password is nowhere (PW-1)."""
    await sign_up(recipe, "ada@example.com")
    found = await find_password_user(engine, "public", "ada@example.com")
    assert found is not None
    assert found.password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert PASSWORD not in found.password_hash
    assert found.password_hash not in repr(found)


@pytest.mark.parametrize("spelling", ["ada@example.com", "ADA@Example.Com", "  ada@example.com ", "ada@ｅxample.com"])
async def test_one_address_one_user_whatever_the_spelling(recipe: EmailPassword, engine: Engine, spelling: str) -> None:
    """Case, blanks around and the domain's width do not make a second user, and leave no rows behind."""
    await sign_up(recipe, "Ada@example.com")
    with pytest.raises(EmailAlreadyExists):
        await sign_up(recipe, spelling)
    assert [1, 1, 1, 1, 1] == await counts(engine.db)


async def test_look_alikes_are_other_people(recipe: EmailPassword) -> None:
    """Attack: sign up with a look-alike to be taken for somebody else; each is a user of its own (DB-6)."""
    users = [await sign_up(recipe, email) for email in ("ada@example.com", "ａda@example.com", "áda@example.com")]
    assert 3 == len({user.id for user in users})


async def test_of_20_at_once_exactly_one_wins(recipe: EmailPassword, engine: Engine) -> None:
    """Attack: race two sign-ups so that an address has two owners.

    The primary key of the address decides; each loser gets the documented error and leaves neither a
    user nor a login method (security DB-3).
    """
    outcomes = await asyncio.gather(
        *(sign_up(recipe, "ada@example.com", f"password {number}") for number in range(20)), return_exceptions=True
    )
    winners = [outcome for outcome in outcomes if isinstance(outcome, User)]
    assert 1 == len(winners)
    assert 19 == sum(isinstance(outcome, EmailAlreadyExists) for outcome in outcomes)
    assert [1, 1, 1, 1, 1] == await counts(engine.db)
    number = next(number for number, outcome in enumerate(outcomes) if isinstance(outcome, User))
    signed_in = await recipe.sign_in("ada@example.com", f"password {number}", tenant_id="public", user_context={})
    assert winners[0] == signed_in


async def test_an_address_is_free_in_another_tenant_and_another_app(recipe: EmailPassword, engine: Engine) -> None:
    """Tenants do not know each other; nor do apps."""
    await make_tenant(engine, "t1")
    other_app = EmailPassword()
    other_app.bind(replace(engine, app_id="other", tenants=Tenants(engine.db, "other")))
    await other_app.engine.tenants.start()

    await sign_up(recipe, "ada@example.com")
    user = await sign_up(recipe, "ada@example.com", tenant_id="t1")
    assert ("t1",) == user.tenant_ids
    await sign_up(other_app, "ada@example.com")
    assert [3, 3, 3, 3, 3] == await counts(engine.db)


async def test_an_unknown_tenant_makes_nobody(recipe: EmailPassword, engine: Engine) -> None:
    """Refused by name before any hash, and nothing is written."""
    with pytest.raises(BadInput, match="unknown tenant nowhere"):
        await sign_up(recipe, "ada@example.com", tenant_id="nowhere")
    assert [0, 0, 0, 0, 0] == await counts(engine.db)


@pytest.mark.parametrize("email", ["", "a@b.example,c@d.example", "ada\x00@example.com", "\ud800@example.com"])
async def test_the_function_itself_refuses_what_is_no_address(recipe: EmailPassword, email: str) -> None:
    """A call without the form check is no way around the normal form."""
    with pytest.raises(BadInput, match="Email is not valid"):
        await sign_up(recipe, email)


@pytest.mark.parametrize("password", ["a1" * 513, "é" * 513, "x" * 1_000_000, "a\x00b", "\ud800"])
async def test_a_password_that_cannot_be_hashed_is_refused_by_name(
    recipe: EmailPassword, engine: Engine, password: str
) -> None:
    """Attack: a megabyte to hash (Django CVE-2013-1443); over 1,024 bytes nothing is hashed (PW-7)."""
    with pytest.raises(FieldErrors) as caught:
        await sign_up(recipe, "ada@example.com", password)
    assert ["password"] == [field.id for field in caught.value.fields]
    assert [0, 0, 0, 0, 0] == await counts(engine.db)


async def test_a_password_of_1024_bytes_works(recipe: EmailPassword) -> None:
    """The limit is not under what a password manager makes, and all of it counts (PW-4)."""
    password = "é" * 511 + "a1"
    user = await sign_up(recipe, "ada@example.com", password)
    assert user == await recipe.sign_in("ada@example.com", password, tenant_id="public", user_context={})


async def test_deleting_the_user_frees_the_address(recipe: EmailPassword, engine: Engine) -> None:
    """Everything goes with the user's row; the same person may sign up again."""
    user = await sign_up(recipe, "ada@example.com")

    async def delete(tx: Transaction) -> bool:
        return await delete_user(tx, "public", user.id)

    assert await engine.db.write(delete)
    assert [0, 0, 0, 0, 0] == await counts(engine.db)
    assert user.id != (await sign_up(recipe, "ada@example.com")).id


async def test_an_own_format_of_user_ids(db: Database) -> None:
    """Ids come from the injected object, so an application's own format reaches the database."""

    class Numbered:
        def __init__(self) -> None:
            self.count = 0

        def user_id(self) -> str:
            self.count += 1
            return f"user-{self.count}"

        def session_handle(self) -> str:
            raise AssertionError("no session here")

    async with running_engine(db) as engine:
        recipe = EmailPassword()
        recipe.bind(replace(engine, ids=Numbered()))
        assert ["user-1", "user-2"] == [(await sign_up(recipe, f"{name}@example.com")).id for name in ("ada", "eve")]


async def test_a_full_pool_makes_nobody(db: Database) -> None:
    """Overload is said before anything is written; trying again works."""
    async with running_engine(db, passwords=PasswordHasher(workers=1, queue_limit=0)) as engine:
        recipe = EmailPassword()
        recipe.bind(engine)
        outcomes = await asyncio.gather(
            *(sign_up(recipe, f"user{number}@example.com") for number in range(5)), return_exceptions=True
        )
        made = sum(isinstance(outcome, User) for outcome in outcomes)
        assert 5 == made + sum(isinstance(outcome, Overloaded) for outcome in outcomes)
        assert [made] * 5 == await counts(engine.db)
        assert 1 <= made
