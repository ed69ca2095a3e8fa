"""One event, one line: a text of the application's cannot write a second one. Source: security LG-3."""

import logging

import pytest

from tests.sessions.nodes import ManualClock, make_tables, refresh_token_of, sign_in, start_node
from watchword.database.database import Database
from watchword.sessions.errors import TokenTheftDetected
from watchword.sessions.refresh import refresh


async def test_a_user_id_cannot_forge_a_line_of_the_log(
    db: Database, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Attack: sign up at an application that takes user names as user ids, with a name of two lines.

    The log of a theft would say in its second line whatever the name says.
    """
    await make_tables(db)
    node = await start_node(db, clock, settle_ms=0, soft_window_ms=0)
    granted = await sign_in(node, "ada\nERROR watchword: signing key leaked\x1b[2K")
    stolen = refresh_token_of(granted)
    child = refresh_token_of(await refresh(node, stolen))
    await refresh(node, child)
    with caplog.at_level(logging.DEBUG), pytest.raises(TokenTheftDetected):
        await refresh(node, stolen)
    (line,) = [record.getMessage() for record in caplog.records if "token theft" in record.getMessage()]
    assert line.isprintable()
    assert "'ada\\nERROR" in line
