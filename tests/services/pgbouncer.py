"""A real PgBouncer in transaction mode before a PostgreSQL server; `scripts/install-pgbouncer` sees to the program."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.services.postgres import execute
from tests.services.programs import end_program, free_port, start_program

NAMED = "WATCHWORD_TEST_PGBOUNCER"
FETCHED = Path(__file__).parents[2] / ".cache" / "pgbouncer"
START_SECONDS = 30

_CONFIGURATION = """
[databases]
* = host={host} port={server_port}{password}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
admin_users = {user}
pool_mode = transaction
max_client_conn = 500
"""


class PgBouncer:
    """One pooler in transaction mode.

    Args:
        server_url: Any URL of the PostgreSQL server.
        settings: More lines of the section `[pgbouncer]`, such as `default_pool_size`.
    """

    def __init__(self, server_url: str, settings: dict[str, str] | None = None) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="watchword-pgbouncer-"))
        self._folder.chmod(0o755)
        self._settings = settings or {}
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        try:
            self._command = self._find_program()
        except BaseException:
            self.remove()
            raise
        self._user = unquote(urlsplit(server_url).username or "postgres")
        (self._folder / "users").write_text(f'"{self._user}" ""\n')
        self._write_configuration(server_url)

    def url(self, database_url: str) -> str:
        """The URL of a database, through this pooler."""
        parts = urlsplit(database_url)
        return parts._replace(netloc=f"{parts.username}@127.0.0.1:{self.port}", query="pgbouncer=true").geturl()

    def start(self) -> None:
        """Start, and wait until it answers."""
        command = [*self._command, str(self._folder / "pgbouncer.ini")]
        self._process = start_program(command, self._folder, self._folder / "log")
        give_up_at = time.monotonic() + START_SECONDS
        while not self._answers():
            log = (self._folder / "log").read_text()
            assert self._process.poll() is None, f"PgBouncer ended:\n{log}"
            assert time.monotonic() < give_up_at, f"PgBouncer did not start:\n{log}"
            time.sleep(0.02)

    def stop(self, word: str = "TERM") -> None:
        """Stop at once; `INT` waits for the clients' transactions, `KILL` is a crash."""
        process, self._process = self._process, None
        if process is not None:
            end_program(process, word, START_SECONDS)

    def lead_to(self, server_url: str) -> None:
        """Lead to another server from now on, as whoever manages a fail-over makes it do."""
        self._write_configuration(server_url)
        execute(self._admin_url, "reload")
        execute(self._admin_url, "reconnect")

    def remove(self) -> None:
        """Stop and delete the files."""
        self.stop("KILL")
        shutil.rmtree(self._folder)

    @property
    def _admin_url(self) -> str:
        return f"postgresql://{self._user}@127.0.0.1:{self.port}/pgbouncer"

    def _write_configuration(self, server_url: str) -> None:
        server = urlsplit(server_url)
        password = unquote(server.password or "").replace("'", "''")
        text = _CONFIGURATION.format(
            host=server.hostname,
            server_port=server.port or 5432,
            password=f" password='{password}'" if password else "",
            port=self.port,
            folder=self._folder,
            user=self._user,
        )
        text += "".join(f"{name} = {value}\n" for name, value in self._settings.items())
        (self._folder / "pgbouncer.ini").write_text(text)

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
        except ConnectionRefusedError:
            return False
        return True

    def _find_program(self) -> list[str]:
        named = os.environ.get(NAMED) or shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
        if named:
            return [named]
        assert FETCHED.is_dir(), f"there is no PgBouncer: run scripts/install-pgbouncer, or set {NAMED} to the program"
        copy = self._folder / "program"  # whoever it runs as may have no way into the folder of the clone
        shutil.copytree(FETCHED, copy, symlinks=True)
        libraries = [str(folder) for folder in copy.glob("**/lib/*-linux-gnu*")]
        return ["env", f"LD_LIBRARY_PATH={':'.join(libraries)}", str(copy / "usr" / "sbin" / "pgbouncer")]


@contextmanager
def running_pgbouncer(server_url: str, settings: dict[str, str] | None = None) -> Iterator[PgBouncer]:
    """A pooler of the caller's own, removed at the end."""
    pooler = PgBouncer(server_url, settings)
    try:
        pooler.start()
        yield pooler
    finally:
        pooler.remove()
