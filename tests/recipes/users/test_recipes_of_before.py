"""People are exported, moved and deleted in the tables of recipes, too, that the application does not list any more."""

from collections.abc import AsyncIterator

import pytest

import watchword.recipes
from tests.recipes.users.conftest import Town, make_town
from tests.recipes.users.tables import dump
from tests.recipes.users.test_deletion import rows_about, settle
from tests.site import PASSWORD, SECRET
from watchword import Watchword
from watchword.database.database import Transaction
from watchword.database.statements import Statement
from watchword.recipes import EmailPassword, Session, UserRoles
from watchword.recipes.recipe import Recipe
from watchword.recipes.users.known_tables import KNOWN_TABLES


@pytest.fixture
async def later(database_url: str) -> AsyncIterator[tuple[Watchword, str]]:
    """The application after it stopped listing most of its recipes, and the id of somebody from before."""
    town = make_town(database_url)
    await town.auth.start()
    await settle(town, "bystander")
    ada = await settle(town, "ada")
    await town.auth.stop()
    auth = listing(town, database_url, EmailPassword())
    await auth.start()
    yield auth, ada.id
    await auth.stop()


def listing(town: Town, database_url: str, *recipes: Recipe) -> Watchword:
    """An application on the same database that lists these recipes only."""
    return Watchword(
        app_info=town.auth.app_info,
        database=database_url,
        secret=SECRET,
        recipe_list=[*recipes, Session(signing_key_algorithm="EdDSA")],
        clock=town.clock,
    )


async def test_a_deletion_goes_through_the_tables_of_recipes_that_were_listed_once(
    later: tuple[Watchword, str],
) -> None:
    """Nothing of the person is left in any table, and the count names the tables that are not ours to see today."""
    auth, user_id = later
    counts = await auth.users.erase(user_id)
    assert (1, True) == (counts["user_roles"], counts["email_verification_tokens"] > 0)
    assert set() == rows_about(await dump(auth._db), user_id, "ada@", "-ada", '"ada', "AdaApp")
    assert {"user_roles", "users"} <= rows_about(await dump(auth._db), "-bystander")


async def test_an_export_holds_what_recipes_stored_that_were_listed_once(later: tuple[Watchword, str]) -> None:
    """The person is told of their role, although no recipe of today knows roles."""
    auth, user_id = later
    data = (await auth.users.export(user_id))["data"]
    assert [{"tenant_id": "public", "user_id": user_id, "role": "member"}] == data["user_roles"]
    assert "bystander" not in str(data)


async def test_an_id_from_elsewhere_takes_the_roles_along_that_nobody_lists(later: tuple[Watchword, str]) -> None:
    """Otherwise they would be somebody else's, when the recipe is listed again and the old id is given anew."""
    auth, user_id = later
    assert await auth.users.delete_id_mapping(user_id, force=True)
    assert "user_roles" not in rows_about(await dump(auth._db), user_id)


async def test_tables_that_were_never_made_are_asked_for_nothing(database_url: str) -> None:
    """An application that never listed a recipe has no tables of it, and its people are deleted all the same."""
    town = make_town(database_url)
    auth = listing(town, database_url, EmailPassword())
    await auth.start()
    recipe = next(recipe for recipe in auth.recipe_list if isinstance(recipe, EmailPassword))
    user = await recipe.sign_up("ada@example.com", PASSWORD, tenant_id="public", user_context={})
    assert "user_roles" not in (await auth.users.export(user.id))["data"]
    assert await auth.users.delete(user.id)
    await auth.stop()


async def test_a_table_of_the_application_is_left_alone_whatever_its_name(database_url: str) -> None:
    """The application has roles of its own, in a table that is called as ours would be."""
    auth = listing(make_town(database_url), database_url, EmailPassword())
    await auth.start()

    async def make(tx: Transaction) -> None:
        await tx.execute(Statement("create table {user_roles} (user_id text, level integer)"))
        await tx.execute(Statement("insert into {user_roles} values ('card 7', 3)"))

    await auth._db.write(make)
    await auth.users.merge_into_metadata("card 7", {"seat": 3})
    assert await auth.users.delete("card 7")
    assert [{"user_id": "card 7", "level": 3}] == (await dump(auth._db))["user_roles"]
    await auth.stop()


async def test_a_table_of_an_earlier_version_is_exported_with_the_columns_it_has(
    later: tuple[Watchword, str],
) -> None:
    """Nobody brings the tables of a recipe up to date that is not listed; a column that is missing tells nothing."""
    auth, user_id = later

    async def drop(tx: Transaction) -> None:
        await tx.execute(Statement("alter table {email_verification_tokens} drop column email"))

    await auth._db.write(drop)
    rows = (await auth.users.export(user_id))["data"]["email_verification_tokens"]
    assert rows
    assert all("email" not in row and {"tenant_id", "recipe_user_id", "expires_at_ms"} <= row.keys() for row in rows)
    assert len(rows) == (await auth.users.erase(user_id))["email_verification_tokens"]


def test_every_recipe_that_there_is_has_its_tables_among_the_known() -> None:
    """A new recipe whose tables are forgotten here is noticed here."""
    kinds = [kind for kind in vars(watchword.recipes).values() if isinstance(kind, type) and issubclass(kind, Recipe)]
    assert UserRoles in kinds
    assert {table.name for kind in kinds for table in kind.stored_tables} <= {table.name for table in KNOWN_TABLES}
