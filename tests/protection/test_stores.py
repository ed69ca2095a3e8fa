"""The two places where limits are counted follow the same rules; the database's is shared and tidy."""

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from watchword.database.database import Database
from watchword.database.migrations import load_migrations, migrate
from watchword.database.statements import Statement
from watchword.protection.database_store import CLEAN_BATCH, CLEAN_EVERY, DatabaseStore
from watchword.protection.memory_store import MOST_KEYS, MemoryStore
from watchword.protection.settings import KEEP_FAILURES_MS, FailureRule, Limit
from watchword.protection.store import Budget, Lane, LimitStore, SignInKeys

NOW = 1_800_000_000_000
MINUTE = 60_000
BUDGET = Budget(b"network", Limit(20, seconds=60))
RULE = FailureRule(free=3, window_ms=15 * MINUTE, first_delay_ms=MINUTE, longest_delay_ms=4 * MINUTE)
LANE = SignInKeys(None, (Lane(b"account", RULE),))
STOPPED = -1
ROWS = Statement("select (select count(*) from {rate_buckets}) + (select count(*) from {sign_in_failures}) as rows")


@pytest.fixture
async def tables(db: Database) -> Database:
    """A database with the tables of the limits."""
    await migrate(db, load_migrations(["watchword.protection"]))
    return db


@pytest.fixture(params=["database", "memory"])
def store(request: pytest.FixtureRequest, tables: Database) -> LimitStore:
    """Each kind, on each database."""
    return DatabaseStore(tables, "public") if request.param == "database" else MemoryStore()


async def test_a_budget_is_used_up_and_fills_again_evenly(store: LimitStore) -> None:
    """Twenty at once; then one more every three seconds, and the wait says when."""
    assert [0] * 20 + [3_000] == [await store.take(BUDGET, NOW) for _ in range(21)]
    assert 1 == await store.take(BUDGET, NOW + 2_999)
    assert 0 == await store.take(BUDGET, NOW + 3_000)
    assert 3_000 == await store.take(BUDGET, NOW + 3_000)
    assert [0] * 20 + [3_000] == [await store.take(BUDGET, NOW + 70_000) for _ in range(21)]


async def test_half_of_a_budget_or_of_the_free_failures_is_noticed(store: LimitStore) -> None:
    """Asking counts nothing; a budget that fills again, and failures that are over, are not half used."""
    network, both = SignInKeys(BUDGET), SignInKeys(BUDGET, LANE.lanes)
    for keys in (network, LANE, both, SignInKeys(None)):
        assert not await store.is_half_used(keys, NOW)
    for taken in range(1, 11):
        await store.take(BUDGET, NOW)
        assert (taken == 10) == await store.is_half_used(network, NOW)
    assert not await store.is_half_used(network, NOW + 3_001)
    assert await store.is_half_used(both, NOW)
    for failures in (1, 2):
        await begin(store, LANE, NOW)
        assert (failures == 2) == await store.is_half_used(LANE, NOW)
    assert await store.is_half_used(both, NOW + 5 * MINUTE)
    assert not await store.is_half_used(LANE, NOW + 15 * MINUTE)


async def test_keys_have_budgets_of_their_own(store: LimitStore) -> None:
    """What one network did is nothing to another."""
    assert [0] * 20 == [await store.take(BUDGET, NOW) for _ in range(20)]
    assert 0 == await store.take(Budget(b"another", BUDGET.limit), NOW)


async def test_failures_in_a_row_cost_more_and_more_time(store: LimitStore) -> None:
    """Three are free; then a minute, two, four, and never more than four (RL-1)."""
    assert [0, 0, 0, MINUTE] == [await begin(store, LANE, NOW) for _ in range(4)]
    now = NOW
    for minutes in (1, 2, 4, 4):
        assert 1 == await begin(store, LANE, now + minutes * MINUTE - 1)
        now += minutes * MINUTE
        assert 0 == await begin(store, LANE, now)
        assert 0 < await begin(store, LANE, now)


