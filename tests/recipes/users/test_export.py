"""All that is known about a person, as JSON, and nothing that would open their account. Docs: data.md."""

import json

import pytest

from tests.recipes.users.conftest import Town
from tests.recipes.users.test_deletion import settle
from watchword.errors import UserNotFound


async def test_an_export_is_whole_and_holds_no_secret(town: Town) -> None:
    """Every table with rows of people is in it; hashes and sealed texts are not, nor anybody else's rows."""
    await settle(town, "bystander")
    ada = await settle(town, "ada")
    exported = await town.auth.users.export(ada.id)
    text = json.dumps(exported)
    assert "bystander" not in text
    data = exported["data"]
    assert data.keys() == {table.name for table in town.auth.users.stored_tables if table.person is not None}
    filled = {table for table, rows in data.items() if rows}
    assert filled == data.keys() - {"thirdparty_users", "mail_outbox"} or filled == data.keys() - {"thirdparty_users"}
    assert [{"user_id": ada.id, "metadata": {"nickname": "ada"}}] == data["user_metadata"]
    assert {"AdaApp"} == {session["device"] for session in data["sessions"]}
    secrets = {column for table in town.auth.users.stored_tables for column in table.secret}
    assert not secrets & {column for rows in data.values() for row in rows for column in row}
    assert "argon2" not in text
    assert exported == json.loads(text)


async def test_nobody_is_exported_under_an_unknown_id(town: Town) -> None:
    """An empty answer could be taken for proof that nothing is stored."""
    with pytest.raises(UserNotFound):
        await town.auth.users.export("nobody")
