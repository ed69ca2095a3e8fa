"""What the rooms above know of a database: transactions, rows, and nothing about drivers."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from watchword.database.rendering import Rendering
from watchword.database.statements import Statement
from watchword.database.usage import Usage

T = TypeVar("T")

STOPPED = "the database was stopped, or not started yet: await auth.start() comes first"


class Row(Protocol):
    """One row of an answer; columns by name."""

    def __getitem__(self, column: str, /) -> Any: ...


class Transaction(Protocol):
    """The only thing a transaction body may await."""

    async def execute(self, statement: Statement, **parameters: Any) -> int:
        """Run a statement and return how many rows it changed."""
        ...

    async def execute_many(self, statement: Statement, parameters: Sequence[Mapping[str, Any]]) -> None:
        """Run a statement for each of several sets of parameters, in one round trip where there are any."""
        ...

    async def find(self, statement: Statement, **parameters: Any) -> Row | None:
        """The first row of the answer, or `None`."""
        ...

    async def list(self, statement: Statement, **parameters: Any) -> list[Row]:
        """All rows of the answer."""
        ...


Body = Callable[[Transaction], Awaitable[T]]


class Listening(Protocol):
    """Hears the signals of one channel until it is closed or lost."""

    async def stay(self) -> None:
        """Wait as long as signals arrive; raises `StorageUnavailable` when none will any more."""
        ...

    async def close(self) -> None:
        """Stop listening; may be called when it was lost."""
        ...


class Database(Protocol):
    """A place to keep things. Made by `open_database`; `start` before use, `stop` at the end.

    A body is a coroutine function that awaits nothing but its transaction, and may be run again from
    the start when the database asks for it (serialisation failure, deadlock): it changes nothing
    outside. All methods raise `StorageUnavailable` when the database does not answer, and `Overloaded`
    when too many wait for it.

    Attributes:
        rendering: How SQL is spelt here: dialect, schema, table prefix.
    """

    rendering: Rendering

    async def start(self) -> None:
        """Connect. Raises `ConfigurationError` when the database cannot be used as configured."""
        ...

    async def stop(self) -> None:
        """Finish what runs and disconnect."""
        ...

    async def write(self, body: Body[T], *, durable: bool = True) -> T:
        """Run `body` in one transaction and commit; an exception rolls all of it back.

        With `durable=False` what was committed outlives this process, but the last of it may be lost when the machine
        loses its power: for what nobody was told of. It saves SQLite the wait for the disk; elsewhere it is no other.
        """
        ...

    async def write_schema(self, body: Body[T]) -> T:
        """Like `write`, for a body that changes tables: waits long for other processes that do so too.

        Raises `ConfigurationError` when the role may not do that.
        """
        ...

    async def find(self, statement: Statement, **parameters: Any) -> Row | None:
        """Run one reading statement outside a transaction; the first row, or `None`."""
        ...

    async def list(self, statement: Statement, **parameters: Any) -> list[Row]:
        """Run one reading statement outside a transaction; all rows."""
        ...

    async def listen(self, channel: str, heard: Callable[[], None]) -> Listening | None:
        """Have `heard` called on this event loop at each signal, from whichever process it comes.

        It saves time, and nothing may depend on it: a signal can be lost. `None` where it cannot be done,
        as on SQLite and behind a pooler.
        """
        ...

    async def signal(self, channel: str) -> None:
        """Call those who listen to the channel; does nothing where nobody can."""
        ...

    def usage(self) -> Usage:
        """How busy the connections are; from any thread."""
        ...
