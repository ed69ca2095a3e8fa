"""LISTEN and NOTIFY: signals between the processes that share a PostgreSQL database."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable

from watchword.database.postgres_driver import Connection
from watchword.database.postgres_errors import outage, sqlstate_of
from watchword.database.rendering import Rendering
from watchword.errors import StorageUnavailable, WatchwordError

PROOF_SECONDS = 3.0
ANSWER_SECONDS = 3.0
CHECK_EVERY_SECONDS = 5.0


class PostgresListening:
    """A connection that listens. Used on the event loop that opened it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ended = asyncio.Event()
        connection.add_termination_listener(lambda *_: self._ended.set())

    async def stay(self) -> None:
        """Wait as long as the server answers: a connection that a firewall forgot looks well until it is asked.

        Raises:
            StorageUnavailable: It was lost, or is silent.
        """
        while not self._connection.is_closed():
            try:
                async with asyncio.timeout(CHECK_EVERY_SECONDS):
                    await self._ended.wait()
            except TimeoutError:
                await self._ask()
        raise StorageUnavailable("the connection that listens for signals was lost")

    async def _ask(self) -> None:
        try:
            await self._connection.execute("select 1", timeout=ANSWER_SECONDS)
        except Exception as error:  # however it was lost, polling takes over
            self._connection.terminate()
            raise outage(error) from error

    async def close(self) -> None:
        """Close the connection."""
        try:
            await self._connection.close(timeout=ANSWER_SECONDS)
        except Exception:  # it was lost already; any kind of error says so
            self._connection.terminate()


def channel_name(rendering: Rendering, channel: str) -> str:
    """A channel's name in the server: per schema and prefix, as tables are, and always of the same length."""
    whole = f"{rendering.schema}.{rendering.table_prefix}{channel}"
    return f"watchword_{hashlib.sha256(whole.encode()).hexdigest()[:32]}"


async def open_listening(
    connect: Callable[[], Awaitable[Connection]],
    name: str,
    heard: Callable[[], None],
    signal: Callable[[], Awaitable[None]],
) -> PostgresListening | None:
    """Listen, and believe it only when a signal sent over another connection has arrived.

    A pooler, or a server that only speaks PostgreSQL's protocol, may accept `LISTEN` and stay silent.

    Returns:
        `None` when it refuses or stays silent.
    Raises:
        StorageUnavailable: The server cannot be reached.
    """
    arrived = asyncio.Event()

    def on_signal(*_: object) -> None:
        arrived.set()
        heard()

    try:
        connection = await connect()
    except WatchwordError:
        raise
    except Exception as error:  # refused, unreachable, starting up: all is an outage now
        raise outage(error) from error
    try:
        async with asyncio.timeout(PROOF_SECONDS):
            await connection.add_listener(name, on_signal)
            await signal()
            await arrived.wait()
    except BaseException as error:
        lost = connection.is_closed()
        connection.terminate()
        if not isinstance(error, Exception) or isinstance(error, StorageUnavailable):
            raise
        if isinstance(error, TimeoutError) or (sqlstate_of(error) is not None and not lost):
            return None
        raise outage(error) from error
    return PostgresListening(connection)


async def signal_once(connection: Connection, name: str) -> None:
    """Notify a channel. Nobody waits for the disk: whoever misses a signal looks for himself before long.

    Raises:
        StorageUnavailable: It did not work, for whatever reason.
    """
    try:
        await connection.execute(
            f"begin; set local synchronous_commit = off; select pg_notify('{name}', ''); commit",
            timeout=ANSWER_SECONDS,
        )
    except BaseException as error:
        connection.terminate()  # it may be in a failed transaction
        if isinstance(error, Exception):
            raise outage(error) from error
        raise
