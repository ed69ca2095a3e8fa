"""A person who is deleted is gone, from every table that there is, in one transaction. Mission V019, D124; SE-5."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.recipes.users.conftest import Town, make_town
from tests.recipes.users.tables import dump, list_columns, list_tables
from tests.site import PASSWORD, Letterbox
from watchword import User
from watchword.database.database import Transaction
from watchword.database.statements import Statement
from watchword.delivery.mail import RenderedMail
from watchword.delivery.service import DeliveryFailed
from watchword.errors import UserNotFound
from watchword.http.messages import HttpRequest
from watchword.protection.limits import Caller
from watchword.recipes import UserRoles
from watchword.recipes.emailpassword.errors import WrongCredentials

#: What may differ after somebody came and went, and why it says nothing about them.
WITHOUT_A_NAME = {
    "revoked_handles": "random names of sessions, for as long as their tokens may live",
    "rate_buckets": "keyed hashes of networks and mailboxes, for an hour",
    "leases": "which process is at work",
    "audit_events": "events without a name",
    "audit_chains": "the ends of the chain of those events",
    "signing_keys": "keys",
}


class BrokenLetterbox(Letterbox):
    """Takes no mail, so that it waits."""

    async def send(self, message: RenderedMail) -> None:
        raise DeliveryFailed("the post office is closed")


@pytest.fixture
async def town(database_url: str) -> AsyncIterator[Town]:
    """A town without mail, where roles are given."""
    town = make_town(database_url, mail=BrokenLetterbox())
    await town.auth.start()
    yield town
    await town.auth.stop()


async def settle(town: Town, name: str) -> User:
    """Somebody with everything that can be stored about a person."""
    email, auth = f"{name}@example.com", town.auth
    user = await town.sign_up(email)
    request = HttpRequest(
        method="POST", path="/", headers=(("user-agent", f"{name.title()}App/1.0"),), client_address="192.0.2.7"
    )
    context = {"request": request}
    await town.recipe.send_reset_password_email(user.id, email, tenant_id="public", user_context=context)
    await town.verification.send_email_verification_email(user.id, tenant_id="public", user_context=context)
    await auth.users.request_email_change(user.id, f"{name}@new.example", user_context=context)
    roles = next(recipe for recipe in auth.recipe_list if isinstance(recipe, UserRoles))
    await roles.create_or_add_permissions("member", ["read"])
    await roles.add_to_user(user.id, "member")
    await auth.users.ban(user.id, reason=f"{name} was rude")
    await auth.users.unban(user.id)
    await auth.users.merge_into_metadata(user.id, {"nickname": name})
    mapping = await auth.users.create_id_mapping(user.id, f"customer-{name}", info=f"{name} of the shop", force=True)
    for _ in range(2):
        await auth.session_recipe.create_new_session(
            mapping.external_user_id,
            jwt_payload={"who": name},
            session_data={"who": name},
            recipe_user_id=user.id,
            user_context=context,
        )
    with pytest.raises(WrongCredentials):
        await town.recipe.sign_in(email, "wrong password 1", tenant_id="public", user_context=context)
    return await auth.users.get(user.id)


async def settle_with_provider(town: Town, name: str) -> User:
    """Somebody who comes from a provider."""
    user = await town.sign_in_up(f"google-id-of-{name}", f"{name}@gmail.example")
    await town.auth.sessions.create(user.id)
    return user


def rows_about(tables: dict[str, list[dict[str, Any]]], *words: str) -> set[str]:
    """The tables in which one of the words stands, in any column, whatever its case."""
    return {
        table
        for table, rows in tables.items()
        for row in rows
        if any(word.lower() in str(value).lower() for value in row.values() for word in words)
    }


def settled(tables: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """The rows that must be as before; how often the broken letterbox was tried may differ."""
    trying = ("attempts", "due_at_ms")
    return {
        table: [{column: value for column, value in row.items() if column not in trying} for row in rows]
        for table, rows in tables.items()
        if table not in WITHOUT_A_NAME
    }


async def test_nothing_of_a_person_is_left_in_any_table(town: Town) -> None:
    """Every table of the schema, read from the database's catalogue, is as if they had never been here."""
    db, users = town.auth._db, town.auth.users
    bystander = await settle(town, "bystander")
    await settle_with_provider(town, "bystander")
    before = await dump(db)
    ada, google_ada = await settle(town, "ada"), await settle_with_provider(town, "ada")
    words = (ada.id, ada.login_methods[0].recipe_user_id, google_ada.id, "ada@", "-ada", '"ada', "192.0.2.7", "AdaApp")

    await town.auth.users._engine.audit.flush()
    present = await dump(db)
    of_people = {table.name for table in town.auth.users.stored_tables if table.person is not None}
    grown = {table for table, rows in present.items() if len(rows) > len(before[table])}
    assert of_people <= grown, "the person of this test has nothing in a table; give them something there"

    first = await users.erase(ada.login_methods[0].recipe_user_id)
    second = await users.erase(google_ada.id)
    assert of_people == {table for counts in (first, second) for table, count in counts.items() if count}
    after = await dump(db)
    assert set() == rows_about(after, *(word for word in words if word not in str(before)))
    assert settled(before) == settled(after)
    assert bystander == await users.get(bystander.id)
    assert 0 == sum((await users.erase(ada.id)).values()), "nothing is left to be erased"
    with pytest.raises(UserNotFound):
        await users.export(ada.id)


