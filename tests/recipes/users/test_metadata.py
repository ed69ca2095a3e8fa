"""What the application notes about people: merged one level deep, as SuperTokens does. Mission V027, D125."""

import asyncio

import pytest

from tests.recipes.users.conftest import Town
from watchword.accounts.metadata import MAX_METADATA_BYTES
from watchword.errors import BadInput, InvalidPayload


async def test_notes_are_merged_one_level_deep(town: Town) -> None:
    """A key replaces whole, `None` removes it, and inside of a value it stays. Source: CDI 11."""
    users = town.auth.users
    assert {} == await users.get_metadata("ada")
    first = await users.merge_into_metadata("ada", {"theme": "dark", "seen": {"tour": True, "news": None}})
    assert {"theme": "dark", "seen": {"tour": True, "news": None}} == first == await users.get_metadata("ada")
    assert {"seen": {"news": 1}} == await users.merge_into_metadata("ada", {"theme": None, "seen": {"news": 1}})
    assert {"seen": {"news": 1}} == await users.merge_into_metadata("ada", {"never": None})
    await users.clear_metadata("ada")
    assert {} == await users.get_metadata("ada")
    await users.clear_metadata("ada")


async def test_merges_at_the_same_moment_all_survive(town: Town) -> None:
    """Twenty writers on a person of whom nothing was noted: twenty keys."""
    users = town.auth.users
    await asyncio.gather(*(users.merge_into_metadata("ada", {f"key {n}": n}) for n in range(20)))
    assert {f"key {n}": n for n in range(20)} == await users.get_metadata("ada")


async def test_what_cannot_be_noted_changes_nothing(town: Town) -> None:
    """No JSON, too much at once, too much together, and ids that cannot be: each named, nothing half-written."""
    users = town.auth.users
    half = "x" * (MAX_METADATA_BYTES // 2)
    await users.merge_into_metadata("ada", {"half": half})
    for wrong in ({"when": object()}, {"all": 2 * half}, {"other half": half}, ["a list"]):
        with pytest.raises(InvalidPayload) as caught:
            await users.merge_into_metadata("ada", wrong)  # type: ignore[arg-type]
        assert "metadata" == caught.value.field
    assert {"half": half} == await users.get_metadata("ada")
    for call in (users.get_metadata(""), users.merge_into_metadata("\0", {}), users.clear_metadata("\ud800")):
        with pytest.raises(BadInput):
            await call
