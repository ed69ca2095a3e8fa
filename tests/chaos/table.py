"""The rows of the table that `make chaos` prints, and where its databases come from."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Self

from tests.chaos.record import Book, Broken
from tests.services.postgres import create_database, drop_database


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one kind of fault came to.

    Attributes:
        fault: In words.
        database: `sqlite` or `postgres`.
        injected: How often it was injected.
        acknowledged: Operations that clients were told had worked.
        repeated: Requests that they had to repeat.
        doubled: Mails that came again, under the same `Message-ID`.
        broken: What must never happen, and did.
    """

    fault: str
    database: str
    injected: int
    acknowledged: int
    repeated: int
    doubled: int
    broken: tuple[Broken, ...]

    @classmethod
    def of(cls, fault: str, database: str, book: Book, doubled: int) -> Self:
        """The row of a book."""
        return cls(
            fault=fault,
            database=database,
            injected=book.injected,
            acknowledged=book.acknowledged.total(),
            repeated=book.repeated.total(),
            doubled=doubled,
            broken=tuple(book.broken),
        )


class Databases:
    """Empty databases of one kind.

    Args:
        folder: For SQLite files; `None` for PostgreSQL.
        admin_url: Of the PostgreSQL server.
        for_nodes: From the URL of a database to the one that nodes use, where it is another; they go by way of a
            proxy of ours otherwise.
    """

    def __init__(
        self,
        folder: Path | None = None,
        admin_url: str | None = None,
        for_nodes: Callable[[str], str] | None = None,
    ) -> None:
        self._folder = folder
        self._admin_url = admin_url
        self._numbers = count(1)
        self.for_nodes = for_nodes

    @property
    def kind(self) -> str:
        """`sqlite` or `postgres`."""
        return "postgres" if self._folder is None else "sqlite"

    def create(self) -> str:
        """The URL of an empty one."""
        if self._folder is not None:
            return f"sqlite:///{self._folder / f'chaos-{next(self._numbers)}.db'}"
        assert self._admin_url is not None
        return create_database(self._admin_url)

    def drop(self, url: str) -> None:
        """Not needed any more."""
        if self._admin_url is not None:
            drop_database(self._admin_url, url)
