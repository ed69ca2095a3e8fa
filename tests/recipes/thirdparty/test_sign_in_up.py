"""A person comes back from a provider: one user per identity, whatever happens at once."""

import asyncio
from typing import Any

import pytest

from tests.deletion import delete_user
from tests.recipes.engine import count, make_tenant
from tests.recipes.thirdparty.conftest import Visitor, corp, visitor_of
from tests.recipes.thirdparty.double import ProviderDouble
from watchword.accounts.users import User
from watchword.database.database import Database
from watchword.errors import BadInput, SignInUpNotAllowed
from watchword.recipes.api import Answer
from watchword.recipes.emailpassword.recipe import EmailPassword
from watchword.recipes.engine import Engine
from watchword.recipes.session_feature import SessionFeature, ThirdPartyContext
from watchword.recipes.thirdparty.errors import NoEmailGivenByProvider
from watchword.recipes.thirdparty.functions import SignInUpResult
from watchword.recipes.thirdparty.recipe import ThirdParty


def user_of(answer: Answer) -> User:
    """The user of an answer that has one."""
    assert {"status": "OK"} == answer.body
    assert answer.user is not None
    assert answer.session is not None
    return answer.user


async def test_the_first_sign_in_makes_a_user_and_the_second_finds_it(visitor: Visitor) -> None:
    """`createdNewRecipeUser` is true once; both times it is the same user, with a session each."""
    first, second = await visitor.sign_in_up(), await visitor.sign_in_up()

    assert [True, False] == [first.created_new_recipe_user, second.created_new_recipe_user]
    assert user_of(first) == user_of(second)
    user = user_of(second)
    assert user.third_party is not None
    assert ("corp", "248289761001") == (user.third_party.id, user.third_party.user_id)
    assert ("ada@example.com", True) == (user.email, user.login_methods[0].verified)
    assert first.session is not None
    assert second.session is not None
    assert first.session.handle != second.session.handle
    assert (user.id, user.id) == (second.session.user_id, second.recipe_user_id)


async def test_two_first_sign_ins_at_once_make_one_user(visitor: Visitor, db: Database) -> None:
    """The database decides the race; the loser signs in, and leaves nothing behind."""
    attempts = [await visitor.attempt() for _ in range(6)]

    answers = await asyncio.gather(*(visitor.post(attempt) for attempt in attempts))

    assert 1 == len({user_of(answer).id for answer in answers})
    assert 1 == sum(answer.created_new_recipe_user is True for answer in answers)
    assert [1, 1, 1] == [await count(db, table) for table in ("users", "login_methods", "thirdparty_users")]


async def test_an_address_that_changed_at_the_provider_is_stored(visitor: Visitor, double: ProviderDouble) -> None:
    """It is the same user with the new address; the old proof says nothing about it (TK-8)."""
    before = user_of(await visitor.sign_in_up())
    double.person |= {"email": " Lovelace@Example.com", "email_verified": False}

    after = user_of(await visitor.sign_in_up())

    assert (before.id, "lovelace@example.com") == (after.id, after.email)
    assert [True, False] == [user.login_methods[0].verified for user in (before, after)]


async def test_a_verified_address_stays_verified(visitor: Visitor, double: ProviderDouble) -> None:
    """A later sign-in at which the provider says nothing takes nothing back, one that says yes adds it."""
    double.person["email_verified"] = False
    assert not user_of(await visitor.sign_in_up()).login_methods[0].verified
    double.person["email_verified"] = True
    assert user_of(await visitor.sign_in_up()).login_methods[0].verified
    del double.person["email_verified"]
    assert user_of(await visitor.sign_in_up()).login_methods[0].verified


async def test_a_person_is_known_by_the_subject_never_by_the_address(
    visitor: Visitor, double: ProviderDouble, db: Database
) -> None:
    """An attacker takes over an address or a name at the provider: another subject, so another user (OA-7)."""
    ada = user_of(await visitor.sign_in_up())
    double.person |= {"sub": "666", "preferred_username": "ada"}

    attacker = user_of(await visitor.sign_in_up())

    assert ada.id != attacker.id
    assert ada.email == attacker.email
    assert 2 == await count(db, "users")


async def test_ids_that_differ_in_case_only_are_two_people(visitor: Visitor, double: ProviderDouble) -> None:
    """A case-insensitive collation would make them one (DB-6)."""
    double.person["sub"] = "aBc"
    first = user_of(await visitor.sign_in_up())
    double.person["sub"] = "abc"
    assert first.id != user_of(await visitor.sign_in_up()).id


async def test_a_password_user_with_the_same_address_is_somebody_else(visitor: Visitor, engine: Engine) -> None:
    """Nothing is linked by address: who only has the address must not get the password user's account (OA-9)."""
    password_recipe = EmailPassword()
    password_recipe.bind(engine)
    with_password = await password_recipe.sign_up(
        "ada@example.com", "correct horse 1", tenant_id="public", user_context={}
    )
    with_provider = user_of(await visitor.sign_in_up())
    assert with_password.id != with_provider.id
    assert with_password.email == with_provider.email


async def test_tenants_do_not_know_each_others_people(visitor: Visitor, engine: Engine) -> None:
    """One identity is one user per tenant (TN-2)."""
    await make_tenant(engine, "customers")
    here = user_of(await visitor.sign_in_up())
    there = user_of(await visitor.post(await visitor.attempt(), tenant_id="customers"))
    assert here.id != there.id
    assert [("public",), ("customers",)] == [here.tenant_ids, there.tenant_ids]


