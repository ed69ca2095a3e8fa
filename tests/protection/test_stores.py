"""The two places where limits are counted follow the same rules; the database's is shared and tidy."""

import asyncio
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
LANE = SignInKeys(None, Lane(b"account", RULE))
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
    network, both = SignInKeys(BUDGET, None), SignInKeys(BUDGET, LANE.lane)
    for keys in (network, LANE, both, SignInKeys(None, None)):
        assert not await store.is_half_used(keys, NOW)
    for taken in range(1, 11):
        await store.take(BUDGET, NOW)
        assert (taken == 10) == await store.is_half_used(network, NOW)
    assert not await store.is_half_used(network, NOW + 3_001)
    assert await store.is_half_used(both, NOW)
    for failures in (1, 2):
        await store.begin(LANE, NOW)
        assert (failures == 2) == await store.is_half_used(LANE, NOW)
    assert await store.is_half_used(both, NOW + 5 * MINUTE)
    assert not await store.is_half_used(LANE, NOW + 15 * MINUTE)


async def test_keys_have_budgets_of_their_own(store: LimitStore) -> None:
    """What one network did is nothing to another."""
    assert [0] * 20 == [await store.take(BUDGET, NOW) for _ in range(20)]
    assert 0 == await store.take(Budget(b"another", BUDGET.limit), NOW)


async def test_failures_in_a_row_cost_more_and_more_time(store: LimitStore) -> None:
    """Three are free; then a minute, two, four, and never more than four (RL-1)."""
    assert [0, 0, 0, MINUTE] == [await store.begin(LANE, NOW) for _ in range(4)]
    now = NOW
    for minutes in (1, 2, 4, 4):
        assert 1 == await store.begin(LANE, now + minutes * MINUTE - 1)
        now += minutes * MINUTE
        assert 0 == await store.begin(LANE, now)
        assert 0 < await store.begin(LANE, now)


async def test_a_success_starts_anew(store: LimitStore) -> None:
    """Failures before it are forgotten, the wait too."""
    assert [0, 0, 0, MINUTE] == [await store.begin(LANE, NOW) for _ in range(4)]
    await store.succeed(LANE)
    assert [0, 0, 0, MINUTE] == [await store.begin(LANE, NOW) for _ in range(4)]


async def test_few_failures_are_forgotten_after_the_window_and_many_after_a_day(store: LimitStore) -> None:
    """Two typing errors a week lock nobody out, and a patient guesser does not get free tries each quarter hour."""
    assert [0, 0] == [await store.begin(LANE, NOW) for _ in range(2)]
    later = NOW + 15 * MINUTE
    assert [0, 0, 0] == [await store.begin(LANE, later) for _ in range(3)]
    assert [0, 2 * MINUTE] == [await store.begin(LANE, later + 20 * MINUTE) for _ in range(2)]
    much_later = later + 20 * MINUTE + KEEP_FAILURES_MS
    assert [0, 0, 0, MINUTE] == [await store.begin(LANE, much_later) for _ in range(4)]


async def test_a_try_that_was_never_checked_does_not_count(store: LimitStore) -> None:
    """The hash pool was full, or the database away: one more try is let through, and only one."""
    assert [0, 0, 0] == [await store.begin(LANE, NOW) for _ in range(3)]
    await store.take_back(LANE, NOW)
    assert [0, MINUTE] == [await store.begin(LANE, NOW) for _ in range(2)]
    await store.take_back(SignInKeys(BUDGET, Lane(b"nobody", RULE)), NOW)  # nothing to take back


async def test_success_gives_the_network_its_own_back(store: LimitStore) -> None:
    """A whole office signs in at nine: what succeeds costs its network nothing."""
    keys = SignInKeys(BUDGET, LANE.lane)
    for _ in range(50):
        assert 0 == await store.begin(keys, NOW)
        await store.succeed(keys)
    assert [0] * 20 + [3_000] == [await store.take(BUDGET, NOW) for _ in range(21)]


