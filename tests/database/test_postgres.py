"""PostgreSQL's own: retries, outages, time limits, the pool, TLS, and servers that are refused."""

import asyncio
import ssl
import sys
import traceback
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.conftest import Postgres
from tests.database.things import (
    ADD_THING,
    FIND_THING,
    LIST_THINGS,
    LOCK_THING,
    SET_AMOUNT,
    add,
    amount,
    count,
    create_things,
)
from tests.services.postgres import PostgresServer, execute, running_server
from tests.services.tls_front import tls_front
from watchword.database.database import Transaction
from watchword.database.open import open_database
from watchword.database.postgres import PostgresDatabase
from watchword.database.postgres_pool import LONGEST_QUEUE
from watchword.database.postgres_start import refusal
from watchword.database.statements import Statement
from watchword.errors import ConfigurationError, Overloaded, StorageUnavailable


@pytest.fixture
async def db(postgres_url: str) -> AsyncIterator[PostgresDatabase]:
    """A started database with its tables."""
    database = PostgresDatabase(postgres_url)
    await database.start()
    await create_things(database)
    yield database
    await database.stop()


@pytest.fixture
async def other(postgres_url: str, db: PostgresDatabase) -> AsyncIterator[asyncpg.Connection]:
    """Another client of the same database; it finds out about deadlocks later than we do."""
    connection = await asyncpg.connect(postgres_url, server_settings={"deadlock_timeout": "600s"})
    yield connection
    await connection.close()


async def until_blocked(observer: asyncpg.Connection, *tasks: asyncio.Task[Any]) -> None:
    """Wait until each task's session waits for a lock."""
    waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    while len(tasks) > await observer.fetchval(waiting):
        for task in tasks:
            assert not task.done(), f"it did not wait: {task}"
        await observer.execute("select pg_stat_clear_snapshot()")  # inside a transaction it would see the same again


async def test_a_deadlock_is_run_again(db: PostgresDatabase, other: asyncpg.Connection) -> None:
    """The victim of a deadlock runs again from the start, and its caller never hears of it (DB-4, F-09)."""
    await add(db, "a", 1)
    await add(db, "b", 1)
    runs: list[int] = []

    async def body(tx: Transaction) -> None:
        runs.append(len(runs))
        await tx.execute(SET_AMOUNT, id="a", amount=10)
        await tx.execute(SET_AMOUNT, id="b", amount=10)

    async with other.transaction():
        await other.execute("update public.things set amount = 20 where id = 'b'")
        ours = asyncio.create_task(db.write(body))
        await until_blocked(other, ours)
        await other.execute("update public.things set amount = 20 where id = 'a'")
    await ours

    assert [0, 1] == runs
    assert (10, 10) == (await amount(db, "a"), await amount(db, "b"))


async def test_a_transaction_is_run_again_three_times_at_most(db: PostgresDatabase) -> None:
    """A server that always asks for another run gets it three times; then it is an outage (DB-4)."""
    runs: list[int] = []
    refuse = Statement("do $$ begin raise exception using errcode = '40001'; end $$")

    async def body(tx: Transaction) -> None:
        runs.append(len(runs))
        await tx.execute(refuse)

    with pytest.raises(StorageUnavailable):
        await db.write(body)
    assert 4 == len(runs)


async def test_a_body_that_hides_a_conflict_is_run_again_too(db: PostgresDatabase) -> None:
    """Catching the error of a statement inside the body does not keep the transaction from running again."""
    runs: list[int] = []
    refuse = Statement("do $$ begin raise exception using errcode = '40P01'; end $$")

    async def body(tx: Transaction) -> int:
        runs.append(len(runs))
        if len(runs) == 1:
            try:
                await tx.execute(refuse)
            except Exception:
                return -1
        return len(runs)

    assert 2 == await db.write(body)


async def test_a_connection_lost_before_the_commit_is_nobodys_problem(
    db: PostgresDatabase, postgres: Postgres, other: asyncpg.Connection
) -> None:
    """A connection that the server ends in the middle is replaced, and the transaction runs again on the new one."""
    await add(db, "a", 1)
    runs: list[int] = []

    async def body(tx: Transaction) -> None:
        runs.append(len(runs))
        await tx.find(LOCK_THING, id="a")
        await tx.execute(SET_AMOUNT, id="a", amount=5)

    async with other.transaction():
        await other.execute("select * from public.things where id = 'a' for update")
        ours = asyncio.create_task(db.write(body))
        await until_blocked(other, ours)
        await other.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and wait_event_type = 'Lock'"
        )
    try:
        await ours
    except StorageUnavailable:  # the server's farewell came before the end of the line: then it is an outage
        await db.write(body)

    assert 2 == len(runs)
    assert 5 == await amount(db, "a")


