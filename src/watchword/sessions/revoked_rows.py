"""The table of revoked handles: written in the transaction that ends a session, read by every process.

Its moments are the database's: the clocks of several machines differ, and a reader that asks for what is
newer than its last look must not miss what a slow clock has stamped.
"""

from collections.abc import Sequence

from watchword.database.database import Transaction
from watchword.database.statements import Statement
from watchword.http.json import encode_json


async def record_revoked(tx: Transaction, app_id: str, handles: Sequence[str]) -> None:
    """Write down that sessions were ended, in the transaction that deleted them.

    To be called last in it: the shorter the time from the stamp to the commit, the less is read twice.
    """
    if handles:
        await tx.execute(INSERT_REVOKED, app_id=app_id, handles=encode_json(list(handles)).decode())


INSERT_REVOKED = Statement("""
    insert into {revoked_handles} (app_id, revoked_at_ms, handle)
    select :app_id, {now_ms}, value from {json_each}(:handles) where true
        on conflict do nothing
""")

DATABASE_TIME = Statement("select {now_ms} as now_ms")

# Where the database's clock was put back, what was stamped since is older than the last look.
LIST_REVOKED_SINCE = Statement("""
    select revoked_at_ms, handle, {now_ms} as now_ms
      from {revoked_handles}
     where app_id = :app_id and revoked_at_ms >= {least}(:since_ms, (select {now_ms}) - :overlap_ms)
     order by revoked_at_ms, handle
     limit :page_size
""")

LIST_REVOKED_AFTER = Statement("""
    select revoked_at_ms, handle
      from {revoked_handles}
     where app_id = :app_id and (revoked_at_ms, handle) > (:revoked_at_ms, :handle)
     order by revoked_at_ms, handle
     limit :page_size
""")
