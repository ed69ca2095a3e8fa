"""Nodes that do not fit together: refused at start, or said in the log, on both databases."""

import logging
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.site import FakeClock
from watchword import AppInfo, Watchword
from watchword.clock import Clock, SystemClock
from watchword.database.database import Database
from watchword.database.migrations import load_migrations, migrate
from watchword.database.statements import Statement
from watchword.errors import ConfigurationError
from watchword.protection.node_facts import NodeFacts
from watchword.protection.nodes import LIFE_MS, Nodes
from watchword.recipes import EmailPassword, Session

OLD, NEW = "the old secret, which has at least 32 bytes", "the new secret, which has at least 32 bytes"
AGE = Statement("update {nodes} set seen_ms = seen_ms - :age_ms where app_id = 'public'")
COUNT = Statement("select count(*) as rows from {nodes} where app_id = 'public'")
MakeNodes = Callable[..., Nodes]


class WrongClock(SystemClock):
    """The machine's clock, off by some seconds."""

    def __init__(self, ahead_seconds: float) -> None:
        self.ahead_seconds = ahead_seconds

    def now_ms(self) -> int:
        return super().now_ms() + int(self.ahead_seconds * 1000)


@pytest.fixture
async def make_nodes(db: Database) -> MakeNodes:
    """Makes nodes on one database; each call another one."""
    await migrate(db, load_migrations(["watchword.protection"]))

    def make(
        name: str,
        *secrets: str,
        version: str = "1.0",
        clock: Clock | None = None,
        app_id: str = "public",
        **settings: str,
    ) -> Nodes:
        return Nodes(db, app_id, NodeFacts(name, version, secrets, settings), clock or SystemClock())

    return make


async def test_a_secret_changes_in_two_steps_while_nodes_run(make_nodes: MakeNodes) -> None:
    """As the guide says: [old, new] everywhere, then [new, old]; at no moment is a node refused."""
    secrets = [("old",), ("old", "new"), ("new", "old"), ("new",)]
    running = [make_nodes(f"n{number}", "old") for number in range(3)]
    for node in running:
        await node.start()
    for step, list_ in enumerate(secrets[1:]):
        for number, node in enumerate(running):
            await node.stop()
            running[number] = make_nodes(f"n{number}-{step}", *list_)
            await running[number].start()
    for node in running:
        await node.stop()


@pytest.mark.parametrize(
    ("there", "here", "words"),
    [
        (("old",), ("new",), "the node 'there' does not have the secret new that this node seals with"),
        (("old",), ("new", "old"), "the node 'there' does not have the secret new that this node seals with"),
        (("new", "old"), ("old",), "the node 'there' seals with a secret new that is not in the list of this node"),
    ],
)
async def test_a_step_left_out_is_refused_by_the_node_that_leaves_it_out(
    make_nodes: MakeNodes, db: Database, there: Any, here: Any, words: str
) -> None:
    """Misuse: one node seals with what another cannot open, and each signs the other's people out."""
    other, wrong = make_nodes("there", *there), make_nodes("here", *here)
    await other.start()
    with pytest.raises(ConfigurationError) as refused:
        await wrong.start()
    assert str(refused.value).startswith(f"secret: {words}")
    assert "two steps" in str(refused.value)
    row = await db.find(COUNT)
    assert row is not None
    assert 1 == row["rows"]  # who was refused leaves nothing behind
    await other.stop()
    await wrong.start()
    await wrong.stop()


async def test_a_killed_node_is_forgotten(make_nodes: MakeNodes, db: Database) -> None:
    """It left its row behind; after half a minute of silence it is no reason any more."""
    await make_nodes("killed", "old").beat()
    node = make_nodes("here", "new")
    with pytest.raises(ConfigurationError, match="If that node was killed, start again in 30 s"):
        await node.start()

    async def age(tx: Any) -> None:
        await tx.execute(AGE, age_ms=LIFE_MS)

    await db.write(age)
    await node.start()
    await node.stop()


