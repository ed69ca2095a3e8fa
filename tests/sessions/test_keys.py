"""Signing keys on real databases: one per slot whoever makes it, sealed, rotated under traffic. Source: JW-6, JW-7."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.sessions.nodes import DAY, HOUR, MINUTE, ManualClock, make_tables, sign_in, start_node
from watchword.database.database import Database, Row
from watchword.database.open import open_database
from watchword.database.statements import Statement
from watchword.errors import ConfigurationError, StorageUnavailable
from watchword.sessions import verify
from watchword.sessions.engine import SessionEngine
from watchword.sessions.errors import TryRefreshToken

LIST_KEYS = Statement("select * from {signing_keys} order by slot")
WEEK = 7 * DAY


def kids(jwks: dict[str, Any]) -> list[str]:
    """The ids in a JWKS."""
    return [key["kid"] for key in jwks["keys"]]


@pytest.fixture
async def databases(database_url: str, db: Database) -> AsyncIterator[list[Database]]:
    """One database, opened eight times, as eight processes do."""
    await make_tables(db)
    opened = [open_database(database_url) for _ in range(7)]
    for database in opened:
        await database.start()
    yield [db, *opened]
    await asyncio.gather(*(database.stop() for database in opened))


async def test_processes_that_start_together_make_one_key(databases: list[Database], clock: ManualClock) -> None:
    """F-18, JW-7: eight at once on an empty database; all sign with the one key that is stored."""
    nodes = await asyncio.gather(*(start_node(database, clock) for database in databases))

    keys = [await node.keys.get_signing_key() for node in nodes]
    assert 1 == len({key.kid for key in keys})
    assert 1 == len(await databases[0].list(LIST_KEYS))
    token = (await sign_in(nodes[0])).issued.access_token
    for node in nodes:
        assert "ada" == (await verify.verify_access_token(node, token)).user_id


async def test_processes_that_rotate_together_make_one_key(databases: list[Database], clock: ManualClock) -> None:
    """The same when the next key is due."""
    nodes = await asyncio.gather(*(start_node(database, clock) for database in databases))
    clock.turn(WEEK - MINUTE)

    await asyncio.gather(*(node.keys.get_signing_key() for node in nodes))

    assert [0, 1] == [row["slot"] for row in await databases[0].list(LIST_KEYS)]
    jwks = [await node.keys.get_jwks() for node in nodes]
    assert all(one == jwks[0] for one in jwks)


async def test_key_rotates_under_traffic_without_a_refusal(
    node: SessionEngine, other_node: SessionEngine, clock: ManualClock
) -> None:
    """Line 49, F-17: every token verifies on both nodes through two rotations, and JWKS always has its key."""
    seen: set[str] = set()
    for _ in range(2 * 7 * 24 * 2):
        clock.turn(30 * MINUTE)
        token = (await sign_in(node)).access_token
        seen.add(token.kid)
        for one in (node, other_node):
            assert token.handle == (await verify.verify_access_token(one, token.text)).handle
        assert token.kid in kids(await other_node.keys.get_jwks())
    assert 2 <= len(seen) <= 3


async def test_new_key_is_in_jwks_before_it_signs_and_the_old_one_until_its_tokens_expire(
    node: SessionEngine, clock: ManualClock
) -> None:
    """FDI 5.4: fifteen minutes ahead; then both, until the last token of the old one is dead; then the new one."""
    old = (await node.keys.get_signing_key()).kid
    clock.turn(WEEK - 15 * MINUTE - 1)
    assert [old] == kids(await node.keys.get_jwks())
    clock.turn(MINUTE)

    both = kids(await node.keys.get_jwks())
    assert 2 == len(both)
    assert old == (await node.keys.get_signing_key()).kid
    clock.turn(15 * MINUTE)
    token = await sign_in(node)
    assert both == [old, token.access_token.kid]

    clock.turn(HOUR + MINUTE)
    assert both == kids(await node.keys.get_jwks())
    clock.turn(MINUTE)
    assert both[1:] == kids(await node.keys.get_jwks())
    assert node.keys.find_verification_key(old) is None


async def test_jwks_holds_public_members_only(node: SessionEngine, clock: ManualClock) -> None:
    """JW-10: no `d`, `p`, `q`; for RSA as well."""
    rsa = await start_node(node.db, clock, signing_key_algorithm="RS256")
    clock.turn(MINUTE)

    jwks = await rsa.keys.get_jwks()

    assert {"RSA", "OKP"} == {key["kty"] for key in jwks["keys"]}
    members = {member for key in jwks["keys"] for member in key}
    assert {"kty", "kid", "alg", "use", "n", "e", "crv", "x"} == members


async def test_private_key_is_sealed_at_rest(node: SessionEngine) -> None:
    """JW-7: the row holds neither the key nor anything that reads as one, and opens only as the key it is."""
    rows: list[Row] = await node.db.list(LIST_KEYS)
    private = (await node.keys.get_signing_key()).to_bytes()

    sealed = bytes(rows[0]["sealed_private_key"])

    assert private not in sealed
    assert private[-32:] not in sealed


async def test_wrong_secret_stops_the_start_in_words(node: SessionEngine, clock: ManualClock) -> None:
    """SC: another secret than the one the keys were sealed with; the message says what to set."""
    with pytest.raises(ConfigurationError, match=r"^secret: does not open the signing keys .* set the secret"):
        await start_node(node.db, clock, secret="another secret of the tests, 32 bytes")


async def test_secret_changes_without_signing_anyone_out(
    node: SessionEngine, other_db: Database, clock: ManualClock
) -> None:
    """LG-6: a ring with the new secret in front opens the old keys; its new ones open only there, and nobody stops."""
    token = await sign_in(node)
    ring = ["another secret of the tests, 32 bytes", "a secret of the tests, over 32 bytes"]
    changed = await start_node(other_db, clock, secret=ring)
    assert token.access_token == await verify.verify_access_token(changed, token.issued.access_token)

    clock.turn(WEEK - MINUTE)
    await changed.keys.get_signing_key()
    clock.turn(15 * MINUTE)
    newer = (await sign_in(changed)).access_token
    older = (await sign_in(node)).access_token

    assert older.kid != newer.kid
    assert "ada" == (await verify.verify_access_token(node, newer.text)).user_id
    assert "ada" == (await verify.verify_access_token(changed, older.text)).user_id


async def test_old_secret_can_go_after_one_start_with_both(db: Database, clock: ManualClock) -> None:
    """LG-6: a static key lives for years; it is sealed anew, so that the secret it was made under need not."""
    await make_tables(db)
    old, new = "a secret of the tests, over 32 bytes", "another secret of the tests, 32 bytes"
    first = await start_node(db, clock, secret=old, use_dynamic_access_token_signing_key=False)
    token = (await sign_in(first)).access_token
    await start_node(db, clock, secret=[new, old], use_dynamic_access_token_signing_key=False)

    after = await start_node(db, clock, secret=new, use_dynamic_access_token_signing_key=False)

    assert token == await verify.verify_access_token(after, token.text)
    assert token.kid == (await sign_in(after)).access_token.kid


async def test_flood_of_unknown_kids_causes_one_reload_in_ten_seconds(
    node: SessionEngine, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """JW-6. An attacker sends tokens that name keys nobody has, to make every request ask the database."""
    other_app = await start_node(node.db, clock, app_id="other")
    foreign = [(await sign_in(other_app)).issued.access_token for _ in range(20)]
    asked: list[str] = []
    listing = node.db.list

    async def counting(statement: Statement, **parameters: Any) -> list[Row]:
        asked.append(statement.text)
        return await listing(statement, **parameters)

    monkeypatch.setattr(node.db, "list", counting)
    for wait in (0, 9_999, 1):
        clock.turn(wait)
        answers = await asyncio.gather(
            *(verify.verify_access_token(node, token) for token in foreign), return_exceptions=True
        )
        assert {TryRefreshToken} == {type(answer) for answer in answers}

    assert 2 == len(asked)


async def test_key_that_another_process_made_is_found_at_once(
    node: SessionEngine, other_node: SessionEngine, clock: ManualClock
) -> None:
    """Line 49: an unknown `kid` causes one reload; requests that come together wait for it."""
    clock.turn(WEEK)
    await other_node.keys.get_signing_key()
    clock.turn(15 * MINUTE)
    tokens = [(await sign_in(other_node)).issued.access_token for _ in range(5)]
    assert node.keys.find_verification_key((await other_node.keys.get_signing_key()).kid) is None

    verified = await asyncio.gather(*(verify.verify_access_token(node, token) for token in tokens))

    assert ["ada"] * 5 == [token.user_id for token in verified]


async def test_switching_between_rotating_and_static_keys_sends_clients_to_refresh(
    node: SessionEngine, other_db: Database, clock: ManualClock
) -> None:
    """Line 50: old tokens get `try refresh token`, new ones have the other prefix; a static key stays for years."""
    static = await start_node(other_db, clock, use_dynamic_access_token_signing_key=False)
    before = (await sign_in(node)).issued.access_token

    with pytest.raises(TryRefreshToken):
        await verify.verify_access_token(static, before)

    token = (await sign_in(static)).access_token
    assert token.kid.startswith("s-")
    assert token == await verify.verify_access_token(static, token.text)
    with pytest.raises(TryRefreshToken):
        await verify.verify_access_token(node, token.text)
    clock.turn(3 * 365 * DAY)
    assert token.kid == (await sign_in(static)).access_token.kid


async def test_longer_tokens_keep_the_keys_longer(node: SessionEngine, other_db: Database, clock: ManualClock) -> None:
    """A process set to a longer life for access tokens tells the others, through the database, to keep the key."""
    old = (await node.keys.get_signing_key()).kid
    await start_node(other_db, clock, access_token_validity_ms=DAY)

    clock.turn(WEEK)
    await node.keys.get_signing_key()
    clock.turn(15 * MINUTE + DAY)
    await node.keys.get_jwks()

    assert node.keys.find_verification_key(old) is not None
    clock.turn(2 * MINUTE)
    assert node.keys.find_verification_key(old) is None


async def test_database_that_is_away_does_not_stop_signing(
    node: SessionEngine, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """F-06: the minute's look fails; the keys at hand go on, and the log says so."""

    async def away(*_: Any, **__: Any) -> list[Row]:
        raise StorageUnavailable("the database does not answer")

    monkeypatch.setattr(node.db, "list", away)
    clock.turn(2 * MINUTE)

    key = await node.keys.get_signing_key()

    assert [key.kid] == kids(await node.keys.get_jwks())
    assert "could not be looked up" in caplog.text
    clock.turn(2 * MINUTE)
