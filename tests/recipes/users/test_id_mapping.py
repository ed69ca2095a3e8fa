"""Ids from elsewhere: a user is known by the id that other tables refer to. Mission V013, D155; CDI 15."""

from dataclasses import replace

import pytest

from tests.recipes.users.conftest import Town
from tests.recipes.users.tables import dump
from tests.site import PASSWORD, running_site
from watchword import User
from watchword.accounts.directory import insert_login_method
from watchword.accounts.errors import IdMappingExists, UserIdInUse, UserIdTaken
from watchword.accounts.id_mappings import IdMapping
from watchword.database.database import Transaction
from watchword.errors import BadInput, UserNotFound
from watchword.recipes import EmailPassword, UserRoles
from watchword.recipes.user_context import UserContext


async def test_a_user_is_known_by_the_id_from_elsewhere(town: Town) -> None:
    """Lists, sign-ins and searches show it; both ids find the user, and everything that can be done to them."""
    before, users = await town.sign_up(), town.auth.users
    mapping = await users.create_id_mapping(before.id, " customer-7 ", info="the shop")
    assert IdMapping(external_user_id="customer-7", former_user_id=before.id, info="the shop") == mapping
    ada = await users.get("customer-7")
    assert (ada.id, before.login_methods, before.time_joined_ms) == (
        "customer-7",
        ada.login_methods,
        ada.time_joined_ms,
    )
    assert ada == await users.get(before.id)
    assert [ada] == (await users.list()).users == (await users.list(newest_first=False, tenant_id="public")).users
    assert [ada] == await users.list_by_account_info(email="ada@example.com") == await users.search(email="ada")
    assert ada == await town.recipe.sign_in("ada@example.com", PASSWORD, tenant_id="public", user_context={})
    for user_id in (before.id, "customer-7"):
        assert mapping == await users.find_id_mapping(user_id)
        await users.merge_into_metadata(user_id, {user_id: True})
        await users.ban(user_id)
        await users.unban(user_id)
    assert {before.id: True, "customer-7": True} == await users.get_metadata("customer-7")
    assert await users.update_id_mapping_info(before.id, None)
    assert (await users.find_id_mapping("customer-7")).info is None  # type: ignore[union-attr]
    assert not await users.update_id_mapping_info("nobody", "x")
    assert await users.delete(before.id)
    assert await users.find("customer-7") is None
    assert await users.find_id_mapping(before.id) is None


class Mapped(EmailPassword):
    """Maps each new user to the id of the application's own table, before there is a session."""

    async def sign_up(self, email: str, password: str, *, tenant_id: str, user_context: UserContext) -> User:
        user = await super().sign_up(email, password, tenant_id=tenant_id, user_context=user_context)
        await user_context["auth"].users.create_id_mapping(user.id, f"member {email}")
        return await user_context["auth"].users.get(user.id)


async def test_sessions_and_tokens_hold_it(database_url: str) -> None:
    """Mapped in the override of sign-up: session, front token and every later sign-in name the id from elsewhere."""
    recipe = Mapped()
    async with running_site(database_url, recipes=[recipe]) as site:
        original = recipe.sign_up_post

        async def with_auth(form_fields, api):  # type: ignore[no-untyped-def]
            api.user_context["auth"] = site.auth
            return await original(form_fields, api)

        recipe.sign_up_post = with_auth  # type: ignore[method-assign]
        browser = site.browser("headers")
        assert "member ada@example.com" == (await browser.sign_up()).json()["user"]["id"]
        assert "member ada@example.com" == browser.front_token["uid"]
        again = site.browser("headers")
        await again.sign_in()
        assert "member ada@example.com" == (await again.get("/me")).json()["userId"]
        site.clock.advance(200_000)
        assert 200 == (await again.refresh()).status_code
        assert 2 == len(await site.auth.sessions.list_handles("member ada@example.com"))


async def test_an_id_in_use_changes_by_force_only(town: Town) -> None:
    """Sessions or notes are in the way; by force sessions end, and notes come along, there and back."""
    ada, users = await town.sign_up(), town.auth.users
    session = await town.auth.sessions.create(ada.id)
    await users.merge_into_metadata(ada.id, {"theme": "dark"})
    before = await dump(town.auth._db)
    with pytest.raises(UserIdInUse, match="sessions, user_metadata"):
        await users.create_id_mapping(ada.id, "customer-7")
    assert {t: r for t, r in before.items() if "audit" not in t} == {
        t: r for t, r in (await dump(town.auth._db)).items() if "audit" not in t
    }
    await users.create_id_mapping(ada.id, "customer-7", force=True)
    assert await town.auth.sessions.find(session.handle) is None
    assert {"theme": "dark"} == await users.get_metadata(ada.id)
    with pytest.raises(UserIdInUse, match="user_metadata"):
        await users.delete_id_mapping("customer-7")
    assert await users.delete_id_mapping(ada.id, force=True)
    assert ada == await users.get(ada.id)
    assert await users.find("customer-7") is None
    assert {"theme": "dark"} == await users.get_metadata(ada.id)
    assert not await users.delete_id_mapping(ada.id)


