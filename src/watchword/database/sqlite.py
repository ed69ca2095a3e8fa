"""The SQLite database: one writer thread with group commit, and reads that wait for nobody."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, TypeVar

from watchword.database.database import STOPPED, Body, Row
from watchword.database.group_commit import GroupCommit
from watchword.database.rendering import Rendering
from watchword.database.sqlite_checks import check_place, create_for_owner_only
from watchword.database.sqlite_errors import BUSY_CODES, DatabaseLocked, primary_code, raise_for
from watchword.database.statements import Statement
from watchword.database.usage import Usage
from watchword.errors import ConfigurationError, StorageUnavailable

T = TypeVar("T")

OLDEST_SQLITE = (3, 35, 0)  # the first with `returning`
READ_BUSY_SECONDS = 0.25  # reads run on the event loop; in WAL mode they wait for recovery after a crash only
MIGRATION_SECONDS = 60.0


class SqliteDatabase:
    """A `Database` in one file, or in memory where `path` is `None`.

    A read by key costs a few microseconds, less than handing it to a thread, so `find` runs on the event
    loop, on a connection of its own; `list` has its own thread and connection. In memory all go through
    the writer: a second connection would need SQLite's shared cache, whose readers fail on any table that
    is being written.

    Args:
        busy_seconds: How long a transaction waits for its turn and for other processes' locks.
    """

    def __init__(self, path: Path | None, *, table_prefix: str = "", busy_seconds: float = 5.0) -> None:
        self.rendering = Rendering("sqlite", table_prefix=table_prefix)
        self._path = path
        self._busy_seconds = busy_seconds
        self._writer: GroupCommit | None = None
        self._reader: sqlite3.Connection | None = None
        self._reader_lock = threading.Lock()  # event loops of several threads may share this object
        self._lister: sqlite3.Connection | None = None
        self._lister_thread: ThreadPoolExecutor | None = None

    async def start(self) -> None:
        """Open the file, and create it where there is none.

        Raises:
            ConfigurationError: The file cannot be used, or SQLite is too old (security SC-9).
        """
        if self._writer is not None:
            return
        opening = asyncio.ensure_future(asyncio.to_thread(self._open))
        try:
            await asyncio.shield(opening)
        except asyncio.CancelledError:
            await asyncio.wait([opening])  # a thread cannot be cancelled; what it opens is there for `stop` to close
            raise

    async def stop(self) -> None:
        """Finish what waits, and close the file."""
        writer, self._writer = self._writer, None
        if writer is not None:
            await asyncio.to_thread(writer.stop)
        if self._lister_thread is not None:
            await asyncio.to_thread(self._lister_thread.shutdown)
        for connection in (self._reader, self._lister):
            if connection is not None:
                connection.close()
        self._reader = self._lister = self._lister_thread = None

    async def write(self, body: Body[T], *, durable: bool = True) -> T:
        """Run `body` in one transaction, in the writer's thread, and commit; see `GroupCommit`."""
        if self._writer is None:
            raise StorageUnavailable(STOPPED)
        return await self._writer.run(body, durable=durable)

    async def write_schema(self, body: Body[T]) -> T:
        """Like `write`, but wait up to a minute for another process that is migrating."""
        give_up_at = time.monotonic() + MIGRATION_SECONDS
        while True:
            try:
                return await self.write(body)
            except DatabaseLocked:
                if time.monotonic() > give_up_at:
                    raise

    async def find(self, statement: Statement, **parameters: Any) -> Row | None:
        """Run one reading statement on what is committed; the first row, or `None`."""
        if self._path is None:
            return await self.write(lambda transaction: transaction.find(statement, **parameters))
        if self._reader is None:
            raise StorageUnavailable(STOPPED)
        compiled = self.rendering.compile(statement)
        values = compiled.bind(parameters)
        try:
            with self._reader_lock:
                cursor = self._reader.execute(compiled.text, values)
                row: Row | None = cursor.fetchone()
                cursor.close()  # an open cursor would hold its snapshot, and keep the WAL from shrinking
                return row
        except sqlite3.Error as error:
            raise_for(error)

    async def list(self, statement: Statement, **parameters: Any) -> list[Row]:
        """Run one reading statement on what is committed, in a thread; all rows."""
        if self._path is None:
            return await self.write(lambda transaction: transaction.list(statement, **parameters))
        lister = self._lister
        if lister is None:
            raise StorageUnavailable(STOPPED)
        compiled = self.rendering.compile(statement)
        values = compiled.bind(parameters)

        def read() -> list[Row]:
            return lister.execute(compiled.text, values).fetchall()

        try:
            return await asyncio.get_running_loop().run_in_executor(self._lister_thread, read)
        except sqlite3.Error as error:
            raise_for(error)

    async def listen(self, channel: str, heard: Callable[[], None]) -> None:  # noqa: ARG002  the other database can
        """Nothing in SQLite tells another process: there is nothing to hear."""
        return None  # noqa: RET501  it is an answer

    async def signal(self, channel: str) -> None:
        """Nobody listens."""

    def usage(self) -> Usage:
        """How busy the writer is; reads wait for nobody."""
        return Usage(1, 0, 0, 0) if self._writer is None else self._writer.usage()

    def _open(self) -> None:
        if sqlite3.sqlite_version_info < OLDEST_SQLITE:
            raise ConfigurationError("database", f"SQLite {sqlite3.sqlite_version} is too old; 3.35 is the first to do")
        if self._path is not None:
            check_place(self._path)
        try:
            self._open_connections()
        except sqlite3.Error as error:
            raise ConfigurationError(
                "database",
                f"{self._path} cannot be used as an SQLite database: {error}; "
                "set a file that this user may read and write, in a folder that it may write",
            ) from error

    def _open_connections(self) -> None:
        with ExitStack() as opened:
            writer = opened.enter_context(closing(self._connect(self._busy_seconds)))
            if self._path is not None:
                _use_write_ahead_log(writer, self._busy_seconds)
                _check_safe(writer)
                _check_writable(self._connect(busy_seconds=0))
                self._reader = opened.enter_context(closing(self._connect_to_read(READ_BUSY_SECONDS)))
                self._lister = opened.enter_context(closing(self._connect_to_read(self._busy_seconds)))
                self._lister_thread = ThreadPoolExecutor(1, thread_name_prefix="watchword-sqlite-reader")
            self._writer = GroupCommit(writer, self.rendering, self._busy_seconds)
            opened.pop_all()  # all is well: they stay open

    def _connect_to_read(self, busy_seconds: float) -> sqlite3.Connection:
        connection = self._connect(busy_seconds)
        connection.execute("pragma query_only = on")  # a write here would go past the writer, on the event loop
        return connection

    def _connect(self, busy_seconds: float) -> sqlite3.Connection:
        if self._path is not None:
            create_for_owner_only(self._path)
        connection = sqlite3.connect(
            ":memory:" if self._path is None else self._path,
            timeout=self._busy_seconds,
            isolation_level=None,  # we say `begin` ourselves
            check_same_thread=False,
            cached_statements=512,
        )
        connection.row_factory = sqlite3.Row
        try:
            connection.execute("pragma foreign_keys = on")
            # Reads the file, and finds out what is no database.
            _execute_patiently(connection, "pragma synchronous = full", self._busy_seconds)
            connection.execute(f"pragma busy_timeout = {int(busy_seconds * 1000)}")
        except BaseException:
            connection.close()
            raise
        return connection