async def test_a_success_starts_anew(store: LimitStore) -> None:
    """Failures before it are forgotten, the wait too."""
    assert [0, 0, 0, MINUTE] == [await begin(store, LANE, NOW) for _ in range(4)]
    await store.succeed(LANE)
    assert [0, 0, 0, MINUTE] == [await begin(store, LANE, NOW) for _ in range(4)]


async def test_few_failures_are_forgotten_after_the_window_and_many_after_a_day(store: LimitStore) -> None:
    """Two typing errors a week lock nobody out, and a patient guesser does not get free tries each quarter hour."""
    assert [0, 0] == [await begin(store, LANE, NOW) for _ in range(2)]
    later = NOW + 15 * MINUTE
    assert [0, 0, 0] == [await begin(store, LANE, later) for _ in range(3)]
    assert [0, 2 * MINUTE] == [await begin(store, LANE, later + 20 * MINUTE) for _ in range(2)]
    much_later = later + 20 * MINUTE + KEEP_FAILURES_MS
    assert [0, 0, 0, MINUTE] == [await begin(store, LANE, much_later) for _ in range(4)]


async def test_a_try_that_was_never_checked_does_not_count(store: LimitStore) -> None:
    """The hash pool was full, or the database away: one more try is let through, and only one."""
    assert [0, 0, 0] == [await begin(store, LANE, NOW) for _ in range(3)]
    await store.take_back(LANE, NOW)
    assert [0, MINUTE] == [await begin(store, LANE, NOW) for _ in range(2)]
    await store.take_back(SignInKeys(BUDGET, (Lane(b"nobody", RULE),)), NOW)  # nothing to take back


async def test_success_gives_the_network_its_own_back(store: LimitStore) -> None:
    """A whole office signs in at nine: what succeeds costs its network nothing."""
    keys = SignInKeys(BUDGET, LANE.lanes)
    for _ in range(50):
        assert 0 == await begin(store, keys, NOW)
        await store.succeed(keys)
    assert [0] * 20 + [3_000] == [await store.take(BUDGET, NOW) for _ in range(21)]


async def test_a_network_without_budget_costs_the_account_nothing(store: LimitStore) -> None:
    """Attack: one address floods one account, to lock its owner out; it is stopped by its own budget first."""
    assert [0] * 20 == [await store.take(BUDGET, NOW) for _ in range(20)]
    assert [3_000] * 20 == [await begin(store, SignInKeys(BUDGET, LANE.lanes), NOW) for _ in range(20)]
    assert [0, 0, 0] == [await begin(store, LANE, NOW) for _ in range(3)]


async def test_of_200_parallel_guesses_exactly_so_many_are_let_through(store: LimitStore) -> None:
    """Attack: send all guesses before the first one is counted (RL-3)."""
    waits = await asyncio.gather(*(begin(store, LANE, NOW) for _ in range(200)))
    assert (3, {0, MINUTE}) == (waits.count(0), set(waits))


async def test_of_200_parallel_requests_exactly_the_budget_is_let_through(store: LimitStore) -> None:
    """The same for a network."""
    waits = await asyncio.gather(*(store.take(BUDGET, NOW) for _ in range(200)))
    assert (20, {0, 3_000}) == (waits.count(0), set(waits))


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["take", "begin", "begin", "succeed", "back"]), st.integers(0, 400_000) | st.just(86_400_000)
    ),
    max_size=40,
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_both_places_agree(tables: Database, steps: list[tuple[str, int]]) -> None:
    """Whatever happens when, the SQL and the Python of the rules say the same."""
    database, memory = DatabaseStore(tables, uuid4().hex), MemoryStore()
    stopping = replace(RULE, stop=6)
    keys = SignInKeys(Budget(b"n", Limit(5, seconds=60)), (Lane(b"device", stopping), Lane(b"account", stopping)))
    now = NOW
    for step, passed_ms in steps:
        now += passed_ms
        waits: list[object] = []
        for store in (database, memory):
            if step == "take":
                waits.append(await store.take(BUDGET, now))
            elif step == "begin":
                waits.append(await store.begin(keys, now))
            elif step == "succeed":
                await store.succeed(keys)
            else:
                await store.take_back(keys, now)
        assert waits[:1] == waits[1:]


