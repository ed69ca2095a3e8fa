"""Two PostgreSQL servers that Patroni manages; `scripts/fail-over-with-patroni` installs it, and etcd."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.services.postgres import find_binaries
from tests.services.programs import as_nobody, free_port

CACHE = Path(__file__).parents[2] / ".cache"
PATIENCE_SECONDS = 120

_CONFIGURATION = """
scope: watchword
name: {name}
restapi: {{listen: "127.0.0.1:{api}", connect_address: "127.0.0.1:{api}"}}
etcd3: {{host: "127.0.0.1:{etcd}"}}
bootstrap:
  dcs: {{ttl: 20, loop_wait: 1, retry_timeout: 3, synchronous_mode: true, postgresql: {{use_pg_rewind: true}}}}
  initdb: [{{encoding: UTF8}}, {{locale: C}}, {{auth: trust}}]
  pg_hba: ["host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust"]
postgresql:
  listen: "127.0.0.1:{port}"
  connect_address: "127.0.0.1:{port}"
  data_dir: {folder}/{name}
  bin_dir: {binaries}
  pgpass: {folder}/{name}.pass
  authentication:
    superuser: {{username: postgres, password: unused}}
    replication: {{username: postgres, password: unused}}
  parameters: {{unix_socket_directories: "{folder}"}}
"""


class Member:
    """One machine: Patroni, and the PostgreSQL server that it starts and stops."""

    def __init__(self, name: str, cluster: "PatroniCluster") -> None:
        self.name = name
        self.port = free_port()
        self.api = free_port()
        self._cluster = cluster
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Switch the machine on."""
        self._process = self._cluster.start_patroni(self)

    def kill(self) -> None:
        """The power goes, for Patroni and for PostgreSQL."""
        assert self._process is not None
        server = int((self._cluster.folder / self.name / "postmaster.pid").read_text().splitlines()[0])
        backends = Path(f"/proc/{server}/task/{server}/children").read_text().split()
        for process in (self._process.pid, server, *map(int, backends)):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self._process.wait()


class PatroniCluster:
    """Two members; the first becomes the primary."""

    def __init__(self, python: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="watchword-patroni-"))
        self.folder.chmod(0o755)
        self._python = python
        self._etcd_port = free_port()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._packages = self.folder / "packages"  # whoever it runs as may have no way into the folder of the clone
        shutil.copytree(CACHE / "patroni", self._packages)
        self.members = [Member("db1", self), Member("db2", self)]

    def start(self) -> None:
        """Start all, and wait until the second follows the first."""
        self._start_etcd()
        self.members[0].start()
        self.until(lambda roles: roles.get("db1") == "leader")
        self.members[1].start()
        self.until(lambda roles: roles.get("db2") == "sync_standby")

    def until(self, is_so: Callable[[dict[str, str]], bool]) -> None:
        """Wait until the roles of the members are so."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while not is_so(roles := self.roles()):
            logs = "\n".join(path.read_text()[-3000:] for path in self.folder.glob("*.log"))
            assert time.monotonic() < give_up_at, f"the roles stay {roles}:\n{logs}"
            time.sleep(0.2)

    def roles(self) -> dict[str, str]:
        """Name → role of each member that runs, as whichever Patroni answers sees them."""
        for member in self.members:
            with suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                with urllib.request.urlopen(f"http://127.0.0.1:{member.api}/cluster", timeout=2) as answer:
                    found = json.load(answer)["members"]
                return {one["name"]: one["role"] for one in found if one["state"] in ("running", "streaming")}
        return {}

    def remove(self) -> None:
        """Stop all and delete their files."""
        for word in (signal.SIGTERM, signal.SIGKILL):
            for process in reversed(self._processes):
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, word)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(20)
        shutil.rmtree(self.folder)

    def start_patroni(self, member: Member) -> subprocess.Popen[bytes]:
        """Start the Patroni of a member."""
        file = self.folder / f"{member.name}.yml"
        file.write_text(
            _CONFIGURATION.format(
                name=member.name,
                port=member.port,
                api=member.api,
                etcd=self._etcd_port,
                folder=self.folder,
                binaries=find_binaries(),
            )
        )
        environment = {**os.environ, "HOME": str(self.folder), "PYTHONPATH": str(self._packages)}
        return self._start([self._python, "-m", "patroni", str(file)], member.name, environment)

    def _start_etcd(self) -> None:
        program = shutil.which("etcd")
        if program is None:
            program = str(shutil.copy(CACHE / "etcd" / "usr" / "bin" / "etcd", self.folder))
        clients, peers = f"http://127.0.0.1:{self._etcd_port}", f"http://127.0.0.1:{free_port()}"
        command = [program, "--data-dir", str(self.folder / "etcd-data"), "--initial-cluster", f"default={peers}"]
        command += ["--listen-client-urls", clients, "--advertise-client-urls", clients]
        command += ["--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers]
        self._start(command, "etcd", dict(os.environ))

    def _start(self, command: list[str], name: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command, stdout=log, stderr=log, env=environment, start_new_session=True, **as_nobody(self.folder)
            )
        self._processes.append(process)
        return process


@contextmanager
def running_patroni(python: str) -> Iterator[PatroniCluster]:
    """A cluster of the caller's own, removed at the end.

    Args:
        python: The interpreter that Patroni's packages were installed for.
    """
    cluster = PatroniCluster(python)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.remove()
