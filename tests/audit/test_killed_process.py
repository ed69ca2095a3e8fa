"""A process that records, chains and erases without a pause is killed: what it had acknowledged is there, and whole."""

import asyncio
import sys

from tests.audit.logs import SECRET, chain, new_log, problems, rows
from watchword.audit.log import AuditLog
from watchword.clock import SystemClock
from watchword.database.database import Database

PROGRAM = f"""
import asyncio, sys
from tests.audit.logs import new_log
from watchword.audit import chain
from watchword.audit.events import SecurityEvent
from watchword.clock import SystemClock
from watchword.database.open import open_database

chain.BATCH_SIZE = 3

async def main(url):
    db = open_database(url)
    await db.start()
    log = new_log(db, SystemClock(), secret={SECRET!r})
    writer = await log.open()
    for number in range(10**9):
        event = SecurityEvent("sign_in", user_id="ada", facts={{"number": number}})
        await db.write(lambda tx: log.record(tx, event))
        print(number, flush=True)
        if number % 4 == 3:
            await writer.chain_all()
        if number % 10 == 9:
            await db.write(lambda tx: log.erase_user(tx, "ada"))

asyncio.run(main(sys.argv[1]))
"""


async def test_a_killed_process_leaves_a_whole_log(db: Database, audit: AuditLog, database_url: str) -> None:
    """SIGKILL at any moment: every acknowledged event is there, the chain holds, and another process goes on."""
    acknowledged = 0
    for lines in (5, 23):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, database_url, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        for _ in range(lines):
            assert await process.stdout.readline()
            acknowledged += 1
        process.kill()
        acknowledged += len((await process.stdout.read()).split())
        await process.wait()

        assert [] == await problems(db)
        assert acknowledged <= len([row for row in await rows(db) if row["kind"] == "sign_in"])
    later = new_log(db, SystemClock())
    await later.open()
    await chain(db, later)
    assert [] == await problems(db)