STOPPING = Lane(b"account", replace(RULE, stop=5))


async def test_so_many_failures_are_the_last(store: LimitStore) -> None:
    """However slow the guesser and however long the wait: after five nothing is compared until a success (RL-1)."""
    keys = SignInKeys(None, (STOPPING,))
    begun = [await store.begin(keys, NOW + n * 4 * MINUTE) for n in range(6)]
    assert [False, False, False, False, True, False] == [each.is_last for each in begun]
    assert [0, 0, 0, 0, 0, STOPPED] == [STOPPED if each.is_stopped else each.wait_ms for each in begun]
    assert STOPPED == await begin(store, keys, NOW + 10 * 365 * KEEP_FAILURES_MS)
    await store.succeed(keys)
    assert 0 == await begin(store, keys, NOW)


async def test_slow_failures_add_up_and_are_forgotten_in_as_many_days(store: LimitStore) -> None:
    """Attack: two guesses every quarter of an hour cost no wait and add up; two a year lock nobody out."""
    keys = SignInKeys(None, (STOPPING,))
    assert [0, 0] == [await begin(store, keys, NOW) for _ in range(2)]
    assert [0, 0] == [await begin(store, keys, NOW + 2 * KEEP_FAILURES_MS) for _ in range(2)], "the two are forgotten"
    waits = [await begin(store, keys, NOW + 2 * KEEP_FAILURES_MS + n * 16 * MINUTE) for n in range(1, 5)]
    assert [0, 0, 0, STOPPED] == waits


async def test_a_device_that_is_stopped_is_a_stranger_at_the_account(store: LimitStore) -> None:
    """Nothing is for ever: after a new password it gets in by the account's lane, and is then a known one again."""
    keys = SignInKeys(None, (Lane(b"device", STOPPING.rule), STOPPING))
    device_only = SignInKeys(None, keys.lanes[:1])
    for n in range(5):
        assert 0 == await begin(store, device_only, NOW + n * 4 * MINUTE)
    now = NOW + KEEP_FAILURES_MS
    begun = await store.begin(keys, now)
    assert (0, keys.lanes) == (begun.wait_ms, begun.lanes)
    await store.succeed(SignInKeys(None, begun.lanes))
    assert device_only.lanes == (await store.begin(keys, now)).lanes


async def test_of_parallel_guesses_none_is_past_the_last(store: LimitStore) -> None:
    """Attack: all guesses at once where waits are far away: five are compared, and nothing after them."""
    keys = SignInKeys(None, (Lane(b"account", replace(RULE, free=50, stop=5)),))
    waits = await asyncio.gather(*(begin(store, keys, NOW) for _ in range(50)))
    assert [STOPPED] * 45 + [0] * 5 == sorted(waits)


async def test_a_last_try_that_was_never_checked_is_no_stop(store: LimitStore) -> None:
    """The pool was full at that moment: nobody is locked out by it, and the count is forgotten as any other."""
    keys = SignInKeys(None, (STOPPING,))
    for n in range(5):
        await store.begin(keys, NOW + n * 4 * MINUTE)
    now = NOW + 16 * MINUTE
    await store.take_back(keys, now)
    assert 0 == await begin(store, keys, now)
    await store.take_back(keys, now)
    assert 0 == await begin(store, keys, now + 5 * KEEP_FAILURES_MS)
    assert [0, 0] == [await begin(store, keys, now + 5 * KEEP_FAILURES_MS) for _ in range(2)], "counted from one again"


