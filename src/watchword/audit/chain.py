"""The chain of an app's events: its key, and how events get their places, in batches, by one process at a time.

An event is written without a place, so that no request waits for another. Whoever chains takes the row of the
chain by a conditional update in the transaction that gives the places: two processes never give one place twice,
and what dies in the middle has given none. The lease in that row only keeps the others from waiting for it.
"""

import logging
import secrets as randomness
from collections.abc import Callable
from typing import Any

from watchword.audit.events import SecurityEvent
from watchword.audit.lease import LEASE_MS, TAKE_CHAIN
from watchword.audit.marks import ChainKey
from watchword.audit.retention import remove_batch
from watchword.crypto.sealing import SealBroken, SecretRing
from watchword.database.database import Database, Transaction
from watchword.database.statements import Statement
from watchword.errors import BadInput, ConfigurationError, WatchwordError
from watchword.http.json import encode_json

log = logging.getLogger(__name__)

BATCH_SIZE = 200
_PURPOSE = "audit_key"


class ChainDamaged(WatchwordError):
    """The end of the chain is not as we left it: nothing is chained on to it, so that the damage stays to be seen."""

    code = "chain_damaged"

    def __init__(self, what: str) -> None:
        super().__init__(f"the audit log was tampered with: {what}; run `watchword audit verify`")


async def open_chain(db: Database, app_id: str, secrets: SecretRing) -> ChainKey:
    """The key of an app's chain, made with the first start; sealed anew when the secret was changed.

    Raises:
        ConfigurationError: The configured secret does not open it.
        StorageUnavailable: The database does not answer.
    """
    row = await db.find(FIND_KEY, app_id=app_id)
    if row is None:
        if await db.write(lambda tx: _make_chain(tx, app_id, secrets)):
            log.info("a new audit log begins")
        row = await db.find(FIND_KEY, app_id=app_id)
        assert row is not None  # noqa: S101 - made by us or by another process
    chain_id, sealed = row["chain_id"], bytes(row["sealed_key"])
    opened = _open_key(secrets, app_id, chain_id, sealed)
    if not secrets.is_newest(sealed):
        anew = secrets.seal(_PURPOSE, opened, _bound_to(app_id, chain_id))
        await db.write(lambda tx: tx.execute(RESEAL_KEY, app_id=app_id, seen=sealed, sealed_key=anew))
    return ChainKey(chain_id, opened)


async def read_chain_key(db: Database, app_id: str, secrets: SecretRing) -> ChainKey:
    """The key of an app's chain; changes nothing.

    Raises:
        BadInput: There is no chain.
        ConfigurationError: The secret does not open its key.
    """
    row = await db.find(FIND_KEY, app_id=app_id)
    if row is None:
        raise BadInput("database", "there is no audit log in this database, or its chain was deleted")
    return ChainKey(row["chain_id"], _open_key(secrets, app_id, row["chain_id"], bytes(row["sealed_key"])))


def _open_key(secrets: SecretRing, app_id: str, chain_id: str, sealed: bytes) -> bytes:
    try:
        return secrets.open(_PURPOSE, sealed, _bound_to(app_id, chain_id))
    except SealBroken:
        raise ConfigurationError(
            "secret",
            "does not open the key of the audit log: this database was made with another secret, or the key in it was "
            "exchanged; set the secret that sealed it, as the last entry of a list behind the new one while it is "
            "being changed",
        ) from None


async def _make_chain(tx: Transaction, app_id: str, secrets: SecretRing) -> int:
    chain_id, opened = randomness.token_hex(8), randomness.token_bytes(32)
    key, sealed = ChainKey(chain_id, opened), secrets.seal(_PURPOSE, opened, _bound_to(app_id, chain_id))
    origin = key.origin()
    return await tx.execute(
        INSERT_CHAIN,
        app_id=app_id,
        chain_id=chain_id,
        sealed_key=sealed,
        origin=origin,
        head_mac=key.head(0, origin),
        removed_mac=key.removed(0, origin),
    )


def _bound_to(app_id: str, chain_id: str) -> bytes:
    return encode_json([app_id, chain_id])


