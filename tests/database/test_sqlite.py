"""SQLite's own: one commit for many, other processes, a full disk, and files that cannot be used."""

import asyncio
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.database.things import (
    ADD_PART,
    ADD_THING,
    COUNT_THINGS,
    FIND_THING,
    LIST_THINGS,
    SET_AMOUNT,
    add,
    amount,
    count,
    create_things,
)
from watchword.database import sqlite_checks
from watchword.database.database import Transaction
from watchword.database.group_commit import LONGEST_QUEUE
from watchword.database.open import open_database
from watchword.database.sqlite import SqliteDatabase
from watchword.database.sqlite_checks import file_system_of
from watchword.database.statements import Statement
from watchword.errors import ConfigurationError, Overloaded, StorageUnavailable

BUSY_SECONDS = 0.3
NORMAL, FULL = 1, 2  # as SQLite numbers them
SYNCHRONOUS = Statement("pragma synchronous")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file of the test lies."""
    return tmp_path / "things.db"


@pytest.fixture
async def db(path: Path) -> AsyncIterator[SqliteDatabase]:
    """A started database with its tables that does not wait long for others."""
    database = SqliteDatabase(path, busy_seconds=BUSY_SECONDS)
    await database.start()
    await create_things(database)
    yield database
    await database.stop()


class Gate:
    """Holds the writer's thread in a body, so that what comes meanwhile is one batch."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self.reached = threading.Event()

    async def body(self, _: Transaction) -> None:
        """Stop here until `let_go`."""
        self.reached.set()
        assert self._open.wait(30)

    def let_go(self) -> None:
        """Go on."""
        self._open.set()


async def in_one_batch(db: SqliteDatabase, *bodies: object) -> list[object]:
    """Run bodies so that the writer finds all of them waiting."""
    gate = Gate()
    held = asyncio.create_task(db.write(gate.body))
    await asyncio.to_thread(gate.reached.wait, 30)
    tasks = [asyncio.create_task(db.write(body)) for body in bodies]
    await asyncio.sleep(0)  # each has put its body into the queue
    gate.let_go()
    await held
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_only_what_may_not_be_lost_waits_for_the_disk(db: SqliteDatabase) -> None:
    """A commit need not wait when only a loss of power could undo it; with one that must wait, all of a batch do."""

    async def ask(tx: Transaction) -> int:
        row = await tx.find(SYNCHRONOUS)
        assert row is not None
        return row["synchronous"]

    assert [FULL, NORMAL, FULL] == [await db.write(ask, durable=durable) for durable in (True, False, True)]
    gate = Gate()
    held = asyncio.create_task(db.write(gate.body, durable=False))
    await asyncio.to_thread(gate.reached.wait, 30)
    tasks = [asyncio.create_task(db.write(ask, durable=durable)) for durable in (False, True, False)]
    await asyncio.sleep(0)  # each has put its body into the queue
    gate.let_go()
    await held
    assert [FULL, FULL, FULL] == await asyncio.gather(*tasks)


async def test_what_waits_is_committed_together(db: SqliteDatabase, path: Path) -> None:
    """All that wait share one commit, before which nobody outside sees any of it; one that fails takes back its own."""

    async def first(tx: Transaction) -> str:
        await tx.execute(ADD_THING, id="first", amount=1, picture=None)
        return "first"

    async def failing(tx: Transaction) -> None:
        await tx.execute(ADD_THING, id="failing", amount=1, picture=None)
        raise LookupError

    async def last(tx: Transaction) -> tuple[int, int]:
        inside = await tx.find(COUNT_THINGS)
        with sqlite3.connect(path) as outside:
            seen = outside.execute("select count(*) from things").fetchone()[0]
        outside.close()
        assert inside is not None
        return inside["number"], seen

    answers = await in_one_batch(db, first, failing, last)

    assert "first" == answers[0]
    assert isinstance(answers[1], LookupError)
    assert (1, 0) == answers[2]
    assert ["first"] == [row["id"] for row in await db.list(LIST_THINGS)]


async def test_a_commit_that_fails_fails_for_all_who_share_it(db: SqliteDatabase) -> None:
    """Each caller of the batch gets `StorageUnavailable` as its own, nothing of the batch is there, the next works."""
    await db.write_schema(
        lambda tx: tx.execute(
            Statement("create table {debts} (id text references {things} (id) deferrable initially deferred)")
        )
    )
    owe = Statement("insert into {debts} (id) values ('nobody')")  # a foreign key that is looked at in the commit

    answers = await in_one_batch(
        db, lambda tx: tx.find(ADD_THING, id="a", amount=1, picture=None), lambda tx: tx.execute(owe)
    )

    assert [StorageUnavailable] * 2 == [type(answer) for answer in answers]
    assert answers[0] is not answers[1]
    assert 0 == await count(db)
    assert await add(db, "b") is not None


