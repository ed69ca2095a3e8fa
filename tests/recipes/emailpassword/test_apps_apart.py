"""Two apps on one database with one secret: nothing of one is known in the other. Source: security TN-2, TK-2."""

from collections.abc import AsyncIterator, Sequence

import pytest

from tests.recipes.engine import running_engine
from watchword.database.database import Database
from watchword.errors import UserNotFound
from watchword.recipes.emailpassword import reset_operations
from watchword.recipes.emailpassword.errors import PasswordResetTokenInvalid, WrongCredentials
from watchword.recipes.emailpassword.recipe import EmailPassword
from watchword.recipes.engine import Engine

ADA, PASSWORD = "ada@example.com", "correct horse 1"


@pytest.fixture
async def apps(db: Database) -> AsyncIterator[Sequence[Engine]]:
    """The same tables, the same secret, the same name of a tenant."""
    async with running_engine(db) as one, running_engine(db, app_id="other") as other:
        yield one, other


def recipe_of(engine: Engine) -> EmailPassword:
    """A recipe of an app."""
    recipe = EmailPassword()
    recipe.bind(engine)
    return recipe


async def test_users_passwords_and_links_of_one_app_are_unknown_in_the_other(apps: Sequence[Engine]) -> None:
    """Attack: own an app beside the victim's, and bring ids, passwords and tokens from one to the other."""
    ours, theirs = recipe_of(apps[0]), recipe_of(apps[1])
    ada = await ours.sign_up(ADA, PASSWORD, tenant_id="public", user_context={})
    token = await reset_operations.create_reset_token(apps[0], "public", ada.id, ADA, 3_600_000)

    with pytest.raises(WrongCredentials):
        await theirs.sign_in(ADA, PASSWORD, tenant_id="public", user_context={})
    assert not await theirs.does_email_exist(ADA, tenant_id="public", user_context={})
    with pytest.raises(UserNotFound):
        await theirs.update_email_or_password(ada.id, password="thieves horse 2")
    with pytest.raises(PasswordResetTokenInvalid):
        await theirs.reset_password(token, "thieves horse 2", tenant_id="public", user_context={})

    impostor = await theirs.sign_up(ADA, "thieves horse 2", tenant_id="public", user_context={})
    with pytest.raises(PasswordResetTokenInvalid):  # also where somebody has that address
        await theirs.reset_password(token, "thieves horse 3", tenant_id="public", user_context={})
    assert ada.id != impostor.id
    assert ada == await ours.sign_in(ADA, PASSWORD, tenant_id="public", user_context={})
    await ours.reset_password(token, "correct horse 4", tenant_id="public", user_context={})
    assert impostor == await theirs.sign_in(ADA, "thieves horse 2", tenant_id="public", user_context={})


async def test_sessions_of_one_app_are_unknown_in_the_other(apps: Sequence[Engine]) -> None:
    """Attack: end or read a session by its handle, or all of a user, from the app beside it."""
    ours, theirs = (engine.sessions for engine in apps)
    session = await ours.create_new_session("ada", jwt_payload={}, session_data={"note": "private"})

    assert not await theirs.revoke_session(session.handle)
    assert [] == await theirs.revoke_all_sessions_for_user("ada")
    assert [] == await theirs.list_session_handles_for_user("ada")
    assert [session.handle] == await ours.list_session_handles_for_user("ada")