async def test_a_connection_lost_in_the_commit_is_an_outage_and_not_run_again(
    db: PostgresDatabase, other: asyncpg.Connection
) -> None:
    """Nobody knows whether it was committed: the caller hears so, and the body ran once (DB-2)."""
    await other.execute("""
        create function wait() returns trigger language plpgsql as $$ begin perform pg_sleep(600); return null; end $$;
        create constraint trigger slow_commit after insert on things deferrable initially deferred
            for each row when (new.id = 'slow') execute function wait()
    """)
    runs: list[int] = []

    async def body(tx: Transaction) -> None:
        runs.append(len(runs))
        await tx.execute(ADD_THING, id="slow", amount=1, picture=None)

    ours = asyncio.create_task(db.write(body))
    end_it = """
        select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and wait_event = 'PgSleep' and query = 'commit'
    """
    while not await other.fetch(end_it):
        assert not ours.done()

    with pytest.raises(StorageUnavailable, match="outcome is not known"):
        await ours
    assert [0] == runs
    assert 0 == await count(db)


async def test_lost_idle_connections_are_replaced(db: PostgresDatabase, other: asyncpg.Connection) -> None:
    """After the server has ended every idle connection, reads and writes work as if nothing had been."""
    await asyncio.gather(*(add(db, f"thing {number}") for number in range(20)))
    await other.execute("""
        select pg_terminate_backend(pid, 5000) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid()
    """)

    answers = await asyncio.gather(count(db), count(db), return_exceptions=True)
    assert all(answer == 20 or isinstance(answer, StorageUnavailable) for answer in answers)
    assert 20 == await count(db)