async def test_a_deletion_leaves_the_audit_log_alone(town: Town) -> None:
    """Whoever reads the log later finds who was deleted; nothing but the log names them."""
    ada = await settle(town, "ada")
    assert await town.auth.users.delete(ada.id)
    assert {"audit_events"} == rows_about(await dump(town.auth._db), ada.id, "ada@", "-ada", '"ada', "AdaApp")
    assert not await town.auth.users.delete(ada.id)


async def test_an_erasure_is_recorded_where_there_was_something(town: Town) -> None:
    """The log says once that a person was erased, and nothing of ids that nobody had."""
    ada, audit = await settle(town, "ada"), town.auth.audit
    assert 0 == sum((await town.auth.users.erase("nobody")).values())
    assert not await town.auth.users.delete("nobody")
    assert [] == await audit.list(kinds=["user_erased", "user_deleted"])
    counts = await town.auth.users.erase(ada.id)
    (erased,) = await audit.list(kinds=["user_erased", "user_deleted"])
    assert ("user_erased", None, {"events": counts["audit_events"]}) == (erased.kind, erased.user_id, erased.facts)


async def test_who_signed_in_by_other_means_is_deleted_too(town: Town) -> None:
    """Any text is a user id: sessions and notes of such people go the same way."""
    await town.auth.sessions.create("card 7")
    await town.auth.users.merge_into_metadata("card 7", {"seat": 3})
    assert await town.auth.users.delete("card 7")
    assert {"audit_events"} >= rows_about(await dump(town.auth._db), "card 7")


async def test_a_deletion_that_fails_has_not_happened(town: Town) -> None:
    """All or nothing: a statement that fails in the middle leaves the person whole, sessions included."""
    ada = await settle(town, "ada")
    before = await dump(town.auth._db)

    async def fail(tx: Transaction, user_id: str, **_: Any) -> list[str]:
        raise LookupError

    town.auth.session_recipe.delete_sessions_of_user = fail  # type: ignore[method-assign] - the last step of all
    with pytest.raises(LookupError):
        await town.auth.users.delete(ada.id)
    assert settled(before) == settled(await dump(town.auth._db))
    assert ada == await town.auth.users.get(ada.id)


async def test_the_failures_of_an_account_go_with_it(town: Town) -> None:
    """Who signs up anew with the address starts without the waits that somebody caused at the old account."""
    ada = await town.sign_up()
    limits = town.auth._engine.limits
    for _ in range(12):
        with pytest.raises(Exception):  # noqa: B017, PT011 - wrong, then too many
            await town.recipe.sign_in("ada@example.com", "wrong password 1", tenant_id="public", user_context={})
    await town.auth.users.delete(ada.id)
    again = await town.sign_up()
    assert again == await town.recipe.sign_in("ada@example.com", PASSWORD, tenant_id="public", user_context={})
    async with limits.sign_in_attempt("public", "ada@example.com", Caller()):
        pass


async def test_every_table_is_described(town: Town) -> None:
    """The schema and the declarations name the same tables and the same columns."""
    db = town.auth._db
    described = {table.name: {"app_id", *table.columns} for table in town.auth.users.stored_tables}
    there = {
        table: set(await list_columns(db, table)) for table in await list_tables(db) if table != "schema_migrations"
    }
    assert there == described


async def test_every_statement_over_all_tables_names_its_app(town: Town) -> None:
    """What is put together from declarations keeps to one application, too (TN-1)."""
    statements = (await town.auth.users._present.find()).statements()
    assert len(statements) > 20
    assert all("app_id = :app_id" in statement.text for statement in statements)
    assert all(isinstance(statement, Statement) for statement in statements)
