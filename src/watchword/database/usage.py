"""How busy a database's connections are, for whoever watches."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """The connections that write, in this process, at this moment.

    Attributes:
        most: How many there can be; 1 on SQLite, whose one writer commits for many at once.
        used: At work.
        idle: Open, and not at work.
        waiting: Callers whose turn has not come.
    """

    most: int
    used: int
    idle: int
    waiting: int