async def test_notes_under_both_ids_are_nobodys_to_choose(town: Town) -> None:
    """By force or not: which of two notes should stay, only the application knows."""
    ada, users = await town.sign_up(), town.auth.users
    await users.merge_into_metadata(ada.id, {"theme": "dark"})
    await users.merge_into_metadata("customer-7", {"theme": "light"})
    with pytest.raises(UserIdInUse):
        await users.create_id_mapping(ada.id, "customer-7", force=True)
    await users.clear_metadata(ada.id)
    await users.create_id_mapping(ada.id, "customer-7", force=True)
    assert {"theme": "light"} == await users.get_metadata(ada.id)


async def test_two_people_never_share_an_id(town: Town) -> None:
    """Ids of users and of mappings are taken; nothing is half done."""
    ada, eve, users = await town.sign_up(), await town.sign_up("eve@example.com"), town.auth.users
    with pytest.raises(UserIdTaken):
        await users.create_id_mapping(ada.id, eve.id)
    await users.create_id_mapping(ada.id, "customer-7")
    with pytest.raises(IdMappingExists):
        await users.create_id_mapping(eve.id, "customer-7")
    with pytest.raises(IdMappingExists):
        await users.create_id_mapping(eve.id, ada.id)
    with pytest.raises(IdMappingExists):
        await users.create_id_mapping("customer-7", "customer-8")
    for user_id, external_user_id, error in (
        ("nobody", "customer-9", UserNotFound),
        (eve.id, " ", BadInput),
        (eve.id, "\0", BadInput),
        (eve.id, "x" * 129, BadInput),
    ):
        with pytest.raises(error):
            await users.create_id_mapping(user_id, external_user_id)
    assert {"customer-7", eve.id} == {user.id for user in (await users.list()).users}


async def test_the_id_of_somebodys_login_method_is_taken(town: Town) -> None:
    """Attack: have oneself known by the id of another's second login method; one's deletion took that along."""
    ada, eve, users = await town.sign_up(), await town.sign_up("eve@example.com"), town.auth.users
    await give_second_method(town, ada, "second-1")
    with pytest.raises(UserIdTaken):
        await users.create_id_mapping(eve.id, "second-1")
    assert eve == await users.get(eve.id)


async def give_second_method(town: Town, user: User, recipe_user_id: str) -> None:
    """One more way to sign in, as an import brings it."""
    method = replace(user.login_methods[0], recipe_user_id=recipe_user_id, email="ada@work.example")

    async def insert(tx: Transaction) -> None:
        await insert_login_method(tx, "public", user, method)

    await town.auth._db.write(insert)


@pytest.mark.parametrize("text", ["a\0", "\ud800"])
async def test_what_no_database_holds_is_nobody(town: Town, text: str) -> None:
    """Attack: an id from a page of the application with NUL or half a character in it: no driver's error comes back."""
    ada, users, tenants = await town.sign_up(), town.auth.users, town.auth.tenants
    roles = next(recipe for recipe in town.auth.recipe_list if isinstance(recipe, UserRoles))
    await roles.create_or_add_permissions("admin")
    assert await users.find_id_mapping(text) is None
    assert not await users.delete_id_mapping(text)
    assert not await users.update_id_mapping_info(text, "x")
    assert not await tenants.delete(text)
    assert [] == await town.auth.audit.list(user_id=text) == await town.auth.audit.list(handle=text)
    for nobody in (
        lambda: users.create_id_mapping(text, "customer-7"),
        lambda: tenants.associate_user("public", text),
        lambda: tenants.disassociate_user("public", text),
    ):
        with pytest.raises(UserNotFound):
            await nobody()
    for refused in (
        lambda: users.update_id_mapping_info(ada.id, text),
        lambda: roles.add_to_user(text, "admin"),
        lambda: roles.remove_from_user(text, "admin"),
        lambda: roles.list_for_user(ada.id, tenant_id=text),
        lambda: roles.list_permissions_for_user(text),
        lambda: roles.list_user_ids("admin", tenant_id=text),
        lambda: town.auth.sessions.create(text),
    ):
        with pytest.raises(BadInput):
            await refused()
