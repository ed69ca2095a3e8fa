"""A standby of a PostgreSQL server: real streaming replication, synchronous or not, and its promotion."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from tests.services.postgres import PostgresServer, execute, running_server

_AWAIT_STANDBY = """
do $$ declare ended timestamptz := clock_timestamp() + interval '60 s'; begin
    while not exists (select from pg_stat_replication where state = 'streaming' and sync_state {state}) loop
        if clock_timestamp() > ended then raise 'no standby came'; end if;
        perform pg_sleep(0.02);
        perform pg_stat_clear_snapshot();
    end loop;
end $$
"""

_CAUGHT_UP = """
do $$ declare ended timestamptz := clock_timestamp() + interval '60 s'; goal pg_lsn := pg_current_wal_lsn(); begin
    while not exists (select from pg_stat_replication where replay_lsn >= goal) loop
        if clock_timestamp() > ended then raise 'the standby stays behind'; end if;
        perform pg_sleep(0.02);
        perform pg_stat_clear_snapshot();
    end loop;
end $$
"""


class Standby(PostgresServer):
    """A copy of a running server that follows it, and takes no writes until it is promoted."""

    def __init__(self, primary: PostgresServer) -> None:
        self._primary = primary
        super().__init__(primary.settings, primary.binaries)

    def _fill(self) -> None:
        source = f"host=127.0.0.1 port={self._primary.port} user=postgres application_name=standby"
        self.run("pg_basebackup", "-d", source, "-R", "-X", "stream", "-c", "fast", "--no-sync")

    def promote(self) -> None:
        """Become a primary, and wait until that is done."""
        self.run("pg_ctl", "promote", "-w")


class Pair:
    """A primary and its standby.

    Attributes:
        primary: Takes writes.
        standby: Follows it.
    """

    def __init__(self, primary: PostgresServer, standby: Standby) -> None:
        self.primary = primary
        self.standby = standby

    def create_database(self) -> str:
        """Make an empty database on both, and return a URL that names both servers, the primary first."""
        return self.both(self.primary.create_database())

    def both(self, url: str) -> str:
        """The URL of a database on either server as one that names both."""
        parts = urlsplit(url)
        hosts = f"127.0.0.1:{self.primary.port},127.0.0.1:{self.standby.port}"
        return parts._replace(netloc=f"{parts.username}@{hosts}").geturl()

    def catch_up(self) -> None:
        """Wait until the standby has all that the primary has."""
        execute(self.primary.admin_url, _CAUGHT_UP)

    def fail_over(self) -> None:
        """The primary loses its power, and the standby is promoted."""
        self.primary.kill()
        self.standby.promote()


@contextmanager
def running_pair(*, synchronous: bool = True) -> Iterator[Pair]:
    """A primary and a standby that follows; where synchronous, no commit is answered before the standby has it."""
    with running_server() as primary:
        standby = Standby(primary)
        try:
            standby.start()
            if synchronous:
                execute(primary.admin_url, "alter system set synchronous_standby_names = 'standby'")
                execute(primary.admin_url, "select pg_reload_conf()")
            execute(primary.admin_url, _AWAIT_STANDBY.format(state="= 'sync'" if synchronous else "is not null"))
            yield Pair(primary, standby)
        finally:
            standby.remove()
