"""What an id that is no user's is answered with, by every function that takes one: one rule, and no guess."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.recipes.users.conftest import Town
from watchword.errors import UserNotFound
from watchword.recipes import UserRoles
from watchword.recipes.multitenancy.recipe import Multitenancy


def recipe_of(town: Town, kind: type[Any]) -> Any:
    """One recipe of the application."""
    return next(recipe for recipe in town.auth.recipe_list if isinstance(recipe, kind))


#: What changes a user: there has to be one.
WANTS_A_USER: dict[str, Callable[[Town], Awaitable[Any]]] = {
    "get": lambda town: town.auth.users.get("nobody"),
    "ban": lambda town: town.auth.users.ban("nobody"),
    "unban": lambda town: town.auth.users.unban("nobody"),
    "find_ban": lambda town: town.auth.users.find_ban("nobody"),
    "update_email": lambda town: town.auth.users.update_email("nobody", "a@example.com"),
    "update_password": lambda town: town.auth.users.update_password("nobody", "correct horse 7"),
    "create_id_mapping": lambda town: town.auth.users.create_id_mapping("nobody", "customer-7"),
    "export": lambda town: town.auth.users.export("nobody"),
    "tenant": lambda town: recipe_of(town, Multitenancy).associate_user("public", "nobody"),
    "no tenant": lambda town: recipe_of(town, Multitenancy).disassociate_user("public", "nobody"),
}

#: What only looks, and what it sees.
SEES_NOTHING: dict[str, tuple[Callable[[Town], Awaitable[Any]], Any]] = {
    "find": (lambda town: town.auth.users.find("nobody"), None),
    "find_id_mapping": (lambda town: town.auth.users.find_id_mapping("nobody"), None),
    "get_metadata": (lambda town: town.auth.users.get_metadata("nobody"), {}),
    "sessions": (lambda town: town.auth.sessions.list_handles("nobody"), []),
    "revoke_all": (lambda town: town.auth.sessions.revoke_all("nobody"), []),
    "roles": (lambda town: recipe_of(town, UserRoles).list_for_user("nobody"), []),
    "delete": (lambda town: town.auth.users.delete("nobody"), False),
    "delete_id_mapping": (lambda town: town.auth.users.delete_id_mapping("nobody"), False),
}


async def test_what_changes_a_user_wants_one(town: Town) -> None:
    """`UserNotFound`, from each of them."""
    for name, call in WANTS_A_USER.items():
        try:
            await call(town)
        except UserNotFound:
            continue
        pytest.fail(f"{name} took it")


async def test_what_looks_sees_nothing(town: Town) -> None:
    """`None`, `[]` or `{}`: nothing is made by being looked for."""
    assert {name: seen for name, (_, seen) in SEES_NOTHING.items()} == {
        name: await call(town) for name, (call, _) in SEES_NOTHING.items()
    }


async def test_whoever_signs_in_by_other_means_has_sessions_notes_and_roles(town: Town) -> None:
    """Any text is an id there: people of a card reader or an old system are no users of ours (decision 0024)."""
    roles = recipe_of(town, UserRoles)
    await roles.create_or_add_permissions("member")
    assert await roles.add_to_user("card 7", "member")
    await town.auth.users.merge_into_metadata("card 7", {"seat": 3})
    session = await town.auth.sessions.create("card 7")
    assert ["member"] == session.jwt_payload["st-role"]["v"]


async def test_the_id_from_before_a_mapping_gives_roles_to_the_user_of_today(town: Town) -> None:
    """Otherwise the role would lie under an id that no session has any more."""
    roles, user = recipe_of(town, UserRoles), await town.sign_up()
    await town.auth.users.create_id_mapping(user.id, "customer-7")
    await roles.create_or_add_permissions("member")
    assert await roles.add_to_user(user.id, "member")
    assert ["member"] == await roles.list_for_user("customer-7")
    assert "customer-7" in {event.user_id for event in await town.auth.audit.list(kinds=["role_given"])}
    assert await roles.remove_from_user(user.id, "member")
    assert [] == await roles.list_for_user("customer-7")