async def test_connections_of_a_rush_are_given_up(
    db: PostgresDatabase, other: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was opened when many came at once is closed when few come, so that others may have connections too."""
    count_ours = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    async with other.transaction():
        await other.execute("lock table things")
        held = [asyncio.create_task(add(db, f"thing {number}")) for number in range(10)]
        await until_blocked(other, *held)
        assert 10 == await other.fetchval(count_ours)
    await asyncio.gather(*held)
    monkeypatch.setattr("watchword.database.postgres_pool.IDLE_SECONDS", 0.5)
    async with asyncio.timeout(20):
        while 1 < await other.fetchval(count_ours):
            assert 10 == await count(db)


async def test_a_server_that_stops_is_an_outage_until_it_is_back(stoppable_postgres: PostgresServer) -> None:
    """While PostgreSQL is down every call is `StorageUnavailable`; when it is back, all works without a restart."""
    db = PostgresDatabase(stoppable_postgres.create_database())
    await db.start()
    await create_things(db)
    await asyncio.gather(*(add(db, f"thing {number}") for number in range(20)))

    for signal in ("INT", "QUIT"):  # an orderly stop, and a crash
        await asyncio.to_thread(stoppable_postgres.stop, signal)
        for _ in range(12):  # more often than the pool has connections
            for call in (db.find(FIND_THING, id="a"), db.list(LIST_THINGS), add(db, "a")):
                with pytest.raises(StorageUnavailable):
                    await call
        await asyncio.to_thread(stoppable_postgres.start)
        assert 20 == await count(db)
        assert signal == await db.write(lambda tx, signal=signal: _echo(tx, signal))
    await db.stop()


async def _echo(tx: Transaction, text: str) -> str:
    row = await tx.find(Statement("select cast(:text as text) as text"), text=text)
    assert row is not None
    return row["text"]


async def test_acknowledged_writes_survive_a_crash(stoppable_postgres: PostgresServer) -> None:
    """The server is killed under load: every write that was answered is there when it is back."""
    db = PostgresDatabase(stoppable_postgres.create_database())
    await db.start()
    await create_things(db)
    acknowledged: list[str] = []
    enough = asyncio.Event()

    async def write(worker: int) -> None:
        for number in range(100_000):
            await add(db, f"{worker} {number}")
            acknowledged.append(f"{worker} {number}")
            if len(acknowledged) == 200:
                enough.set()

    workers = asyncio.gather(*(write(worker) for worker in range(4)), return_exceptions=True)
    await enough.wait()
    await asyncio.to_thread(stoppable_postgres.stop, "QUIT")
    assert all(isinstance(answer, StorageUnavailable) for answer in await workers)

    await asyncio.to_thread(stoppable_postgres.start)
    stored = {row["id"] for row in await db.list(LIST_THINGS)}
    assert set() == set(acknowledged) - stored
    assert len(stored) <= len(acknowledged) + 4
    await db.stop()


async def test_a_pool_that_is_used_up_says_so(
    postgres_url: str, db: PostgresDatabase, other: asyncpg.Connection
) -> None:
    """With every connection in use, who waits too long gets `Overloaded`; afterwards all is well."""
    small = PostgresDatabase(postgres_url, pool_size=2, busy_seconds=0.2)
    await small.start()
    await add(db, "a")
    async with other.transaction():
        await other.execute("select * from public.things where id = 'a' for update")
        held = [asyncio.create_task(small.write(lambda tx: tx.find(LOCK_THING, id="a"))) for _ in range(2)]
        await until_blocked(other, *held)
        with pytest.raises(Overloaded):
            await small.find(FIND_THING, id="a")
    await asyncio.gather(*held)
    assert 1 == await count(small)
    await small.stop()


async def test_a_queue_that_is_too_long_says_so_at_once(db: PostgresDatabase, postgres_url: str) -> None:
    """Only so many may wait for a connection; who comes after them is sent away, and they are all served."""
    small = PostgresDatabase(postgres_url, pool_size=1, busy_seconds=60)
    await small.start()
    tasks = [asyncio.create_task(small.find(FIND_THING, id="a")) for _ in range(1 + LONGEST_QUEUE)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await small.find(FIND_THING, id="a")
    assert {None} == set(await asyncio.gather(*tasks))
    await small.stop()


async def test_stop_does_not_wait_for_ever(db: PostgresDatabase, postgres_url: str, other: asyncpg.Connection) -> None:
    """What still runs when the time of `stop` is over is cut off, and its caller hears of an outage."""
    await add(db, "a")
    hasty = PostgresDatabase(postgres_url, busy_seconds=0.2)
    await hasty.start()
    async with other.transaction():
        await other.execute("select * from public.things where id = 'a' for update")
        held = asyncio.create_task(hasty.write(lambda tx: tx.find(LOCK_THING, id="a")))
        await until_blocked(other, held)
        await hasty.stop()
        with pytest.raises(StorageUnavailable):
            await held


async def test_a_server_that_takes_no_writes_is_left(postgres: Postgres, postgres_url: str) -> None:
    """After a fail-over our connections may lead to a replica: the first write finds out, and all are opened anew."""
    name = postgres_url.rpartition("/")[2]
    database = PostgresDatabase(postgres_url)
    await database.start()
    await create_things(database)
    await database.stop()
    postgres.execute(f"alter database {name} set default_transaction_read_only = on")
    await database.start()
    await asyncio.gather(*(count(database) for _ in range(5)))
    postgres.execute(f"alter database {name} reset default_transaction_read_only")  # for connections made from now on

    with pytest.raises(StorageUnavailable, match="takes no writes"):
        await add(database, "a")
    assert await add(database, "a") is not None
    assert 1 == await count(database)
    await database.stop()


async def test_errors_in_the_commit_are_sorted_too(db: PostgresDatabase, other: asyncpg.Connection) -> None:
    """A conflict found by the commit is run again; a rule broken there is the program's mistake; both are known."""
    await other.execute("""
        create sequence attempts;
        create function complain() returns trigger language plpgsql as $$ begin
            if new.id = 'conflict' and nextval('attempts') < 3 then raise exception using errcode = '40001'; end if;
            if new.id = 'rule' then raise exception 'a rule is broken' using errcode = '23514'; end if;
            return null;
        end $$;
        create constraint trigger late after insert on things deferrable initially deferred
            for each row execute function complain()
    """)
    assert await add(db, "conflict") is not None
    with pytest.raises(asyncpg.CheckViolationError, match="a rule is broken"):
        await add(db, "rule")
    assert ["conflict"] == [row["id"] for row in await db.list(LIST_THINGS)]


async def test_without_the_driver_the_start_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asyncpg is an extra: without it the sentence has the command."""
    monkeypatch.setitem(sys.modules, "asyncpg", None)  # what the import system knows as "not there"
    with pytest.raises(ConfigurationError, match=r'pip install "watchword\[postgres\]"'):
        await PostgresDatabase("postgresql://localhost/app").start()


async def test_time_limits_and_durability_are_ours(postgres: Postgres, postgres_url: str) -> None:
    """Whatever the role's defaults are, each transaction has our time limits and durable commits (DB-5, SC-10).

    Behind PgBouncer too, where the session belongs to somebody else: there they travel in the transaction.
    """
    name = postgres_url.rpartition("/")[2]
    postgres.execute(
        f"alter database {name} set synchronous_commit = off; alter database {name} set statement_timeout = 0;"
        f"alter database {name} set default_transaction_isolation = 'serializable'"
    )
    expected = {
        "statement_timeout": "10s",
        "lock_timeout": "5s",
        "idle_in_transaction_session_timeout": "15s",
        "synchronous_commit": "on",
        "transaction_isolation": "read committed",
    }

    async def read_settings(tx: Transaction) -> dict[str, str]:
        rows = [await tx.find(Statement(f"select current_setting('{setting}') as value")) for setting in expected]
        return {setting: row["value"] for setting, row in zip(expected, rows, strict=True) if row is not None}

    for query in ("", "?pgbouncer=true", "?prepared_statements=false"):
        database = open_database(postgres_url + query)
        await database.start()
        assert expected == await database.write(read_settings)
        row = await database.find(Statement("select current_setting('synchronous_commit') as value"))
        assert row is not None
        assert "on" == row["value"]
        await database.stop()


@pytest.mark.parametrize(
    ("limit", "words"), [("statement_timeout", "longer than its limit"), ("lock_timeout", "locked")]
)
async def test_a_time_limit_is_an_outage_that_passes(
    db: PostgresDatabase, other: asyncpg.Connection, limit: str, words: str
) -> None:
    """A statement that the server stops is `StorageUnavailable`, once, and the connection goes on (F-10)."""
    await add(db, "a")
    runs: list[int] = []

    async def body(tx: Transaction) -> None:
        runs.append(len(runs))
        await tx.execute(Statement(f"set local {limit} = '50ms'"))
        await tx.find(LOCK_THING, id="a")

    async with other.transaction():
        await other.execute("select * from public.things where id = 'a' for update")
        with pytest.raises(StorageUnavailable, match=words):
            await db.write(body)
    assert [0] == runs
    assert 1 == await count(db)


async def test_behind_pgbouncer_nothing_stays_on_the_connection(postgres_url: str, other: asyncpg.Connection) -> None:
    """With `pgbouncer=true` no statement is prepared by name, and no setting outlives its transaction."""
    database = PostgresDatabase(postgres_url + "?pgbouncer=true", pool_size=1)
    await database.start()
    assert [] == await database.list(Statement("select name from pg_prepared_statements"))
    await add(database, "a")
    assert [] == await database.list(Statement("select name from pg_prepared_statements"))
    assert 1 == await count(database)
    await database.stop()


async def test_a_role_without_rights_gets_a_sentence(
    postgres: Postgres, postgres_url: str, db: PostgresDatabase
) -> None:
    """A table that the role may not read is named, with what to grant."""
    role = postgres_url.rpartition("/")[2].replace("watchword_test", "watchword_none")
    postgres.execute(f"create role {role} login")
    poor = PostgresDatabase(postgres_url.replace("//postgres", f"//{role}"))
    await poor.start()
    with pytest.raises(ConfigurationError, match=r"permission denied for table things.*Grant"):
        await poor.find(FIND_THING, id="a")
    await poor.stop()
    postgres.execute(f"drop role {role}")


async def test_a_server_that_does_not_tell_its_timeline_is_used(postgres: Postgres, postgres_url: str) -> None:
    """Where the role may not ask, or the server is none of PostgreSQL's own, all works but for that one question."""
    role = postgres_url.rpartition("/")[2].replace("watchword_test", "watchword_mute")
    postgres.execute(
        f"revoke execute on function pg_control_system from public; create role {role} login", postgres_url
    )
    postgres.execute(f"grant create on schema public to {role}", postgres_url)
    database = PostgresDatabase(postgres_url.replace("//postgres", f"//{role}"))
    await database.start()
    await create_things(database)
    assert await add(database, "a") is not None
    await database.stop()
    postgres.execute(f"drop owned by {role}; drop role {role}", postgres_url)


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
async def test_a_server_that_may_lose_commits_is_refused(setting: str) -> None:
    """`fsync=off` or `full_page_writes=off` stops the start, with what to set (SC-10)."""
    with running_server({setting: "off"}) as server:
        database = PostgresDatabase(server.admin_url)
        with pytest.raises(ConfigurationError, match=rf"^database: .*{setting}=off.*set {setting}=on"):
            await database.start()
        with pytest.raises(StorageUnavailable):
            await database.list(LIST_THINGS)


async def test_a_database_that_is_not_utf8_is_refused(postgres: Postgres) -> None:
    """Text that the database cannot hold would fail at some sign-up; the start fails instead."""
    postgres.execute("create database watchword_latin encoding 'LATIN1' template template0 lc_collate 'C' lc_ctype 'C'")
    url = postgres.admin_url.rpartition("/")[0] + "/watchword_latin"
    with pytest.raises(ConfigurationError, match=r"^database: .*LATIN1.*UTF8"):
        await PostgresDatabase(url).start()
    postgres.drop_database(url)


async def test_what_cannot_be_connected_to_stops_the_start(postgres: Postgres, unused_tcp_port: int) -> None:
    """The sentence names the place and the remedy, and never user, password or the driver's own words."""
    host = postgres.admin_url.rpartition("@")[2].partition("/")[0]
    for url, words in [
        (f"postgresql://ada:s3cret@127.0.0.1:{unused_tcp_port}/app", "nobody answers there"),
        (f"postgresql://postgres:s3cret@{host}/no_such_database", "no database of that name"),
        (f"postgresql://postgres:s3cret@{host}/postgres?sslmode=require", "does not speak TLS"),
        ("postgresql://ada:s3cret@nowhere.invalid/app", "nobody answers there"),
    ]:
        with pytest.raises(
            ConfigurationError, match=rf"^database: PostgreSQL at .* cannot be used: .*{words}"
        ) as caught:
            await PostgresDatabase(url).start()
        told = "".join(traceback.format_exception(caught.value)) + repr(PostgresDatabase(url))
        assert "s3cret" not in told


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(), "does not answer"),
        (asyncpg.InvalidAuthorizationSpecificationError("s3cret"), "there is no such user, or pg_hba.conf refuses it"),
        (asyncpg.TooManyConnectionsError("x"), "no connection left"),
        (asyncpg.CannotConnectNowError("x"), "just starting"),
        (asyncpg.ProtocolViolationError("x"), "pgbouncer=true"),
        (asyncpg.DiskFullError("s3cret"), "SQLSTATE 53100"),
        (asyncpg.InterfaceError("s3cret"), "driver refuses the URL"),
        (ssl.SSLError(1, "s3cret"), "TLS failed"),
    ],
)
def test_every_refusal_is_a_sentence(error: Exception, words: str) -> None:
    """What the driver can raise when it connects has a remedy, and its own text stays out of it."""
    told = str(refusal("db.example.com/app", error))
    assert told.startswith("database: PostgreSQL at db.example.com/app cannot be used: ")
    assert words in told
    assert "s3cret" not in told


