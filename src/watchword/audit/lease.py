"""Holding the chain: by a lock for the transaction, and by a lease for a few seconds more."""

from watchword.database.statements import Statement

LEASE_MS = 10_000

# Free, run out, one's own, or longer than any: the database's clock was put back.
TAKE_CHAIN = Statement("""
    update {audit_chains} set holder = :holder, until_ms = {now_ms} + :for_ms
     where app_id = :app_id and chain_id = :chain_id
       and (until_ms <= {now_ms} or holder = :holder or until_ms > {now_ms} + :for_ms)
 returning seq, link, head_mac, removed_seq, removed_link, {now_ms} as now_ms
""")
