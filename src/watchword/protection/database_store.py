"""Counting in the database, so that any number of nodes share one budget (security RL-4)."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from watchword.database.database import Body, Database, Transaction
from watchword.database.statements import Statement
from watchword.errors import Overloaded, StorageUnavailable
from watchword.protection.settings import FOREVER_MS, KEEP_FAILURES_MS
from watchword.protection.store import Begun, Budget, Lane, SignInKeys

T = TypeVar("T")

log = logging.getLogger(__name__)

CLEAN_EVERY = 64  # calls; each makes two rows at most, and a cleaning takes away more
CLEAN_BATCH = 200
_NEVER = 2**31 - 1  # failures; no count gets there


class DatabaseStore:
    """A `LimitStore` in the database of the installation.

    Args:
        db: Started before the first call.
        app_id: Whose limits they are.
    """

    def __init__(self, db: Database, app_id: str) -> None:
        self._db = db
        self._app_id = app_id
        self._calls = 0

    async def take(self, budget: Budget, now_ms: int) -> int:
        """Take one request out of a budget; 0 when there was one, else the wait in ms."""
        wait_ms = await self._write(lambda tx: self._take(tx, budget, now_ms))
        await self._clean_sometimes(now_ms)
        return wait_ms

    async def take_all(self, budgets: Sequence[Budget], now_ms: int) -> int | None:
        """Take one request out of each, up to the first that has none; which that is, `None` when all had one."""

        async def body(tx: Transaction) -> int | None:
            for number, budget in enumerate(budgets):
                if await self._take(tx, budget, now_ms) > 0:
                    return number
            return None

        without = await self._write(body)
        await self._clean_sometimes(now_ms)
        return without

    async def begin(self, keys: SignInKeys, now_ms: int) -> Begun:
        """Count a try before it is checked; one commit for both counts.

        Always the network first, so that two tries never wait for each other in a circle.
        """

        async def body(tx: Transaction) -> Begun:
            wait_ms = 0 if keys.network is None else await self._take(tx, keys.network, now_ms)
            if wait_ms:
                return Begun(wait_ms)
            begun = Begun()
            for asked, lane in enumerate(keys.lanes, start=1):
                begun = replace(await self._count(tx, lane, now_ms), lanes=keys.lanes[:asked])
                if not begun.is_stopped:
                    break
            return begun

        begun = await self._write(body)
        await self._clean_sometimes(now_ms)
        return begun

    async def is_half_used(self, keys: SignInKeys, now_ms: int) -> bool:
        """Whether half of a budget or of the free failures is used up; one read."""
        row = await self._db.find(
            FIND_USED,
            app_id=self._app_id,
            network=b"" if keys.network is None else keys.network.key,
            lane=b"" if keys.lane is None else keys.lane.key,
            now_ms=now_ms,
        )
        if row is None:
            return False
        if keys.network is not None and keys.network.is_half_used(row["full_at_ms"] or 0, now_ms):
            return True
        return keys.lane is not None and keys.lane.is_half_used(row["failures"] or 0)

    async def forget(self, tx: Transaction, lane: Lane) -> None:
        """Forget the failures of a lane, in a transaction of somebody else's."""
        await tx.execute(FORGET_FAILURES, app_id=self._app_id, key=lane.key)

    async def succeed(self, keys: SignInKeys) -> None:
        """The try was right."""
        await self._write(lambda tx: self.succeed_in(tx, keys))

    async def succeed_in(self, tx: Transaction, keys: SignInKeys) -> None:
        """The try was right, in a transaction of somebody else's: last in it, for a network has one row."""
        await self._give_back(tx, keys.network)
        for lane in keys.lanes:
            await self.forget(tx, lane)

    async def take_back(self, keys: SignInKeys, now_ms: int) -> None:
        """The try was never checked."""

        async def body(tx: Transaction) -> None:
            await self._give_back(tx, keys.network)
            for lane in keys.lanes:
                await tx.execute(
                    TAKE_FAILURE_BACK, app_id=self._app_id, key=lane.key, now_ms=now_ms, day_ms=lane.rule.day_ms
                )

        await self._write(body)

    async def _write(self, body: Body[T]) -> T:
        """In one transaction. A loss of power may take the last moment's counts along: no stranger can cause that."""
        return await self._db.write(body, durable=False)

    async def _take(self, tx: Transaction, budget: Budget, now_ms: int) -> int:
        limit = budget.limit
        taken = await tx.find(
            TAKE,
            app_id=self._app_id,
            key=budget.key,
            now_ms=now_ms,
            cost_ms=limit.cost_ms,
            first_ms=now_ms + limit.cost_ms,
            latest_ms=now_ms + limit.period_ms,
            too_late_ms=budget.too_late_ms(now_ms),
        )
        if taken is not None:
            return 0
        row = await tx.find(FIND_BUCKET, app_id=self._app_id, key=budget.key)
        return max(1, budget.wait_ms(row["full_at_ms"] if row else now_ms, now_ms))

    async def _count(self, tx: Transaction, lane: Lane, now_ms: int) -> Begun:
        rule = lane.rule
        counted = await tx.find(
            COUNT_FAILURE,
            app_id=self._app_id,
            key=lane.key,
            now_ms=now_ms,
            free=rule.free,
            first_delay_ms=rule.first_delay_ms,
            longest_delay_ms=rule.longest_delay_ms,
            window_end_ms=now_ms + rule.window_ms,
            long_end_ms=now_ms + max(rule.window_ms, KEEP_FAILURES_MS),
            too_late_ms=rule.too_late_ms(now_ms),
            stop=_NEVER if rule.stop is None else rule.stop,
            day_ms=rule.day_ms,
            first_kept_until_ms=rule.kept_until_ms(1, now_ms),
            forever_ms=FOREVER_MS,
        )
        if counted is not None:
            return Begun(is_last=rule.is_stopped(counted["in_a_row"]))
        row = await tx.find(FIND_FAILURES, app_id=self._app_id, key=lane.key)
        if row is not None and row["kept_until_ms"] > now_ms and rule.is_stopped(row["in_a_row"]):
            return Begun(is_stopped=True)
        return Begun(max(1, (row["next_ms"] if row else now_ms) - now_ms))

    async def _give_back(self, tx: Transaction, budget: Budget | None) -> None:
        if budget is not None:
            await tx.execute(GIVE_BACK, app_id=self._app_id, key=budget.key, cost_ms=budget.limit.cost_ms)

    async def _clean_sometimes(self, now_ms: int) -> None:
        self._calls += 1
        if self._calls % CLEAN_EVERY:
            return
        try:
            await self.clean(now_ms)
        except (StorageUnavailable, Overloaded) as error:  # what was asked is answered; the next one cleans
            log.debug("limits that are over were not removed: %s", error)

    async def clean(self, now_ms: int) -> int:
        """Remove some of the rows whose time is over, and return how many."""

        async def body(tx: Transaction) -> int:
            where = {"app_id": self._app_id, "now_ms": now_ms, "most": CLEAN_BATCH}
            return await tx.execute(CLEAN_BUCKETS, **where) + await tx.execute(CLEAN_FAILURES, **where)

        return await self._write(body)


