"""Removing old events from the beginning of the chain, so that the rest still proves itself."""

from watchword.audit.lease import LEASE_MS, TAKE_CHAIN
from watchword.audit.marks import ChainKey
from watchword.database.database import Transaction
from watchword.database.statements import Statement

BATCH_SIZE = 500


async def remove_batch(tx: Transaction, key: ChainKey, app_id: str, holder: str, now_ms: int, keep_ms: int) -> int:
    """Remove the oldest events, one batch; returns how many went, none while another process holds the chain.

    What goes is always a beginning of the chain. Its last link stays, with a mark that we removed what led to it.

    Args:
        tx: A transaction of its own.
        key: Of the chain.
        app_id: Whose it is.
        holder: Names this process.
        now_ms: By the clock of this process. The database's counts if it is earlier: a clock that runs ahead, or
            jumps, must not remove what is to be kept.
        keep_ms: What got its place longer ago goes.
    """
    names = {"app_id": app_id, "chain_id": key.chain_id}
    chain = await tx.find(TAKE_CHAIN, **names, holder=holder, for_ms=LEASE_MS)
    if chain is None:
        return 0
    rows = await tx.list(LIST_OLDEST, app_id=app_id, removed_seq=chain["removed_seq"], at_most=BATCH_SIZE)
    seq, link = chain["removed_seq"], bytes(chain["removed_link"])
    number, before_ms = 0, min(now_ms, chain["now_ms"]) - keep_ms
    for row in rows:
        if row["seq"] != seq + 1 or row["chained_at_ms"] >= before_ms:  # a gap stays to be seen
            break
        seq, link, number = row["seq"], bytes(row["link"]), number + 1
    if number:
        await tx.execute(DELETE_OLDEST, app_id=app_id, seq=seq)
        await tx.execute(MOVE_BEGINNING, **names, seq=seq, link=link, removed_mac=key.removed(seq, link))
    return number


LIST_OLDEST = Statement("""
    select seq, link, chained_at_ms from {audit_events}
     where app_id = :app_id and seq > :removed_seq
     order by seq, event_id
     limit :at_most
""")

DELETE_OLDEST = Statement("delete from {audit_events} where app_id = :app_id and seq <= :seq")

MOVE_BEGINNING = Statement("""
    update {audit_chains} set removed_seq = :seq, removed_link = :link, removed_mac = :removed_mac
     where app_id = :app_id and chain_id = :chain_id
""")
