"""An operator gives somebody another address or password. Mission V018."""

import pytest

from tests.recipes.users.conftest import Town
from tests.site import PASSWORD
from watchword.errors import EmailAlreadyExists, FieldErrors, UserNotFound
from watchword.recipes.emailpassword.errors import WrongCredentials

NEW = "another password 2"


async def sign_in(town: Town, email: str, password: str) -> str:
    """The id of whoever address and password open."""
    return (await town.recipe.sign_in(email, password, tenant_id="public", user_context={})).id


async def test_a_new_address(town: Town) -> None:
    """It counts at once, unverified; sessions end unless told otherwise; the old one gets a mail."""
    ada, users, sessions = await town.sign_up(), town.auth.users, town.auth.sessions
    await sessions.create(ada.id)
    changed = await users.update_email(ada.id, "Ada@New.example")
    assert ("ada@new.example", False) == (changed.email, changed.login_methods[0].verified)
    assert [] == await sessions.list_handles(ada.id)
    assert ada.id == await sign_in(town, "ada@new.example", PASSWORD)
    assert [changed] == await users.search(email="new.ex"), "the domain for searching changes as well"
    assert [] == await users.search(email="example.com")
    assert "ada@example.com" == (await town.mail.take()).to
    await sessions.create(ada.id)
    await users.update_email(ada.id, "ada@third.example", revoke_sessions=False)
    assert 1 == len(await sessions.list_handles(ada.id))


async def test_a_new_password(town: Town) -> None:
    """The rules of the form hold for it, the old one opens nothing any more, and sessions end by setting."""
    ada, users, sessions = await town.sign_up(), town.auth.users, town.auth.sessions
    await sessions.create(ada.id)
    with pytest.raises(FieldErrors):
        await users.update_password(ada.id, "short1")
    assert 1 == len(await sessions.list_handles(ada.id))
    await users.update_password(ada.id, NEW)
    assert [] == await sessions.list_handles(ada.id)
    assert ada.id == await sign_in(town, "ada@example.com", NEW)
    with pytest.raises(WrongCredentials):
        await sign_in(town, "ada@example.com", PASSWORD)
    await sessions.create(ada.id)
    await users.update_password(ada.id, PASSWORD, revoke_sessions=False)
    assert 1 == len(await sessions.list_handles(ada.id))


async def test_what_cannot_be_changed_is_refused(town: Town) -> None:
    """No address, somebody else's, nobody's, or a person without a password."""
    ada, eve, users = await town.sign_up(), await town.sign_up("eve@example.com"), town.auth.users
    with pytest.raises(FieldErrors, match="Email is not valid"):
        await users.update_email(ada.id, "not an address")
    with pytest.raises(EmailAlreadyExists):
        await users.update_email(ada.id, "EVE@example.com")
    google = await town.sign_in_up()
    for user_id in (google.id, "nobody"):
        with pytest.raises(UserNotFound):
            await users.update_password(user_id, NEW)
    assert [ada, eve] == (await users.list(newest_first=False, recipe_ids=["emailpassword"])).users