async def test_a_full_disk_is_an_outage_and_passes(db: SqliteDatabase) -> None:
    """When SQLite finds no room, callers get `StorageUnavailable`; with room again, all works without a restart."""
    await add(db, "kept")
    [pages] = await db.list(Statement("pragma page_count"))
    await db.write(lambda tx: tx.list(Statement(f"pragma max_page_count = {pages['page_count']}")))

    with pytest.raises(StorageUnavailable, match="full"):
        await db.write(lambda tx: tx.execute(ADD_THING, id="big", amount=1, picture=bytes(1_000_000)))
    assert 1 == await count(db)

    await db.write(lambda tx: tx.list(Statement("pragma max_page_count = 1000000")))
    await db.write(lambda tx: tx.execute(ADD_THING, id="big", amount=1, picture=bytes(1_000_000)))
    assert 2 == await count(db)


async def test_too_many_that_wait_are_sent_away(db: SqliteDatabase) -> None:
    """The queue has an end: who comes after it gets `Overloaded` at once, all others are served."""
    gate = Gate()
    held = asyncio.create_task(db.write(gate.body))
    await asyncio.to_thread(gate.reached.wait, 30)
    tasks = [asyncio.create_task(add(db, f"thing {number}")) for number in range(LONGEST_QUEUE)]
    await asyncio.sleep(0)

    with pytest.raises(Overloaded) as caught:
        await add(db, "one too many")
    assert caught.value.retry_after_seconds > 0
    for task in tasks[10:]:
        task.cancel()  # who goes away while waiting is not served
    gate.let_go()
    await held

    await asyncio.gather(*tasks[:10])
    assert 10 == await count(db)


async def test_another_process_that_writes_is_waited_for_a_while(db: SqliteDatabase, path: Path) -> None:
    """A lock of another process: short, and we wait; long, and it is an outage that passes; nothing is lost (F-11)."""
    await add(db, "a", 1)
    other = lock_in_another_process(path)

    assert 1 == await amount(db, "a")  # reads do not wait
    with pytest.raises(StorageUnavailable, match="another process"):
        await db.write(lambda tx: tx.execute(SET_AMOUNT, id="a", amount=2))

    patient = SqliteDatabase(path, busy_seconds=60)
    await patient.start()
    waiting = asyncio.create_task(patient.write(lambda tx: tx.find(FIND_THING, id="a")))
    other.communicate("let go\n")
    row = await waiting
    assert row is not None
    assert 100 == row["amount"]
    await patient.stop()
    await db.write(lambda tx: tx.execute(SET_AMOUNT, id="a", amount=3))
    assert 3 == await amount(db, "a")


async def test_migrations_wait_longer(db: SqliteDatabase, path: Path) -> None:
    """A process that migrates waits for another's lock longer than a sign-in does."""
    await add(db, "a", 1)
    other = lock_in_another_process(path)
    waiting = asyncio.create_task(db.write_schema(lambda tx: tx.find(FIND_THING, id="a")))
    with pytest.raises(StorageUnavailable):  # all that came before it has been given up
        await add(db, "b")
    other.communicate("let go\n")
    row = await waiting
    assert row is not None
    assert 100 == row["amount"]


async def test_a_migration_goes_on_that_waited_behind_others(db: SqliteDatabase, path: Path) -> None:
    """Also where its time was up in the queue, before the writer came to it."""
    await add(db, "a", 1)
    other = lock_in_another_process(path)
    before_it = asyncio.create_task(add(db, "b"))
    while not db.usage().used:  # noqa: ASYNC110 - the writer's thread has nothing to tell
        await asyncio.sleep(0)
    waiting = asyncio.create_task(db.write_schema(lambda tx: tx.find(FIND_THING, id="a")))
    with pytest.raises(StorageUnavailable):
        await before_it
    other.communicate("let go\n")
    assert await waiting is not None


def lock_in_another_process(path: Path) -> subprocess.Popen[str]:
    """A process that holds the write lock, and sets an amount and commits when its standard input speaks."""
    program = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("begin immediate")
print("locked", flush=True)
sys.stdin.readline()
connection.execute("update things set amount = 100 where id = 'a'")
connection.execute("commit")
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert "locked\n" == process.stdout.readline()
    return process


async def test_who_waited_too_long_is_not_served_late(db: SqliteDatabase) -> None:
    """A caller whose time ran out in the queue is told so, and its transaction is not run after that."""
    gate = Gate()
    held = asyncio.create_task(db.write(gate.body))
    await asyncio.to_thread(gate.reached.wait, 30)
    late = asyncio.create_task(add(db, "late"))
    await asyncio.sleep(0)
    await asyncio.to_thread(threading.Event().wait, BUSY_SECONDS * 1.5)  # the time that runs out is the real one
    gate.let_go()
    await held
    with pytest.raises(StorageUnavailable):
        await late
    assert 0 == await count(db)


async def test_every_connection_is_safe(db: SqliteDatabase) -> None:
    """WAL, durable commits and foreign keys, on the connection that writes (SC-9)."""

    async def body(tx: Transaction) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys")
        return [row[name] for name in names for row in await tx.list(Statement(f"pragma {name}"))]

    assert ["wal", 2, 1] == await db.write(body)


async def test_a_read_does_not_write(db: SqliteDatabase) -> None:
    """`find` and `list` refuse statements that change something: they would go past the writer."""
    for read in (db.find, db.list):
        with pytest.raises(StorageUnavailable, match="readonly"):
            await read(ADD_THING, id="a", amount=1, picture=None)
    assert 0 == await count(db)


