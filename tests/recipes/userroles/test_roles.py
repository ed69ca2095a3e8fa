"""Roles and permissions in the database, by the recipe's functions, on both databases."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.recipes.engine import PACKAGES, make_tenant, running_engine
from watchword.database.database import Database
from watchword.database.migrations import load_migrations, migrate
from watchword.errors import BadInput
from watchword.recipes import RoleNotFound, UserRoles


@pytest.fixture
async def roles(db: Database) -> AsyncIterator[UserRoles]:
    """The recipe, in an app with the tenants `public` and `acme`."""
    await migrate(db, load_migrations([*PACKAGES, "watchword.recipes.userroles"]))
    async with running_engine(db) as engine:
        await make_tenant(engine, "acme")
        recipe = UserRoles()
        recipe.bind(engine)
        yield recipe


async def test_a_role_and_its_permissions_come_and_go(roles: UserRoles) -> None:
    """Permissions are added and never replaced; the answer says whether the role is new (CDI 12)."""
    assert await roles.create_or_add_permissions("editor", ["read", "write"])
    assert not await roles.create_or_add_permissions(" editor ", ["write", "publish"])
    assert ["publish", "read", "write"] == await roles.list_permissions("editor")
    assert await roles.create_or_add_permissions("reader", ["read"])
    assert ["editor", "reader"] == await roles.list()
    assert ["editor", "reader"] == await roles.list_with_permission("read")

    await roles.remove_permissions("editor", ["publish", "never had"])
    assert ["read", "write"] == await roles.list_permissions("editor")
    await roles.remove_permissions("editor")
    assert [] == await roles.list_permissions("editor")
    assert ["reader"] == await roles.list_with_permission("read")


async def test_a_role_is_given_in_a_tenant_and_nowhere_else(roles: UserRoles) -> None:
    """Roles belong to the app, who has them to a tenant; each answer says whether something changed."""
    await roles.create_or_add_permissions("admin", ["all"])
    assert await roles.add_to_user("ada", "admin")
    assert not await roles.add_to_user("ada", "admin")
    assert await roles.add_to_user("bob", "admin", tenant_id="acme")

    assert ["admin"] == await roles.list_for_user("ada")
    assert [] == await roles.list_for_user("ada", tenant_id="acme")
    assert ["ada"] == await roles.list_user_ids("admin")
    assert ["bob"] == await roles.list_user_ids("admin", tenant_id="acme")

    assert await roles.remove_from_user("ada", "admin")
    assert not await roles.remove_from_user("ada", "admin")
    assert [] == await roles.list_user_ids("admin")
    assert ["bob"] == await roles.list_user_ids("admin", tenant_id="acme")


async def test_permissions_of_somebody_are_those_of_all_roles_together(roles: UserRoles) -> None:
    """Each permission once, sorted."""
    await roles.create_or_add_permissions("editor", ["read", "write"])
    await roles.create_or_add_permissions("reader", ["read", "comment"])
    for role in ("editor", "reader"):
        await roles.add_to_user("ada", role)
    assert ["comment", "read", "write"] == await roles.list_permissions_for_user("ada")
    assert [] == await roles.list_permissions_for_user("ada", tenant_id="acme")


async def test_a_deleted_role_leaves_everybody(roles: UserRoles) -> None:
    """With its permissions, in every tenant; deleting it again says that it was not there."""
    await roles.create_or_add_permissions("admin", ["all"])
    await roles.add_to_user("ada", "admin")
    await roles.add_to_user("ada", "admin", tenant_id="acme")
    assert await roles.delete("admin")
    assert not await roles.delete("admin")
    assert [] == await roles.list_for_user("ada")
    assert [] == await roles.list_for_user("ada", tenant_id="acme")
    assert await roles.create_or_add_permissions("admin")
    assert [] == await roles.list_permissions("admin")
    assert [] == await roles.list_user_ids("admin")


async def test_a_role_that_is_not_there_is_named(roles: UserRoles) -> None:
    """A misspelt role is an error and never a role that nobody notices."""
    with pytest.raises(RoleNotFound):
        await roles.add_to_user("ada", "amdin")
    with pytest.raises(RoleNotFound):
        await roles.remove_from_user("ada", "amdin")
    with pytest.raises(RoleNotFound):
        await roles.list_permissions("amdin")
    with pytest.raises(RoleNotFound):
        await roles.remove_permissions("amdin")
    with pytest.raises(RoleNotFound):
        await roles.list_user_ids("amdin")
    with pytest.raises(BadInput, match="tenant"):
        await roles.add_to_user("ada", "admin", tenant_id="nowhere")
    assert [] == await roles.list_for_user("ada")


@pytest.mark.parametrize("name", ["", "  ", "a" * 256, "line\nbreak", "nul\0", 1, None])
async def test_what_cannot_be_a_name_is_refused(roles: UserRoles, name: str) -> None:
    """Before anything is written, with the field's name."""
    with pytest.raises(BadInput, match=r"1 to 255|a name is a text"):
        await roles.create_or_add_permissions(name)
    with pytest.raises(BadInput, match=r"1 to 255|a name is a text"):
        await roles.create_or_add_permissions("editor", ["read", name])
    assert [] == await roles.list()


async def test_one_text_is_no_list_of_permissions(roles: UserRoles) -> None:
    """`"read"` in place of `["read"]` would be four permissions of one letter."""
    with pytest.raises(BadInput, match="give a list"):
        await roles.create_or_add_permissions("reader", "read")


async def test_a_role_that_is_deleted_while_it_is_given(roles: UserRoles) -> None:
    """Whatever the order, each call succeeds or names the missing role, and nobody has a role that is gone."""

    async def give(number: int) -> bool | BaseException:
        try:
            return await roles.add_to_user(f"user {number}", "admin")
        except RoleNotFound as error:
            return error

    for _ in range(5):
        await roles.create_or_add_permissions("admin", ["all"])
        await asyncio.gather(
            *(give(number) for number in range(8)),
            roles.create_or_add_permissions("admin", ["more"]),
            roles.delete("admin"),
        )
        await roles.delete("admin")
        assert [[]] * 8 == [await roles.list_for_user(f"user {number}") for number in range(8)]
