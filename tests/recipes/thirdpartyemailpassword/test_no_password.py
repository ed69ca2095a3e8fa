"""Somebody who has no password: a try with one costs what a wrong one costs. Source: security PW-10, EN-1."""

import threading
from dataclasses import replace

import pytest

from watchword.crypto.passwords import PasswordHasher
from watchword.recipes.emailpassword.errors import WrongCredentials
from watchword.recipes.engine import Engine
from watchword.recipes.thirdpartyemailpassword.recipe import ThirdPartyEmailPassword

ADA = "ada@example.com"


@pytest.mark.parametrize("password", ["correct horse 1", ""])
async def test_a_provider_s_person_has_no_password_and_costs_a_hash(engine: Engine, password: str) -> None:
    """Attack: find out, by the time it takes, who has an account without a password; or get in with none at all.

    The pool makes its first thread with its first work, so a thread shows that a hash was made.
    """
    known = ThirdPartyEmailPassword()
    known.bind(engine)
    await known.sign_in_up(
        "corp", "1", email=ADA, is_verified=True, oauth_tokens={}, raw_user_info={}, tenant_id="public", user_context={}
    )
    hasher = PasswordHasher(workers=1)
    recipe = ThirdPartyEmailPassword()
    recipe.bind(replace(engine, passwords=hasher))
    before = set(threading.enumerate())
    with pytest.raises(WrongCredentials):
        await recipe.sign_in(ADA, password, tenant_id="public", user_context={})
    made = [thread.name for thread in set(threading.enumerate()) - before]
    assert 1 == sum(name.startswith("watchword-password") for name in made)
    hasher.stop()