async def test_a_read_holds_no_snapshot(db: SqliteDatabase) -> None:
    """Each read sees what was committed last, after a read that left rows unread too."""
    for number in range(3):
        await add(db, f"thing {number}")
        assert await db.find(LIST_THINGS) is not None
        assert number + 1 == await count(db)


async def test_event_loops_of_several_threads_share_one_database(db: SqliteDatabase) -> None:
    """Each caller is answered on its own loop, whichever thread that runs in."""

    def work(name: str) -> int:
        async def run() -> int:
            await asyncio.gather(*(add(db, f"{name} {number}") for number in range(20)))
            return await count(db)

        return asyncio.run(run())

    counts = await asyncio.gather(*(asyncio.to_thread(work, name) for name in ("a", "b", "c")))

    assert 60 == max(counts) == await count(db)


async def test_two_databases_in_memory_share_nothing() -> None:
    """`sqlite://` behaves like a file as long as it is started, and is seen by nobody else."""
    one, two = open_database("sqlite://"), open_database("sqlite://")
    for database in (one, two):
        await database.start()
        await create_things(database)
    await asyncio.gather(*(add(one, f"thing {number}") for number in range(30)))
    with pytest.raises(sqlite3.IntegrityError):
        await one.write(lambda tx: tx.execute(ADD_PART, thing_id="nobody", name="x"))

    assert (30, 0) == (await count(one), await count(two))
    assert 30 == len(await one.list(LIST_THINGS))
    for database in (one, two):
        await database.stop()


async def test_a_new_file_is_readable_by_its_owner_only(path: Path, db: SqliteDatabase) -> None:
    """The file, its log and its index are closed to others: they hold addresses and password hashes."""
    await add(db, "a")
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert {"things.db": 0o600, "things.db-wal": 0o600, "things.db-shm": 0o600} == modes


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere/at/all.db", "the folder .*nowhere/at does not exist"),
        ("folder.db", "is not a file"),
        ("text.db", "cannot be used as an SQLite database: file is not a database"),
        ("../../../../proc/none.db", "none.db|/proc"),
    ],
)
async def test_a_file_that_cannot_be_used_stops_the_start(tmp_path: Path, name: str, words: str) -> None:
    """The sentence names the setting, the path, and what is wrong with it."""
    (tmp_path / "folder.db").mkdir()
    (tmp_path / "text.db").write_text("this is not a database, and long enough to be looked at" * 100)
    with pytest.raises(ConfigurationError, match=rf"^database: .*{words}"):
        await open_database(f"sqlite:///{tmp_path / name}").start()


def test_a_place_without_rights_stops_the_start() -> None:
    """A file or folder that an ordinary user may not write is refused with the path and the remedy."""
    program = """
import os, pathlib, sys
from watchword.database.sqlite_checks import check_place
from watchword.errors import ConfigurationError
if os.geteuid() == 0:  # root may write everywhere; the check is about everybody else
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
for name in ("things.db", "other.db"):
    try:
        check_place(pathlib.Path(sys.argv[1]) / name)
    except ConfigurationError as error:
        print(error)
"""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "things.db").touch(mode=0o444)
        Path(folder).chmod(0o555)
        done = subprocess.run([sys.executable, "-c", program, folder], capture_output=True, text=True, check=True)
        Path(folder).chmod(0o755)
    assert [
        f"database: the file {folder}/things.db cannot be written by this user; change its rights, or set another",
        f"database: the folder {folder} cannot be written by this user; change its rights, or set another",
    ] == done.stdout.splitlines()


async def test_a_network_file_system_stops_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite's locks do not hold across machines: the sentence says which file system it is and what to use."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"22 1 0:40 / {tmp_path} rw - nfs4 server:/srv rw\n")
    monkeypatch.setattr(sqlite_checks, "MOUNTS", mounts)
    with pytest.raises(ConfigurationError, match=r"^database: .*network file system \(nfs4\).*PostgreSQL"):
        await SqliteDatabase(tmp_path / "things.db").start()


def test_network_file_systems_are_found_out() -> None:
    """The mount that holds a path tells its file system: the longest that fits, the last of two at one place (SC-9)."""
    mounts = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw
30 22 0:40 / /srv rw - nfs4 server:/srv rw
31 30 8:2 / /srv/local\\040disk rw - xfs /dev/sdb rw
32 22 0:41 / /mnt rw - ext4 /dev/sdc rw
33 22 0:42 / /mnt rw - cifs //server/share rw
"""
    assert "ext4" == file_system_of(Path("/var/lib/demo.db"), mounts)
    assert "nfs4" == file_system_of(Path("/srv/demo.db"), mounts)
    assert "ext4" == file_system_of(Path("/srv2/demo.db"), mounts)
    assert "xfs" == file_system_of(Path("/srv/local disk/demo.db"), mounts)
    assert "cifs" == file_system_of(Path("/mnt/x/demo.db"), mounts)
    assert "" == file_system_of(Path("/var/lib/demo.db"), "")
