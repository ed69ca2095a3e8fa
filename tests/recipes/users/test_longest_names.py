"""What names something has a greatest length, up to which it can be stored, indexed and found again."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.recipes.users.conftest import Town, make_town
from tests.recipes.users.tables import dump
from tests.site import PASSWORD
from watchword.errors import BadInput, HookFailed
from watchword.identifiers import LONGEST_EMAIL, LONGEST_ID, LONGEST_NAME, LONGEST_PATH_PIECE
from watchword.ids import RandomIds
from watchword.recipes import UserRoles
from watchword.recipes.multitenancy.recipe import Multitenancy
from watchword.transfer.errors import RecordRefused
from watchword.transfer.records import read_record

Write = Callable[[Town, str], Awaitable[Any]]


@dataclass
class ChosenIds(RandomIds):
    """Makes the ids that a test wants."""

    next_id: str | None = None

    def user_id(self) -> str:
        """The wanted one, or any."""
        return self.next_id or super().user_id()

    def session_handle(self) -> str:
        """The same."""
        return self.next_id or super().session_handle()


def recipe_of(town: Town, kind: type[Any]) -> Any:
    """One recipe of the application."""
    return next(recipe for recipe in town.auth.recipe_list if isinstance(recipe, kind))


async def give_role(town: Town, name: str, *, user_id: str = "7") -> None:
    """A role with a permission, both of this name, for somebody."""
    roles = recipe_of(town, UserRoles)
    await roles.create_or_add_permissions(name, [name])
    await roles.add_to_user(user_id, name)
    assert name in await roles.list_permissions_for_user(user_id)


async def give_any_role(town: Town, user_id: str) -> None:
    """A role for somebody with this id."""
    await give_role(town, "member", user_id=user_id)


async def map_id(town: Town, user_id: str) -> None:
    """An id from elsewhere for a new user."""
    user = await town.sign_up(f"{random.SystemRandom().getrandbits(64)}@example.com")
    await town.auth.users.create_id_mapping(user.id, user_id)
    assert user_id == (await town.auth.users.get(user.id)).id


async def note(town: Town, user_id: str) -> None:
    """Metadata of somebody with this id, a session and an event."""
    await town.auth.users.merge_into_metadata(user_id, {user_id: 1})
    session = await town.auth.sessions.create(user_id)
    await town.auth.sessions.revoke(session.handle)
    assert {user_id} == {event.user_id for event in await town.auth.audit.list(user_id=user_id)}


async def make_user(town: Town, user_id: str) -> None:
    """A user with an id of the application's making."""
    ids = town.auth._engine.ids
    assert isinstance(ids, ChosenIds)
    ids.next_id = user_id
    try:
        assert user_id == (await town.sign_up(f"{random.SystemRandom().getrandbits(64)}@example.com")).id
    finally:
        ids.next_id = None


async def make_session(town: Town, handle: str) -> None:
    """A session with a handle of the application's making, which is ended before its time."""
    ids = town.auth._engine.ids
    assert isinstance(ids, ChosenIds)
    ids.next_id = handle
    try:
        assert handle == (await town.auth.sessions.create("7")).handle
    finally:
        ids.next_id = None
    assert await town.auth.sessions.revoke(handle)


async def sign_up(town: Town, address: str) -> None:
    """A user name in place of an address, which an application may allow; half of it looks like a domain."""
    await town.recipe.sign_up(address, PASSWORD, tenant_id="public", user_context={})
    assert await town.auth.users.list_by_account_info(email=address)


async def come_from_a_provider(town: Town, third_party_user_id: str) -> None:
    """Somebody whom a provider knows under this id."""
    user = await town.sign_in_up(third_party_user_id)
    assert [user] == await town.auth.users.list_by_account_info(third_party=("google", third_party_user_id))


async def come_from(town: Town, provider: str) -> None:
    """Somebody from a provider with this id."""
    await town.sign_in_up("7", provider=provider)


async def make_tenant(town: Town, tenant_id: str) -> None:
    """A tenant, with somebody in it who has a role there."""
    await recipe_of(town, Multitenancy).create_or_update(tenant_id)
    await town.sign_up("ada@example.com", tenant_id=tenant_id)