class ChainWriter:
    """Gives events their places in the chain.

    Args:
        db: Where they are.
        app_id: Whose they are.
        key: Of the chain.
        note: Takes what the chain itself has to tell.
    """

    def __init__(self, db: Database, app_id: str, key: ChainKey, note: Callable[[SecurityEvent], None]) -> None:
        self._db = db
        self._app_id = app_id
        self._key = key
        self._note = note
        self._holder = randomness.token_hex(8)
        self._seen_seq = 0

    async def chain_all(self) -> int:
        """Chain all that waits, unless another process is at it; returns how many events got a place.

        Raises:
            ChainDamaged: The end of the chain was changed by somebody else.
            StorageUnavailable: The database does not answer.
        """
        chained = 0
        while await self._db.find(FIND_UNCHAINED, app_id=self._app_id) is not None:
            ends = await self._db.write(self._chain_batch)
            if ends is None:
                await self._check_chain_is_there()
                break
            first, last = ends
            if first < self._seen_seq:  # a backup was restored, a fail-over lost commits, or it was an attacker
                log.error("the audit log ended at %s, and has been set back to %s", self._seen_seq, first)
                self._note(SecurityEvent("log_set_back", facts={"from_seq": self._seen_seq, "to_seq": first}))
            self._seen_seq = last
            chained += last - first
            if first == last:
                break
        return chained

    async def remove_old(self, keep_ms: int, now_ms: int) -> int:
        """Remove what got its place longer ago than `keep_ms`; returns how many events went.

        Raises:
            StorageUnavailable: The database does not answer.
        """
        removed = 0
        while number := await self._db.write(
            lambda tx: remove_batch(tx, self._key, self._app_id, self._holder, now_ms, keep_ms)
        ):
            removed += number
        if removed:
            self._note(SecurityEvent("events_removed", facts={"number": removed}))
        return removed

    async def _chain_batch(self, tx: Transaction) -> tuple[int, int] | None:
        """One batch, from which place to which; `None` when somebody else holds the chain, or it is not there."""
        chain = await tx.find(TAKE_CHAIN, **self._names(), holder=self._holder, for_ms=LEASE_MS)
        if chain is None:
            return None
        first = chain["seq"]
        seq, link, now_ms = first, bytes(chain["link"]), chain["now_ms"]
        if not self._key.holds(chain["head_mac"], self._key.head(seq, link)):
            raise ChainDamaged("the mark at the end of the chain is not ours")
        rows = await tx.list(LIST_UNCHAINED, app_id=self._app_id, at_most=BATCH_SIZE)
        places: list[dict[str, Any]] = []
        for row in rows:
            seq += 1
            link = self._key.link(link, seq, now_ms, bytes(row["mac"]))
            place = {"event_id": row["event_id"], "seq": seq, "now_ms": now_ms, "link": link}
            places.append({"app_id": self._app_id, **place})
        await tx.execute_many(GIVE_PLACE, places)
        await tx.execute(MOVE_HEAD, **self._names(), seq=seq, link=link, head_mac=self._key.head(seq, link))
        return first, seq

    async def _check_chain_is_there(self) -> None:
        row = await self._db.find(FIND_KEY, app_id=self._app_id)
        if row is None or row["chain_id"] != self._key.chain_id:
            raise ChainDamaged("the chain that this process writes is gone, or another stands in its place")

    def _names(self) -> dict[str, str]:
        return {"app_id": self._app_id, "chain_id": self._key.chain_id}


FIND_KEY = Statement("select chain_id, sealed_key from {audit_chains} where app_id = :app_id")

INSERT_CHAIN = Statement("""
    insert into {audit_chains} (app_id, chain_id, sealed_key, seq, link, head_mac, removed_seq, removed_link,
                                removed_mac, holder, until_ms, told_seq, teller, teller_until_ms)
    values (:app_id, :chain_id, :sealed_key, 0, :origin, :head_mac, 0, :origin, :removed_mac, '', 0, 0, '', 0)
        on conflict (app_id) do nothing
""")

RESEAL_KEY = Statement("""
    update {audit_chains} set sealed_key = :sealed_key where app_id = :app_id and sealed_key = :seen
""")

FIND_UNCHAINED = Statement("select event_id from {audit_events} where app_id = :app_id and seq is null limit 1")

LIST_UNCHAINED = Statement("""
    select event_id, mac from {audit_events}
     where app_id = :app_id and seq is null
     order by event_id
     limit :at_most
""")

GIVE_PLACE = Statement("""
    update {audit_events} set seq = :seq, chained_at_ms = :now_ms, link = :link
     where app_id = :app_id and event_id = :event_id
""")

MOVE_HEAD = Statement("""
    update {audit_chains} set seq = :seq, link = :link, head_mac = :head_mac
     where app_id = :app_id and chain_id = :chain_id
""")
