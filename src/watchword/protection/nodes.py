"""The nodes of an installation watch each other: secrets, versions, settings and clocks that do not fit together.

Each has a row that it renews; who starts, and who renews, reads the others' rows. What would sign people out stops the
start; what is found later, or may be meant, is said in the log. Sources: security LG-6, SC-14.
"""

import logging
import secrets
from asyncio import sleep

from watchword.background import BackgroundLoop
from watchword.clock import Clock, SystemClock
from watchword.database.database import Database, Row, Transaction
from watchword.database.statements import Statement
from watchword.errors import ConfigurationError, Overloaded, StorageUnavailable
from watchword.http.json import decode_json_object, encode_json
from watchword.protection.node_facts import NodeFacts, find_conflict, list_differences

log = logging.getLogger(__name__)

BEAT_SECONDS = 10.0
#: A node that has been silent for longer is taken for dead.
LIFE_MS = 30_000
_FORGET_MS = 86_400_000

#: How far a node's clock may be off the database's: beyond the first is said, beyond the second stops the start.
CLOCK_WARN_MS = 5_000
CLOCK_REFUSE_MS = 30_000


class Nodes:
    """One node among the others of its app. `start` after the tables are there.

    Args:
        db: Which they share.
        app_id: Whose nodes.
        facts: What this one says of itself.
        clock: Compared with the database's where it is the machine's own; an injected one is meant to differ.
    """

    def __init__(self, db: Database, app_id: str, facts: NodeFacts, clock: Clock) -> None:
        self._db = db
        self._app_id = app_id
        self._facts = facts
        self._clock = clock
        self._node_id = secrets.token_hex(16)
        self._said: set[str] = set()
        self._clock_level = 0  # at which its clock was spoken of
        self._loop: BackgroundLoop | None = None
        self.clock_offset_ms = 0  # how far the database's clock is ahead of this node's, at the last look

    @property
    def is_clock_usable(self) -> bool:
        """Whether this node's clock is near enough to the database's to go on."""
        return abs(self.clock_offset_ms) <= CLOCK_REFUSE_MS

    async def start(self) -> None:
        """Join, unless this node does not fit to those that run; then watch.

        Raises:
            ConfigurationError: A secret is missing here or there, or the clock is far off.
            StorageUnavailable: The database does not answer.
        """
        await self._db.write(self._forget_old)
        await self.beat()
        try:
            self._refuse_wrong_clock()
            for other in await self._list_others():
                self._refuse_conflict(other)
                self._say_differences(other)
        except BaseException:
            await self._leave()
            raise
        self._loop = BackgroundLoop("watching the other nodes", self._wait_and_look, longest_pause_seconds=60.0)
        self._loop.start()

    async def stop(self) -> None:
        """Leave; the others need not wait until this node is taken for dead."""
        loop, self._loop = self._loop, None
        if loop is not None:
            await loop.stop()
            await self._leave()

    async def look(self) -> None:
        """Renew this node's row, and say in the log what does not fit: each thing once."""
        await self.beat()
        self._say_clock()
        for other in await self._list_others():
            conflict = find_conflict(self._facts, other)
            if conflict is not None and conflict not in self._said:
                self._said.add(conflict)
                log.error("secret: %s", conflict)
            self._say_differences(other)

    async def beat(self) -> None:
        """Say that this node lives, and look at the database's clock."""
        before_ms = self._clock.now_ms()
        row = await self._db.write(self._renew)
        after_ms = self._clock.now_ms()
        if isinstance(self._clock, SystemClock) and row is not None:
            doubt_ms = abs(after_ms - before_ms)  # somewhere in between the database looked at its clock
            offset_ms = row["seen_ms"] - (before_ms + after_ms) // 2
            self.clock_offset_ms = 0 if abs(offset_ms) <= doubt_ms else offset_ms

    async def _renew(self, tx: Transaction) -> Row | None:
        return await tx.find(
            RENEW_NODE,
            app_id=self._app_id,
            node_id=self._node_id,
            name=self._facts.name,
            facts=encode_json(self._facts.as_dict()).decode(),
        )

    async def _forget_old(self, tx: Transaction) -> None:
        await tx.execute(FORGET_NODES, app_id=self._app_id, forget_ms=_FORGET_MS)

    async def _list_others(self) -> list[NodeFacts]:
        rows = await self._db.list(LIST_OTHER_NODES, app_id=self._app_id, node_id=self._node_id, life_ms=LIFE_MS)
        return [NodeFacts.from_row(row["name"], decode_json_object(row["facts"].encode(), "facts")) for row in rows]

    async def _leave(self) -> None:
        async def delete(tx: Transaction) -> None:
            await tx.execute(DELETE_NODE, app_id=self._app_id, node_id=self._node_id)

        try:
            await self._db.write(delete)
        except (StorageUnavailable, Overloaded) as error:
            log.debug("this node's row stays until it is old: %s", error)

    async def _wait_and_look(self) -> None:
        await sleep(BEAT_SECONDS)
        await self.look()

    def _refuse_conflict(self, other: NodeFacts) -> None:
        conflict = find_conflict(self._facts, other)
        if conflict is not None:
            raise ConfigurationError(
                "secret",
                f"{conflict}. If that node was killed, start again in {LIFE_MS // 1000} s: it is forgotten then",
            )

    def _refuse_wrong_clock(self) -> None:
        if not self.is_clock_usable:
            raise ConfigurationError("clock", self._clock_sentence())
        self._say_clock()

    def _say_clock(self) -> None:
        """Once, and once more when it gets that far off that no node would start with it."""
        level = 0 if abs(self.clock_offset_ms) <= CLOCK_WARN_MS else logging.WARNING
        level = level if self.is_clock_usable else logging.ERROR
        if level > self._clock_level:
            log.log(level, "%s", self._clock_sentence())
        self._clock_level = level

    def _clock_sentence(self) -> str:
        seconds = abs(self.clock_offset_ms) / 1000
        direction = "behind" if self.clock_offset_ms > 0 else "ahead of"
        return (
            f"the clock of this machine is {seconds:.0f} s {direction} the database's, and the times in tokens come "
            "from it; let NTP set both"
        )

    def _say_differences(self, other: NodeFacts) -> None:
        for sentence in list_differences(self._facts, other):
            if sentence not in self._said:
                self._said.add(sentence)
                log.warning("%s", sentence)


RENEW_NODE = Statement("""
    insert into {nodes} (app_id, node_id, name, facts, seen_ms) values (:app_id, :node_id, :name, :facts, {now_ms})
        on conflict (app_id, node_id) do update set seen_ms = {now_ms}
    returning seen_ms
""")

LIST_OTHER_NODES = Statement("""
    select name, facts from {nodes}
     where app_id = :app_id and node_id <> :node_id and seen_ms > {now_ms} - :life_ms
     order by name
""")

DELETE_NODE = Statement("delete from {nodes} where app_id = :app_id and node_id = :node_id")

FORGET_NODES = Statement("delete from {nodes} where app_id = :app_id and seen_ms < {now_ms} - :forget_ms")
