"""SQLite's one writer: a thread that takes all transactions that wait, and commits them together.

With `synchronous=FULL` a commit waits for the disk. Thirty-two transactions that share one commit cost
little more than one, so under load the queue makes itself faster. Each body runs in a savepoint: one that
fails takes back its own changes only. Callers are answered after the commit, all of them: what a body
read may be the work of a neighbour in the batch.
"""

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from watchword.database.bodies import run_at_once
from watchword.database.database import STOPPED, Body, Row
from watchword.database.rendering import Rendering
from watchword.database.sqlite_errors import DatabaseLocked, outage_of
from watchword.database.statements import Statement
from watchword.database.usage import Usage
from watchword.errors import Overloaded, StorageUnavailable

LARGEST_BATCH = 64  # a batch holds the write lock that other processes wait for
LONGEST_QUEUE = 1024


class SqliteTransaction:
    """Statements of one body, run at once in the writer's thread."""

    def __init__(self, connection: sqlite3.Connection, rendering: Rendering) -> None:
        self._connection = connection
        self._rendering = rendering
        self._problem: sqlite3.Error | None = None

    async def execute(self, statement: Statement, **parameters: Any) -> int:
        """Run a statement and return how many rows it changed."""
        cursor = self._run(statement, parameters)
        cursor.fetchall()  # with `returning`, the changes are made while the rows are read
        changed = cursor.rowcount
        cursor.close()
        return changed

    async def execute_many(self, statement: Statement, parameters: Sequence[Mapping[str, Any]]) -> None:
        """Run a statement for each of several sets of parameters."""
        for each in parameters:
            await self.execute(statement, **each)

    async def find(self, statement: Statement, **parameters: Any) -> Row | None:
        """The first row of the answer, or `None`."""
        rows = await self.list(statement, **parameters)
        return rows[0] if rows else None

    async def list(self, statement: Statement, **parameters: Any) -> list[Row]:
        """All rows of the answer."""
        cursor = self._run(statement, parameters)
        rows: list[Row] = cursor.fetchall()
        cursor.close()
        return rows

    def check(self) -> None:
        """Raise the error of a statement that failed: a body that went on after it must not commit."""
        if self._problem is not None:
            raise self._problem

    def _run(self, statement: Statement, parameters: dict[str, Any]) -> sqlite3.Cursor:
        compiled = self._rendering.compile(statement)
        values = compiled.bind(parameters)
        try:
            return self._connection.execute(compiled.text, values)
        except sqlite3.Error as error:
            self._problem = error
            raise


@dataclass(slots=True)
class _Job:
    body: Body[Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    durable: bool
    give_up_at: float  # of time.monotonic, seconds
    result: Any = None
    error: BaseException | None = None


class GroupCommit:
    """The writer's thread and the queue before it.

    Args:
        connection: For this thread alone, in autocommit mode, with its busy time-out set.
        busy_seconds: How long a caller waits for its turn and for the locks of other processes.
    """

    def __init__(self, connection: sqlite3.Connection, rendering: Rendering, busy_seconds: float) -> None:
        self._connection = connection
        self._rendering = rendering
        self._busy_seconds = busy_seconds
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._stopping = False
        self._is_working = False
        self._is_durable = True  # as the connection comes
        self._gate = threading.Lock()  # no job may slip in behind the one that ends the thread
        self._thread = threading.Thread(target=self._work, name="watchword-sqlite-writer", daemon=True)
        self._thread.start()

    async def run(self, body: Body[Any], *, durable: bool = True) -> Any:
        """Run a body in the writer's thread; returns after its commit, which waits for the disk if it is durable.

        Raises:
            Overloaded: Too many wait already.
            StorageUnavailable: The database did not let us write; nothing was changed.
        """
        if self._jobs.qsize() >= LONGEST_QUEUE:
            raise Overloaded("the database")
        loop = asyncio.get_running_loop()
        job = _Job(body, loop, loop.create_future(), durable, time.monotonic() + self._busy_seconds)
        with self._gate:
            if self._stopping:
                raise StorageUnavailable(STOPPED)
            self._jobs.put(job)
        return await job.future

    def usage(self) -> Usage:
        """How busy the one writer is."""
        used = int(self._is_working)
        return Usage(most=1, used=used, idle=1 - used, waiting=self._jobs.qsize())

    def stop(self) -> None:
        """Finish what waits, then end the thread and close its connection; blocks until then."""
        with self._gate:
            if not self._stopping:
                self._stopping = True
                self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (first := self._jobs.get()) is not None:
            batch = [first]
            ended = False
            while len(batch) < LARGEST_BATCH and not ended:
                try:
                    job = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if job is None:
                    ended = True
                else:
                    batch.append(job)
            self._is_working = True
            self._run_batch(batch)
            self._is_working = False
            _answer(batch)
            if ended:
                break
        self._connection.close()

    def _run_batch(self, batch: list[_Job]) -> None:
        now = time.monotonic()
        jobs: list[_Job] = []
        for job in batch:
            if job.give_up_at < now:
                job.error = DatabaseLocked()
            elif not job.future.cancelled():
                jobs.append(job)
        if not jobs:
            return
        try:
            self._be_durable(any(job.durable for job in jobs))
            self._connection.execute("begin immediate")
            for job in jobs:
                self._run_job(job)
            self._connection.execute("commit")
        except BaseException as error:  # the batch did not commit: each caller has its own outage
            self._fail(jobs, error)

    def _be_durable(self, wanted: bool) -> None:
        """Whether the next commit waits for the disk. In the write-ahead log either keeps the file whole."""
        if wanted != self._is_durable:
            self._connection.execute(f"pragma synchronous = {'full' if wanted else 'normal'}")
            self._is_durable = wanted

    def _run_job(self, job: _Job) -> None:
        transaction = SqliteTransaction(self._connection, self._rendering)
        self._connection.execute("savepoint body")
        try:
            job.result = run_at_once(job.body(transaction))
            transaction.check()
        except BaseException as error:
            job.error = outage_of(error)
            if not self._connection.in_transaction:  # a full disk ends the whole transaction, neighbours included
                raise
            self._connection.execute("rollback to body")
        self._connection.execute("release body")

    def _fail(self, jobs: list[_Job], error: BaseException) -> None:
        try:
            if self._connection.in_transaction:
                self._connection.execute("rollback")
        finally:
            for job in jobs:
                job.error = outage_of(error, committing=True)


def _answer(batch: list[_Job]) -> None:
    """Hand the results to their event loops, one wake-up for each loop."""
    loops: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
    for job in batch:
        loops.setdefault(job.loop, []).append(job)
    for loop, jobs in loops.items():
        try:
            loop.call_soon_threadsafe(_resolve, jobs)
        except RuntimeError:  # the loop was closed: nobody waits for these any more
            continue


def _resolve(jobs: list[_Job]) -> None:
    for job in jobs:
        if job.future.done():  # cancelled meanwhile
            continue
        if job.error is not None:
            job.future.set_exception(job.error)
        else:
            job.future.set_result(job.result)