async def test_a_wrong_password_stops_the_start() -> None:
    """The sentence says that user or password was refused."""
    rules = b"host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
    with running_server({"hba_file": "rules.conf"}, {"rules.conf": rules}) as server:
        execute(server.admin_url, "create role ada login password 'sesame'")
        url = server.admin_url.replace("//postgres", "//ada:%s")
        with pytest.raises(ConfigurationError, match="user or password was refused"):
            await PostgresDatabase(url % "s3cret").start()
        database = PostgresDatabase(url % "sesame")
        await database.start()
        await database.stop()


async def test_a_server_with_a_wrong_certificate_is_refused(postgres: Postgres, tmp_path: Path) -> None:
    """With `verify-full`, a certificate that nobody we trust has signed ends the start; the right one passes (DB-8)."""
    right, key, wrong = tmp_path / "right.pem", tmp_path / "key.pem", tmp_path / "wrong.pem"
    for path, content in zip((right, key, wrong), (*make_certificate(), make_certificate()[0]), strict=True):
        path.write_bytes(content)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(right, key)
    server = urlsplit(postgres.admin_url)

    async with tls_front(server.port or 5432, context) as port:
        url = server._replace(netloc=server.netloc.replace(f":{server.port}", f":{port}")).geturl()
        for query in ("sslmode=verify-full", f"sslmode=verify-full&sslrootcert={wrong}"):
            with pytest.raises(ConfigurationError, match=r"certificate is not good.*sslrootcert"):
                await PostgresDatabase(f"{url}?{query}").start()
        for query in (f"sslmode=verify-full&sslrootcert={right}", "sslmode=require"):
            database = PostgresDatabase(f"{url}?{query}")
            await database.start()
            assert "through TLS" == await database.write(lambda tx: _echo(tx, "through TLS"))
            await database.stop()


def make_certificate() -> tuple[bytes, bytes]:
    """A certificate of its own for 127.0.0.1, and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a database of a test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private