async def test_a_stop_is_never_cleaned_away(tables: Database) -> None:
    """Neither by time nor by the clock of a node that is years ahead; what leads to it is, when it is over."""
    store = DatabaseStore(tables, "public")
    keys, others = SignInKeys(None, (STOPPING,)), SignInKeys(None, (Lane(b"other", STOPPING.rule),))
    for n in range(5):
        await store.begin(keys, NOW + n * 4 * MINUTE)
    await store.begin(others, NOW)
    assert 0 == await store.clean(NOW + KEEP_FAILURES_MS - 1)
    assert 1 == await store.clean(NOW + 100 * 365 * KEEP_FAILURES_MS)
    assert STOPPED == await begin(store, keys, NOW)


async def test_of_several_budgets_the_first_that_is_used_up_is_told(store: LimitStore) -> None:
    """Those before it are charged, those after it are not."""
    small, large = Budget(b"small", Limit(2, seconds=60)), Budget(b"large", Limit(3, seconds=60))
    assert [None, None, 0, 0] == [await store.take_all([small, large], NOW) for _ in range(4)]
    assert [None, 0] == [await store.take_all([large], NOW) for _ in range(2)]
    assert None is await store.take_all([], NOW)


async def test_two_nodes_share_a_count(tables: Database) -> None:
    """N nodes give one budget, not N (RL-4)."""
    nodes = [DatabaseStore(tables, "public"), DatabaseStore(tables, "public")]
    assert [0] * 20 + [3_000] * 2 == [await nodes[n % 2].take(BUDGET, NOW) for n in range(22)]
    assert [0] * 3 + [MINUTE] * 2 == [await begin(nodes[n % 2], LANE, NOW) for n in range(5)]
    assert 0 == await DatabaseStore(tables, "another app").take(BUDGET, NOW)


async def test_rows_that_are_over_go_away_by_themselves(tables: Database) -> None:
    """Attack: fill the disk with a row for each of many addresses; what is over is removed in small batches."""
    store = DatabaseStore(tables, "public")
    for number in range(CLEAN_EVERY - 1):
        await begin(store, SignInKeys(Budget(b"%d" % number, BUDGET.limit), (Lane(b"%d" % number, RULE),)), NOW)
    assert 2 * (CLEAN_EVERY - 1) == await count_rows(tables)
    await store.take(BUDGET, NOW + 16 * MINUTE)
    assert 1 == await count_rows(tables)
    assert CLEAN_BATCH > 2 * CLEAN_EVERY, "a cleaning takes away more than came since the last one"


async def test_cleaning_leaves_what_still_counts(tables: Database) -> None:
    """Only rows that say the same as no row are removed."""
    store = DatabaseStore(tables, "public")
    for _ in range(3):
        await begin(store, SignInKeys(BUDGET, LANE.lanes), NOW)
    assert 0 == await store.clean(NOW)
    assert 1 == await store.clean(NOW + 10 * MINUTE)
    assert 0 < await begin(store, LANE, NOW)


async def test_nobody_fills_the_memory_of_a_process() -> None:
    """Attack: a new address for each request; the oldest are forgotten when there are too many."""
    memory = MemoryStore()
    for number in range(MOST_KEYS + 5):
        key = b"%d" % number
        await memory.begin(SignInKeys(Budget(key, BUDGET.limit), (Lane(key, RULE),)), NOW)
    assert (MOST_KEYS, MOST_KEYS) == (len(memory._full_at), len(memory._failures))


async def begin(store: LimitStore, keys: SignInKeys, now_ms: int) -> int:
    """Count a try: 0 when it may be checked, `STOPPED`, or the wait."""
    begun = await store.begin(keys, now_ms)
    return STOPPED if begun.is_stopped else begun.wait_ms


async def count_rows(db: Database) -> int:
    """How many counts are stored."""
    row = await db.find(ROWS)
    assert row is not None
    return row["rows"]