async def test_a_network_without_budget_costs_the_account_nothing(store: LimitStore) -> None:
    """Attack: one address floods one account, to lock its owner out; it is stopped by its own budget first."""
    assert [0] * 20 == [await store.take(BUDGET, NOW) for _ in range(20)]
    assert [3_000] * 20 == [await store.begin(SignInKeys(BUDGET, LANE.lane), NOW) for _ in range(20)]
    assert [0, 0, 0] == [await store.begin(LANE, NOW) for _ in range(3)]


async def test_of_200_parallel_guesses_exactly_so_many_are_let_through(store: LimitStore) -> None:
    """Attack: send all guesses before the first one is counted (RL-3)."""
    waits = await asyncio.gather(*(store.begin(LANE, NOW) for _ in range(200)))
    assert (3, {0, MINUTE}) == (waits.count(0), set(waits))


async def test_of_200_parallel_requests_exactly_the_budget_is_let_through(store: LimitStore) -> None:
    """The same for a network."""
    waits = await asyncio.gather(*(store.take(BUDGET, NOW) for _ in range(200)))
    assert (20, {0, 3_000}) == (waits.count(0), set(waits))


STEPS = st.lists(st.tuples(st.sampled_from(["take", "begin", "succeed", "back"]), st.integers(0, 400_000)), max_size=40)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_both_places_agree(tables: Database, steps: list[tuple[str, int]]) -> None:
    """Whatever happens when, the SQL and the Python of the rules say the same."""
    database, memory = DatabaseStore(tables, uuid4().hex), MemoryStore()
    keys = SignInKeys(Budget(b"n", Limit(5, seconds=60)), LANE.lane)
    now = NOW
    for step, passed_ms in steps:
        now += passed_ms
        waits: list[int | None] = []
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


async def test_two_nodes_share_a_count(tables: Database) -> None:
    """N nodes give one budget, not N (RL-4)."""
    nodes = [DatabaseStore(tables, "public"), DatabaseStore(tables, "public")]
    assert [0] * 20 + [3_000] * 2 == [await nodes[n % 2].take(BUDGET, NOW) for n in range(22)]
    assert [0] * 3 + [MINUTE] * 2 == [await nodes[n % 2].begin(LANE, NOW) for n in range(5)]
    assert 0 == await DatabaseStore(tables, "another app").take(BUDGET, NOW)


async def test_rows_that_are_over_go_away_by_themselves(tables: Database) -> None:
    """Attack: fill the disk with a row for each of many addresses; what is over is removed in small batches."""
    store = DatabaseStore(tables, "public")
    for number in range(CLEAN_EVERY - 1):
        await store.begin(SignInKeys(Budget(b"%d" % number, BUDGET.limit), Lane(b"%d" % number, RULE)), NOW)
    assert 2 * (CLEAN_EVERY - 1) == await count_rows(tables)
    await store.take(BUDGET, NOW + 16 * MINUTE)
    assert 1 == await count_rows(tables)
    assert CLEAN_BATCH > 2 * CLEAN_EVERY, "a cleaning takes away more than came since the last one"


async def test_cleaning_leaves_what_still_counts(tables: Database) -> None:
    """Only rows that say the same as no row are removed."""
    store = DatabaseStore(tables, "public")
    for _ in range(3):
        await store.begin(SignInKeys(BUDGET, LANE.lane), NOW)
    assert 0 == await store.clean(NOW)
    assert 1 == await store.clean(NOW + 10 * MINUTE)
    assert 0 < await store.begin(LANE, NOW)


async def test_nobody_fills_the_memory_of_a_process() -> None:
    """Attack: a new address for each request; the oldest are forgotten when there are too many."""
    memory = MemoryStore()
    for number in range(MOST_KEYS + 5):
        key = b"%d" % number
        await memory.begin(SignInKeys(Budget(key, BUDGET.limit), Lane(key, RULE)), NOW)
    assert (MOST_KEYS, MOST_KEYS) == (len(memory._full_at), len(memory._failures))


async def count_rows(db: Database) -> int:
    """How many counts are stored."""
    row = await db.find(ROWS)
    assert row is not None
    return row["rows"]