#: What is written, how long its name may be, which field is refused, and whether any letter may stand in it.
NAMES: dict[str, tuple[Write, int, str, bool]] = {
    "role": (give_role, LONGEST_NAME, "role", True),
    "user id with a role": (give_any_role, LONGEST_ID, "user_id", True),
    "id from elsewhere": (map_id, LONGEST_ID, "external_user_id", True),
    "id with metadata": (note, LONGEST_ID, "user_id", True),
    "user id of ours": (make_user, LONGEST_ID, "ids.user_id", True),
    "handle": (make_session, LONGEST_ID, "ids.session_handle", True),
    "address": (sign_up, LONGEST_EMAIL, "email", True),
    "id at a provider": (come_from_a_provider, LONGEST_NAME, "third_party_user_id", True),
    "provider": (come_from, LONGEST_PATH_PIECE, "third_party_id", True),
    "tenant": (make_tenant, LONGEST_PATH_PIECE, "tenantId", False),
}


def text_of(seed: int, length: int, *, any_letter: bool, address: bool = False) -> str:
    """Letters that no compression makes shorter: four bytes each in UTF-8, where that may be."""
    chance = random.Random(seed)  # noqa: S311 - text for a test
    first, last = (0x20000, 0x2A6DF) if any_letter else (ord("a"), ord("z"))
    letters = "".join(chr(chance.randint(first, last)) for _ in range(length))
    return f"{letters[0]}@{letters[2:]}" if address else letters


@pytest.fixture
async def town(database_url: str) -> AsyncIterator[Town]:
    """A town whose ids are made by the application."""
    town = make_town(database_url, ids=ChosenIds())
    await town.auth.start()
    yield town
    await town.auth.stop()


@pytest.mark.parametrize("name", list(NAMES))
@settings(max_examples=2, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(seed=0, beyond=20_000)
@example(seed=1, beyond=0)
@example(seed=2, beyond=1)
@given(seed=st.integers(0, 2**64), beyond=st.sampled_from([0, -1, 1]))
async def test_names_up_to_the_greatest_length_are_stored_and_longer_ones_refused(
    town: Town, name: str, seed: int, beyond: int
) -> None:
    """At the boundary it is written and found on both databases; beyond, the field is named and nothing is written.

    Whoever can choose an id would otherwise make an error of the database's out of it, by its size in an index.
    """
    write, longest, field, any_letter = NAMES[name]
    text = text_of(seed, longest + beyond, any_letter=any_letter, address=write is sign_up)
    if beyond <= 0:
        await write(town, text)
        return
    with pytest.raises((BadInput, HookFailed)) as caught:
        await write(town, text)
    refused = caught.value
    assert field == (refused.field if isinstance(refused, BadInput) else refused.hook)
    assert text not in str(await dump(town.auth._db))


@pytest.mark.parametrize(
    ("member", "record"),
    {
        "externalUserId": {"externalUserId": "x" * (LONGEST_ID + 1)},
        "userRoles.role": {"userRoles": [{"role": "x" * (LONGEST_NAME + 1)}]},
        "loginMethods[0].thirdPartyId": {"loginMethods": [{"thirdPartyId": "x" * (LONGEST_PATH_PIECE + 1)}]},
        "loginMethods[0].thirdPartyUserId": {"loginMethods": [{"thirdPartyUserId": "x" * (LONGEST_NAME + 1)}]},
        "loginMethods[0].email": {"loginMethods": [{"email": "x" * LONGEST_EMAIL + "@example.com"}]},
        "loginMethods[0].externalUserId": {"loginMethods": [{"externalUserId": "x" * (LONGEST_ID + 1)}]},
    }.items(),
)
def test_an_import_refuses_names_that_are_too_long(member: str, record: dict[str, Any]) -> None:
    """The line is refused by the member at fault."""
    method = {"recipeId": "thirdparty", "thirdPartyId": "google", "thirdPartyUserId": "7", "email": "ada@example.com"}
    methods = [method | changed for changed in record.get("loginMethods", [{}])]
    with pytest.raises(RecordRefused) as caught:
        read_record({**record, "loginMethods": methods})
    assert member == caught.value.member