async def test_an_unknown_tenant_is_refused(visitor: Visitor, db: Database) -> None:
    """By name, and without a trace."""
    with pytest.raises(BadInput) as refused:
        await visitor.post(await visitor.attempt(), tenant_id="nowhere")
    assert "tenantId" == refused.value.field
    assert 0 == await count(db, "users")


async def test_another_issuer_with_the_same_subject_is_refused(
    visitor: Visitor, engine: Engine, double: ProviderDouble, other_double: ProviderDouble
) -> None:
    """An entry is pointed at another issuer, where somebody else has Ada's subject: not Ada, so no sign-in (OA-7)."""
    ada = user_of(await visitor.sign_in_up())
    moved = visitor_of(engine, corp(other_double))
    with pytest.raises(SignInUpNotAllowed):
        await moved.sign_in_up()

    renamed = visitor_of(engine, corp(other_double, former_issuers=[double.issuer]))
    assert ada.id == user_of(await renamed.sign_in_up()).id
    assert ada.id == user_of(await moved.sign_in_up()).id


@pytest.mark.parametrize("absent", [None, "", "left out"])
async def test_without_an_address_nobody_signs_in_unless_allowed(
    visitor: Visitor, engine: Engine, double: ProviderDouble, db: Database, absent: str | None
) -> None:
    """`NO_EMAIL_GIVEN_BY_PROVIDER`; with `require_email=False` the contract's placeholder, verified."""
    double.person["email"] = absent
    if absent == "left out":
        del double.person["email"]
    with pytest.raises(NoEmailGivenByProvider):
        await visitor.sign_in_up()
    assert 0 == await count(db, "users")

    lenient = visitor_of(engine, corp(double, require_email=False))
    user = user_of(await lenient.sign_in_up())
    assert "248289761001.corp@stfakeemail.supertokens.com" == user.email
    assert user.login_methods[0].verified


async def test_a_placeholder_never_replaces_an_address(engine: Engine, double: ProviderDouble) -> None:
    """A sign-in without the e-mail scope leaves the address that an earlier one told; a real one replaces it."""
    visitor = visitor_of(engine, corp(double, require_email=False))
    double.person["sub"] = "an id, with blanks"
    double.person["email"] = None
    assert "stfakeemail" in str(user_of(await visitor.sign_in_up()).email)
    double.person["email"] = "ada@example.com"
    assert "ada@example.com" == user_of(await visitor.sign_in_up()).email
    double.person["email"] = None
    assert ("ada@example.com", True) == address_of(user_of(await visitor.sign_in_up()))


def address_of(user: User) -> tuple[str | None, bool]:
    """The address and whether it counts as verified."""
    return user.email, user.login_methods[0].verified


async def test_hooks_are_told_the_provider_the_token_answer_and_the_profile(
    engine: Engine, double: ProviderDouble
) -> None:
    """`context` as the seed has it, the action by whether the user is new; tokens only there (OA-11)."""
    told: list[tuple[User, ThirdPartyContext, str]] = []

    def set_jwt_payload(user: User, context: ThirdPartyContext, action: str) -> dict[str, Any]:
        told.append((user, context, action))
        return {"role": "member"}

    visitor = visitor_of(engine, corp(double), session_feature=SessionFeature(set_jwt_payload=set_jwt_payload))
    answers = [await visitor.sign_in_up(), await visitor.sign_in_up()]

    assert ["signup", "signin"] == [action for _, _, action in told]
    user, context, _ = told[0]
    assert user_of(answers[0]) == user
    assert ("thirdparty", "corp") == (context.login_type, context.third_party_id)
    tokens = context.third_party_auth_code_response
    assert {"access_token", "id_token", "token_type", "expires_in"} == set(tokens)
    assert "Ada" == context.raw_user_info["from_user_info_api"]["name"]
    assert double.issuer == context.raw_user_info["from_id_token_payload"]["iss"]
    session = answers[0].session
    assert session is not None
    assert {"role": "member"} == session.jwt_payload
    for secret in (tokens["access_token"], tokens["id_token"]):
        assert secret not in repr((answers[0], context))
        assert secret not in str(session.access_token_payload)


async def test_an_override_sees_the_tokens_and_may_refuse(engine: Engine, double: ProviderDouble, db: Database) -> None:
    """`sign_in_up` is the place to keep the provider's tokens, or to say no; nothing is stored before (V014, D041)."""
    kept: list[str] = []

    class Invited(ThirdParty):
        async def sign_in_up(self, third_party_id: str, third_party_user_id: str, **named: Any) -> SignInUpResult:
            if named["email"] != "ada@example.com":
                raise SignInUpNotAllowed("By invitation only.")
            result = await super().sign_in_up(third_party_id, third_party_user_id, **named)
            kept.append(result.oauth_tokens["access_token"])
            return result

    recipe = Invited(providers=[corp(double)])
    recipe.bind(engine)
    visitor = Visitor(recipe)
    user_of(await visitor.sign_in_up())
    double.person |= {"sub": "2", "email": "eve@example.com"}
    with pytest.raises(SignInUpNotAllowed):
        await visitor.sign_in_up()
    assert 1 == len(kept)
    assert 1 == await count(db, "users")


async def test_a_deleted_user_takes_the_identity_along(visitor: Visitor, engine: Engine, db: Database) -> None:
    """Afterwards the same person is a new user."""
    first = user_of(await visitor.sign_in_up())
    await db.write(lambda tx: delete_user(tx, engine.app_id, first.id))
    assert 0 == await count(db, "thirdparty_users")
    again = await visitor.sign_in_up()
    assert again.created_new_recipe_user
    assert first.id != user_of(again).id