TAKE = Statement(
    """
    insert into {rate_buckets} as b (app_id, key, full_at_ms) values (:app_id, :key, :first_ms)
    on conflict (app_id, key) do update
       set full_at_ms = case when b.full_at_ms > :too_late_ms then :now_ms
                             else {greatest}(b.full_at_ms, :now_ms) end + :cost_ms
     where {greatest}(b.full_at_ms, :now_ms) + :cost_ms <= :latest_ms or b.full_at_ms > :too_late_ms
    returning full_at_ms
    """
)

FIND_BUCKET = Statement("select full_at_ms from {rate_buckets} where app_id = :app_id and key = :key")

FIND_USED = Statement(  # no key is empty: a count that is off finds no row
    """
    select (select full_at_ms from {rate_buckets} where app_id = :app_id and key = :network) as full_at_ms,
           (select failures from {sign_in_failures}
             where app_id = :app_id and key = :lane and expires_ms > :now_ms) as failures
    """
)

GIVE_BACK = Statement(
    "update {rate_buckets} set full_at_ms = full_at_ms - :cost_ms where app_id = :app_id and key = :key"
)

# The same sums as `FailureRule`; a test compares them.
COUNT_FAILURE = Statement(
    """
    insert into {sign_in_failures} as f (app_id, key, failures, next_ms, expires_ms, in_a_row, kept_until_ms)
    values (:app_id, :key, 1, :now_ms, :window_end_ms, 1, :first_kept_until_ms)
    on conflict (app_id, key) do update
       set failures = case when f.expires_ms <= :now_ms then 1 else f.failures + 1 end,
           next_ms = case
               when f.expires_ms <= :now_ms or f.failures + 1 < :free then :now_ms
               else :now_ms + {least}(
                   cast(:first_delay_ms as bigint) << {least}(f.failures + 1 - :free, 20), :longest_delay_ms
               )
           end,
           expires_ms = case
               when f.expires_ms <= :now_ms or f.failures + 1 < :free then :window_end_ms
               else :long_end_ms
           end,
           in_a_row = case when f.kept_until_ms <= :now_ms then 1 else f.in_a_row + 1 end,
           kept_until_ms = case
               when f.kept_until_ms <= :now_ms then :first_kept_until_ms
               when f.in_a_row + 1 >= :stop then :forever_ms
               else :now_ms + (f.in_a_row + 1) * cast(:day_ms as bigint)
           end
     where (f.next_ms <= :now_ms or f.next_ms > :too_late_ms)
       and (f.in_a_row < :stop or f.kept_until_ms <= :now_ms)
    returning in_a_row
    """
)

FIND_FAILURES = Statement(
    "select next_ms, in_a_row, kept_until_ms from {sign_in_failures} where app_id = :app_id and key = :key"
)

FORGET_FAILURES = Statement("delete from {sign_in_failures} where app_id = :app_id and key = :key")

TAKE_FAILURE_BACK = Statement(
    """
    update {sign_in_failures}
       set failures = failures - 1, next_ms = {least}(next_ms, :now_ms), in_a_row = in_a_row - 1,
           kept_until_ms = :now_ms + (in_a_row - 1) * cast(:day_ms as bigint)
     where app_id = :app_id and key = :key and failures > 0
    """
)

# The outer condition on the time is for a row that another node took anew while we waited for it.
CLEAN_BUCKETS = Statement(
    """
    delete from {rate_buckets}
     where app_id = :app_id and full_at_ms < :now_ms
       and key in (
           select key from {rate_buckets} where app_id = :app_id and full_at_ms < :now_ms
           order by full_at_ms limit :most
       )
    """
)

CLEAN_FAILURES = Statement(
    """
    delete from {sign_in_failures}
     where app_id = :app_id and kept_until_ms < :now_ms and expires_ms < :now_ms
       and key in (
           select key from {sign_in_failures}
            where app_id = :app_id and kept_until_ms < :now_ms and expires_ms < :now_ms
            order by kept_until_ms limit :most
       )
    """
)