async def test_what_differs_is_said_once(make_nodes: MakeNodes, caplog: pytest.LogCaptureFixture) -> None:
    """Another version, another setting: named with both values, by both nodes, and the start goes on."""
    first = make_nodes("first", "old", version="1.0", settle_ms="5000", only_here="1")
    second = make_nodes("second", "old", version="1.1", settle_ms="9000")
    await first.start()
    with caplog.at_level(logging.WARNING):
        await second.start()
        for node in (first, second, first, second):
            await node.look()
    said = [record.getMessage() for record in caplog.records]
    assert 4 == len(said)
    assert "the node 'first' runs Watchword 1.0, this one 1.1; that is fine while an update rolls" in said[0]
    assert "the node 'second' has settle_ms=9000, this one 5000; give all the same" in said
    await first.stop()
    await second.stop()


async def test_a_conflict_that_comes_later_is_said(make_nodes: MakeNodes, caplog: pytest.LogCaptureFixture) -> None:
    """A node of a version that does not look is noticed by those that do."""
    node = make_nodes("here", "old")
    await node.start()
    await make_nodes("careless", "new").beat()
    for _ in range(2):
        await node.look()
    (line,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "'careless'" in line.getMessage()
    await node.stop()


async def test_nodes_of_another_app_are_none_of_ours(make_nodes: MakeNodes) -> None:
    """Two applications in one database may have two secrets."""
    other, node = make_nodes("theirs", "old", app_id="other"), make_nodes("ours", "new")
    await other.start()
    await node.start()
    await other.stop()
    await node.stop()


@pytest.mark.parametrize("ahead_seconds", [-40, 40, 86_400])
async def test_a_clock_that_is_far_off_stops_the_start(make_nodes: MakeNodes, ahead_seconds: float) -> None:
    """Misuse: a machine without NTP, whose tokens are too old or too young for all others (SC-14)."""
    node = make_nodes("here", "old", clock=WrongClock(ahead_seconds))
    with pytest.raises(
        ConfigurationError, match=r"clock: the clock of this machine is \d+ s (ahead of|behind) the"
    ) as it:
        await node.start()
    assert ("ahead of" in str(it.value)) == (ahead_seconds > 0)
    assert not node.is_clock_usable


async def test_a_clock_that_is_off_is_said(make_nodes: MakeNodes, caplog: pytest.LogCaptureFixture) -> None:
    """From five seconds on, at start and while running; again after it was right, and when it gets worse."""
    clock = WrongClock(8)
    node = make_nodes("here", "old", clock=clock)
    await node.start()
    for ahead_seconds in (8, 0, -9, -9, -50):
        clock.ahead_seconds = ahead_seconds
        await node.look()
    said = [record for record in caplog.records if "the clock of this machine" in record.getMessage()]
    assert [logging.WARNING, logging.WARNING, logging.ERROR] == [record.levelno for record in said]
    assert ["8 s ahead", "9 s behind", "50 s behind"] == [
        re.findall(r"\d+ s \w+", record.getMessage())[0] for record in said
    ]
    assert not node.is_clock_usable
    await node.stop()


async def test_an_injected_clock_is_not_compared(make_nodes: MakeNodes) -> None:
    """Tests move their clocks."""
    node = make_nodes("here", "old", clock=FakeClock())
    await node.start()
    assert 0 == node.clock_offset_ms
    await node.stop()


def application(database_url: str, *secrets: str, **session: Any) -> Watchword:
    """A whole application."""
    localhost = "http://localhost:8000"
    return Watchword(
        app_info=AppInfo(app_name="Test", api_domain=localhost, website_domain=localhost),
        database=database_url,
        secret=list(secrets),
        recipe_list=[EmailPassword(), Session(signing_key_algorithm="EdDSA", **session)],
    )


async def test_two_applications_that_do_not_fit(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """The whole way: another secret, a step left out, other settings; and a start that failed may be tried again."""
    first = application(database_url, OLD)
    await first.start()
    for wrong, words in (
        (application(database_url, NEW), "does not open"),
        (application(database_url, NEW, OLD), "does not have the secret"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            await wrong.start()
    other = application(database_url, OLD, NEW, refresh_token_validity_ms=86_400_000)
    with caplog.at_level(logging.WARNING):
        await other.start()
    assert [True] == [
        "Session(refresh_token_validity_ms)=8640000000" in r.getMessage()
        for r in caplog.records
        if "give all" in r.getMessage()
    ]
    await first.stop()
    await other.stop()