def _use_write_ahead_log(connection: sqlite3.Connection, busy_seconds: float) -> None:
    """Switch the file to WAL, or refuse where it cannot be."""
    if _execute_patiently(connection, "pragma journal_mode = wal", busy_seconds) != "wal":
        raise ConfigurationError(
            "database", "the file system cannot carry SQLite's write-ahead log; put the file on a local disk"
        )


def _execute_patiently(connection: sqlite3.Connection, pragma: str, busy_seconds: float) -> Any:
    """Run a pragma and return its value; of several processes that open a file at once, some are refused unwaited."""
    give_up_at = time.monotonic() + busy_seconds
    while True:
        try:
            row = connection.execute(pragma).fetchone()
        except sqlite3.Error as error:
            if primary_code(error) not in BUSY_CODES or time.monotonic() > give_up_at:
                raise
            time.sleep(0.02)  # in the thread that opens the file; the event loop goes on
        else:
            return None if row is None else row[0]


def _check_writable(connection: sqlite3.Connection) -> None:
    """Take the write lock and give it back: whether that is allowed shows now, and not at the first sign-up."""
    try:
        connection.execute("begin immediate")
        connection.execute("rollback")
    except sqlite3.Error as error:
        if primary_code(error) not in BUSY_CODES:  # another process writes, so the file can be written
            raise
    finally:
        connection.close()


def _check_safe(connection: sqlite3.Connection) -> None:
    """Refuse an SQLite that was built to ignore what keeps data safe (security SC-9)."""
    durable = connection.execute("pragma synchronous").fetchone()[0]
    foreign_keys = connection.execute("pragma foreign_keys").fetchone()[0]
    if durable < 2 or not foreign_keys:
        raise ConfigurationError(
            "database", "this build of SQLite does not do durable commits or foreign keys; use Python's usual one"
        )
