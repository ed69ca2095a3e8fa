"""Somebody with several ways to sign in gives one up; the last one stays. Security SE-5, PW-13; mission D126."""

import asyncio
from typing import Any

import pytest

from tests.recipes.users.conftest import GOOGLE, Town, give_google
from tests.recipes.users.tables import dump
from tests.site import PASSWORD
from watchword.accounts.errors import LastLoginMethod
from watchword.accounts.users import User
from watchword.errors import BadInput, EmailAlreadyExists, FieldErrors, UserNotFound
from watchword.recipes.emailpassword.errors import WrongCredentials


async def with_google(town: Town, user: User) -> User:
    """The same user, a second later, who signs in with a provider as well."""
    town.clock.advance(1_000)
    await give_google(town.auth, user, town.clock.now_ms())
    return await town.auth.users.get(user.id)


async def test_a_provider_is_unlinked(town: Town) -> None:
    """The other way goes on, sessions that began with the provider end, and no row of it stays."""
    ada = await with_google(town, await town.sign_up())
    sessions = town.auth.sessions
    by_password = await sessions.create(ada.id)
    by_google = await sessions.create(ada.id, recipe_user_id=GOOGLE)
    left = await town.auth.users.delete_login_method(ada.id, GOOGLE)
    assert ["emailpassword"] == [method.recipe_id for method in left.login_methods]
    assert [by_password.handle] == await sessions.list_handles(ada.id)
    assert "was removed from the account" in await sessions.explain(by_google.handle)
    rows = [row for rows in (await dump(town.auth._db)).values() for row in rows]
    assert not any(GOOGLE in row.values() for row in rows)
    assert ada.id == (await town.recipe.sign_in("ada@example.com", PASSWORD, tenant_id="public", user_context={})).id
    assert ada.id != (await town.sign_in_up("1234")).id, "the identity is free, and makes somebody new"


async def test_a_password_is_removed(town: Town) -> None:
    """The user id stays, although it is that of the first login method, and the provider finds the same person."""
    ada = await with_google(town, await town.sign_up())
    await town.auth.users.delete_login_method(ada.id, ada.id)
    with pytest.raises(WrongCredentials):
        await town.recipe.sign_in("ada@example.com", PASSWORD, tenant_id="public", user_context={})
    assert ada.id == (await town.sign_in_up("1234", "ada@gmail.example")).id
    assert "ada@gmail.example" == (await town.auth.users.get(ada.id)).email
    assert (await town.sign_up()).id != ada.id, "the address is free"


async def test_it_is_told_to_the_person_and_recorded(town: Town) -> None:
    """Attack: with a stolen session, take from somebody the way in that they would use against it (PW-13)."""
    ada = await with_google(town, await town.sign_up())
    await town.auth.users.delete_login_method(ada.id, GOOGLE)
    mail = await town.mail.take()
    assert ("login_method_removed", "ada@example.com") == (mail.kind, mail.to)
    event = (await town.auth.audit.list(user_id=ada.id))[0]
    assert ("login_method_removed", {"method": "thirdparty", "provider": "google"}) == (event.kind, event.facts)


async def test_the_last_way_stays(town: Town) -> None:
    """Whoever has one way only is told so, and nothing happened."""
    ada = await town.sign_up()
    session = await town.auth.sessions.create(ada.id)
    with pytest.raises(LastLoginMethod, match="only way to sign in"):
        await town.auth.users.delete_login_method(ada.id, ada.id)
    assert [session.handle] == await town.auth.sessions.list_handles(ada.id)
    assert ada == await town.auth.users.get(ada.id)


async def test_a_way_that_leads_nowhere_does_not_count(town: Town) -> None:
    """Attack on oneself: what is left may be used in no tenant, so that nobody could sign in any more."""
    ada = await with_google(town, await town.sign_up())
    await town.auth.tenants.disassociate_user(tenant_id="public", recipe_user_id=ada.id)
    with pytest.raises(LastLoginMethod):
        await town.auth.users.delete_login_method(ada.id, GOOGLE)
    left = await town.auth.users.delete_login_method(ada.id, ada.id)
    assert [GOOGLE] == [method.recipe_user_id for method in left.login_methods]


async def test_of_two_who_remove_one_each_one_is_refused(town: Town) -> None:
    """Attack: remove both ways at the same moment; each alone would be fine."""
    ada = await with_google(town, await town.sign_up())
    answers = await asyncio.gather(
        *(town.auth.users.delete_login_method(ada.id, method) for method in (ada.id, GOOGLE)), return_exceptions=True
    )
    assert [LastLoginMethod, User] == sorted((type(answer) for answer in answers), key=lambda kind: kind.__name__)
    assert 1 == len((await town.auth.users.get(ada.id)).login_methods)


async def test_somebody_elses_way_is_none_of_mine(town: Town) -> None:
    """Attack: name the login method of another person (IDOR)."""
    ada, eve = await with_google(town, await town.sign_up()), await town.sign_up("eve@example.com")
    for stranger, method in ((eve.id, GOOGLE), (eve.id, ada.id), (ada.id, "nobody"), ("nobody", GOOGLE)):
        with pytest.raises(UserNotFound):
            await town.auth.users.delete_login_method(stranger, method)
    assert ada == await town.auth.users.get(ada.id)


async def test_a_provider_s_person_gets_a_password(town: Town) -> None:
    """One user with two ways in, by the verified address; whoever reads the mail there hears of it. Mission D135."""
    ada = await town.sign_in_up()
    with pytest.raises(FieldErrors):
        await town.auth.users.create_password(ada.id, "short1")
    town.clock.advance(1_000)
    both = await town.auth.users.create_password(ada.id, PASSWORD)
    assert (ada.id, ["thirdparty", "emailpassword"]) == (both.id, [method.recipe_id for method in both.login_methods])
    signed_in = await town.recipe.sign_in("ada@example.com", PASSWORD, tenant_id="public", user_context={})
    assert (both, True) == (signed_in, both.login_methods[1].verified)
    assert ("password_changed", "ada@example.com") == ((mail := await town.mail.take()).kind, mail.to)
    with pytest.raises(BadInput, match="has a password"):
        await town.auth.users.create_password(ada.id, PASSWORD)
    left = await town.auth.users.delete_login_method(ada.id, ada.id)
    assert ["emailpassword"] == [method.recipe_id for method in left.login_methods]


async def test_a_password_needs_an_address_of_one_s_own(town: Town) -> None:
    """Attack: take somebody's address at a provider that proves none, and reserve it here; or one that is taken."""
    told: dict[str, Any] = {"oauth_tokens": {}, "raw_user_info": {}, "tenant_id": "public", "user_context": {}}
    eve = (await town.recipe.sign_in_up("gitlab", "1", email="ada@example.com", is_verified=False, **told)).user
    with pytest.raises(BadInput, match="no verified address"):
        await town.auth.users.create_password(eve.id, PASSWORD)
    await town.sign_up()
    twin = await town.sign_in_up()
    with pytest.raises(EmailAlreadyExists):
        await town.auth.users.create_password(twin.id, PASSWORD)
    assert twin == await town.auth.users.get(twin.id)


async def test_of_two_passwords_at_once_there_is_one(town: Town) -> None:
    """Attack: race two requests for a first password."""
    ada = await town.sign_in_up()
    create = town.auth.users.create_password
    answers = await asyncio.gather(*(create(ada.id, PASSWORD) for _ in range(2)), return_exceptions=True)
    assert [BadInput, User] == sorted((type(answer) for answer in answers), key=lambda kind: kind.__name__)
    assert 2 == len((await town.auth.users.get(ada.id)).login_methods)
