"""Sign-in: the right password opens, nothing else does, and nothing tells who exists."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from tests.recipes.engine import make_tenant, running_engine
from watchword.crypto.passwords import PasswordHasher
from watchword.database.database import Database, Transaction
from watchword.database.statements import Statement
from watchword.errors import Overloaded
from watchword.recipes.emailpassword import operations
from watchword.recipes.emailpassword.errors import WrongCredentials
from watchword.recipes.emailpassword.recipe import EmailPassword
from watchword.recipes.engine import Engine

PASSWORD = "correct horse 1"
SET_PASSWORD = Statement("update {emailpassword_users} set password_hash = :password_hash where app_id = :app_id")


async def sign_in(recipe: EmailPassword, email: str, password: str = PASSWORD, tenant_id: str = "public") -> str:
    """Sign in and return the user id."""
    return (await recipe.sign_in(email, password, tenant_id=tenant_id, user_context={})).id


async def sign_up(recipe: EmailPassword, email: str = "ada@example.com", password: str = PASSWORD) -> str:
    """Sign up and return the user id."""
    return (await recipe.sign_up(email, password, tenant_id="public", user_context={})).id


async def hash_of(engine: Engine, email: str = "ada@example.com") -> str:
    """The stored hash of a user."""
    found = await operations.find_password_user(engine, "public", email)
    assert found is not None
    return found.password_hash


async def set_hash(engine: Engine, password_hash: str) -> None:
    """What a change of the password, or an import, does to the row."""

    async def update(tx: Transaction) -> None:
        await tx.execute(SET_PASSWORD, app_id=engine.app_id, password_hash=password_hash)

    await engine.db.write(update)


def password_threads() -> set[threading.Thread]:
    """The threads that hash passwords, of all hashers of this process."""
    return {thread for thread in threading.enumerate() if thread.name.startswith("watchword-password")}


@pytest.mark.parametrize("spelling", ["ada@example.com", " ADA@example.com ", "ada@EXAMPLE。com"])
async def test_the_right_password_opens_in_any_spelling_of_the_address(recipe: EmailPassword, spelling: str) -> None:
    """The address is compared in normal form."""
    user_id = await sign_up(recipe)
    assert user_id == await sign_in(recipe, spelling)


async def test_the_answer_has_the_whole_user(recipe: EmailPassword) -> None:
    """Signing in answers what signing up answered, from one read."""
    signed_up = await recipe.sign_up("ada@example.com", PASSWORD, tenant_id="public", user_context={})
    assert signed_up == await recipe.sign_in("ada@example.com", PASSWORD, tenant_id="public", user_context={})


async def test_every_reason_is_one_answer(recipe: EmailPassword, engine: Engine) -> None:
    """Attack: learn who has an account from what a failed sign-in says (security EN-1).

    Unknown address, wrong password, another tenant, an unknown tenant, a look-alike, what is no
    address, an oversized password and one that is not text: one error, with nothing of its own.
    """
    await make_tenant(engine, "t1")
    await sign_up(recipe)
    attempts = [
        sign_in(recipe, "eve@example.com"),
        sign_in(recipe, "ada@example.com", "wrong horse 1"),
        sign_in(recipe, "ada@example.com", PASSWORD + " "),
        sign_in(recipe, "ada@example.com", PASSWORD.upper()),
        sign_in(recipe, "ada@example.com", ""),
        sign_in(recipe, "ada@example.com", PASSWORD, "t1"),
        sign_in(recipe, "ada@example.com", PASSWORD, "nowhere"),
        sign_in(recipe, "ａda@example.com"),
        sign_in(recipe, "a@b.example,ada@example.com"),
        sign_in(recipe, "ada@example.com\x00"),
        sign_in(recipe, "\ud800"),
        sign_in(recipe, "ada@example.com", "x" * 10_000),
        sign_in(recipe, "ada@example.com", PASSWORD + "\x00"),
        sign_in(recipe, "ada@example.com", "\ud800"),
    ]
    outcomes = [(await asyncio.gather(attempt, return_exceptions=True))[0] for attempt in attempts]
    assert {(WrongCredentials, WrongCredentials().args)} == {
        (type(outcome), outcome.args if isinstance(outcome, Exception) else None) for outcome in outcomes
    }
    assert all(vars(outcome) == {} for outcome in outcomes if isinstance(outcome, Exception))


async def test_an_unknown_address_costs_a_hash_in_the_same_pool(recipe: EmailPassword, engine: Engine) -> None:
    """Attack: measure whether an account exists (security EN-2).

    The pool makes its first thread with its first work, so a thread shows that work was done; what is
    no address at all is no quicker either.
    """
    for email in ("nobody@example.com", "not an address"):
        hasher = PasswordHasher(workers=1)
        fresh = EmailPassword()
        fresh.bind(replace(engine, passwords=hasher))
        before = password_threads()
        with pytest.raises(WrongCredentials):
            await sign_in(fresh, email)
        assert 1 == len(password_threads() - before)
        hasher.stop()


async def test_a_huge_password_is_refused_without_a_hash(recipe: EmailPassword, engine: Engine) -> None:
    """Attack: a megabyte as password keeps the pool busy (Django CVE-2013-1443; security PW-7)."""
    hasher = PasswordHasher(workers=1)
    fresh = EmailPassword()
    fresh.bind(replace(engine, passwords=hasher))
    before = password_threads()
    for password in ("x" * 1_000_000, "x" * 1_025, "é" * 513):
        with pytest.raises(WrongCredentials):
            await sign_in(fresh, "ada@example.com", password)
    assert before == password_threads() | before


async def test_two_passwords_equal_in_72_bytes_are_two_passwords(recipe: EmailPassword) -> None:
    """Attack: append anything to a long password; a new hash reads all of it (security PW-4)."""
    await sign_up(recipe, password="x" * 72 + "1")
    with pytest.raises(WrongCredentials):
        await sign_in(recipe, "ada@example.com", "x" * 72 + "2")


@pytest.mark.parametrize(
    "broken", ["", "x", "$argon2id$v=19$m=19456,t=2,p=1$", "$2b$12$" + "a" * 53, "$argon2id$" * 99]
)
async def test_an_unreadable_stored_hash_never_opens_and_never_raises(
    recipe: EmailPassword, engine: Engine, broken: str
) -> None:
    """A row that something else wrote is a wrong password like any other (security PW-3)."""
    await sign_up(recipe)
    await set_hash(engine, broken)
    with pytest.raises(WrongCredentials):
        await sign_in(recipe, "ada@example.com")


async def test_a_weaker_hash_is_renewed_at_sign_in(recipe: EmailPassword, engine: Engine) -> None:
    """Parameters were raised: the next sign-in with the right password stores a stronger hash (PW-2)."""
    user_id = await sign_up(recipe)
    old = await hash_of(engine)
    hasher = PasswordHasher(iterations=3)
    stronger = EmailPassword()
    stronger.bind(replace(engine, passwords=hasher))

    with pytest.raises(WrongCredentials):
        await sign_in(stronger, "ada@example.com", "wrong horse 1")
    assert old == await hash_of(engine)
    assert user_id == await sign_in(stronger, "ada@example.com")
    renewed = await hash_of(engine)
    assert ",t=3," in renewed
    assert user_id == await sign_in(stronger, "ada@example.com")
    assert renewed == await hash_of(engine)
    assert user_id == await sign_in(recipe, "ada@example.com")
    hasher.stop()


class InterruptedHasher(PasswordHasher):
    """The real hasher; before it hands a new hash over, something else happens."""

    def __init__(self, meanwhile: Callable[[], Awaitable[None]]) -> None:
        super().__init__(iterations=3)
        self._meanwhile = meanwhile

    async def hash(self, password: str) -> str:
        """Hash, then let the other one go first."""
        password_hash = await super().hash(password)
        await self._meanwhile()
        return password_hash


async def test_a_renewed_hash_never_undoes_a_change_of_the_password(recipe: EmailPassword, engine: Engine) -> None:
    """Attack: sign in with the stolen password at the very moment its owner changes it.

    Were the renewed hash written over the changed one, the stolen password would work again; the
    update holds only for the hash that was verified, so the change wins, always (security PW-2).
    """
    user_id = await sign_up(recipe)
    changed = await engine.passwords.hash("new horse 2")
    hasher = InterruptedHasher(lambda: set_hash(engine, changed))
    racing = EmailPassword()
    racing.bind(replace(engine, passwords=hasher))

    assert user_id == await sign_in(racing, "ada@example.com")

    assert changed == await hash_of(engine)
    assert user_id == await sign_in(recipe, "ada@example.com", "new horse 2")
    with pytest.raises(WrongCredentials):
        await sign_in(recipe, "ada@example.com")
    hasher.stop()


async def test_a_user_deleted_meanwhile_does_not_come_back(recipe: EmailPassword, engine: Engine) -> None:
    """The renewal is an update of a row that may be gone; it inserts nothing."""
    await sign_up(recipe)

    async def delete() -> None:
        async def body(tx: Transaction) -> None:
            await tx.execute(Statement("delete from {users} where app_id = 'public'"))

        await engine.db.write(body)

    hasher = InterruptedHasher(delete)
    racing = EmailPassword()
    racing.bind(replace(engine, passwords=hasher))
    await sign_in(racing, "ada@example.com")
    assert await operations.find_password_user(engine, "public", "ada@example.com") is None
    hasher.stop()


class FullAfterVerify(PasswordHasher):
    """The real hasher, whose queue is full when a new hash is asked for."""

    async def hash(self, password: str) -> str:
        """Refuse, as with a full queue."""
        raise Overloaded("password hashing")


async def test_a_full_pool_does_not_undo_a_good_sign_in(recipe: EmailPassword, engine: Engine) -> None:
    """The password was right; renewing its hash can wait for the next time."""
    user_id = await sign_up(recipe)
    old = await hash_of(engine)
    hasher = FullAfterVerify(iterations=3)
    busy = EmailPassword()
    busy.bind(replace(engine, passwords=hasher))
    assert user_id == await sign_in(busy, "ada@example.com")
    assert old == await hash_of(engine)
    hasher.stop()


async def test_a_full_pool_is_the_same_for_known_and_unknown(db: Database) -> None:
    """Attack: fill the pool, then see who is refused; it is everybody alike (security PW-6)."""
    async with running_engine(db, passwords=PasswordHasher(workers=1, queue_limit=0)) as engine:
        recipe = EmailPassword()
        recipe.bind(engine)
        await sign_up(recipe)
        for email in ("ada@example.com", "nobody@example.com"):
            outcomes = await asyncio.gather(*(sign_in(recipe, email) for _ in range(6)), return_exceptions=True)
            assert any(isinstance(outcome, Overloaded) for outcome in outcomes)
            assert not all(isinstance(outcome, Overloaded) for outcome in outcomes)


async def test_a_full_pool_refuses_before_any_lookup(db: Database) -> None:
    """Attack: a flood of sign-ins; while the pool is full they do not reach the database either (PW-6)."""
    async with running_engine(db, passwords=PasswordHasher(iterations=16, workers=1, queue_limit=0)) as engine:
        recipe = EmailPassword()
        recipe.bind(engine)
        await db.stop()  # whoever asks it now learns that it is away
        busy = asyncio.create_task(engine.passwords.hash("another one"))
        await asyncio.sleep(0)  # it has its place now, and keeps it for 16 passes
        with pytest.raises(Overloaded):
            await sign_in(recipe, "ada@example.com")
        await busy


@pytest.mark.parametrize(
    ("email", "expected"),
    [
        ("ada@example.com", True),
        (" ADA@EXAMPLE.COM ", True),
        ("eve@example.com", False),
        ("ａda@example.com", False),
        ("ada", False),
        ("", False),
        ("ada@example.com,eve@example.com", False),
        ("ada@example.com\x00", False),
        ("\ud800@example.com", False),
        ("x" * 100_000, False),
    ],
)
async def test_whether_an_address_exists(recipe: EmailPassword, email: str, expected: bool) -> None:
    """Any spelling of a password user's address; what is no address is simply `False` (FDI 8.2)."""
    await sign_up(recipe)
    assert expected is await recipe.does_email_exist(email, tenant_id="public", user_context={})


async def test_an_address_does_not_exist_in_another_tenant(recipe: EmailPassword, engine: Engine) -> None:
    """Tenants do not learn who is in the others (security TN-2)."""
    await make_tenant(engine, "t1")
    await sign_up(recipe)
    assert not await recipe.does_email_exist("ada@example.com", tenant_id="t1", user_context={})


def test_every_statement_names_its_app() -> None:
    """No statement of this recipe can reach into another app (security TN-1)."""
    statements = [value for value in vars(operations).values() if isinstance(value, Statement)]
    assert statements
    assert all(":app_id" in statement.text for statement in statements)
