"""What was known before a restart is known after it: nothing that refuses a token is kept in memory. Security 4.4."""

import pytest

from tests.sessions.nodes import ManualClock, find_row, refresh_token_of, sign_in, start_node
from watchword.database.database import Database
from watchword.sessions.engine import SessionEngine
from watchword.sessions.errors import TokenTheftDetected, TryAgain
from watchword.sessions.refresh import refresh

SETTLED_MS = 131_000
GENERATIONS = 4


async def replaced_tokens(db: Database, clock: ManualClock) -> tuple[str, list[str], str]:
    """A session that was refreshed by a new process each time: its handle, its replaced tokens, its living one."""
    granted = await sign_in(await start_node(db, clock))
    handle, tokens = granted.access_token.handle, [refresh_token_of(granted)]
    for _ in range(GENERATIONS):
        clock.turn(SETTLED_MS)
        tokens.append(refresh_token_of(await refresh(await start_node(db, clock), tokens[-1])))
    return handle, tokens[:-2], tokens[-1]


async def test_a_restart_makes_no_replaced_token_good_again(
    node: SessionEngine, other_db: Database, clock: ManualClock
) -> None:
    """Attack: copy a token, wait until it is replaced, and present it after the next restart (Keycloak CVE-2026-9802).

    Every older generation, at a process that has just started: refused softly right after the last promotion,
    and later as theft, which ends the session.
    """
    for generation in range(GENERATIONS - 1):
        handle, replaced, living = await replaced_tokens(node.db, clock)
        assert GENERATIONS - 1 == len(replaced)
        with pytest.raises(TryAgain):
            await refresh(await start_node(other_db, clock), replaced[generation])
        clock.turn(SETTLED_MS)
        assert (await refresh(await start_node(node.db, clock), living)).issued.refresh_token is not None
        clock.turn(SETTLED_MS)
        with pytest.raises(TokenTheftDetected):
            await refresh(await start_node(other_db, clock), replaced[generation])
        assert await find_row(node.db, handle) is None
