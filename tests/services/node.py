"""A node of a site in a process of its own, which a deployment starts and stops."""

import signal
import subprocess
import sys

import uvicorn

from tests.site import SECRET, example_app
from watchword import AppInfo, Watchword
from watchword.crypto.passwords import PasswordHasher
from watchword.recipes import EmailPassword

STOP_SECONDS = 60


class Node:
    """One process with its port.

    Args:
        database_url: Shared with the other nodes.
        origin: Where the balancer before the nodes is, for browsers.
    """

    def __init__(self, database_url: str, origin: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.services.node", database_url, origin], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())  # printed when it serves

    def terminate(self) -> int:
        """`SIGTERM`, and wait for the end; the code it ended with."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(STOP_SECONDS)

    def remove(self) -> None:
        """End it, if it runs."""
        self._process.kill()
        self._process.wait(STOP_SECONDS)
        assert self._process.stdout is not None
        self._process.stdout.close()


class Announcing(uvicorn.Server):
    """Prints its port when it serves."""

    async def startup(self, sockets: list[object] | None = None) -> None:
        await super().startup(sockets)  # type: ignore[arg-type] # as the base class has it
        print(self.servers[0].sockets[0].getsockname()[1], flush=True)


def main() -> None:
    """Serve until told to stop."""
    database_url, origin = sys.argv[1:]
    auth = Watchword(
        app_info=AppInfo(app_name="Nodes", api_domain=origin, website_domain=origin),
        database=database_url,
        secret=SECRET,
        recipe_list=[EmailPassword()],
        passwords=PasswordHasher(workers=1),
    )
    Announcing(uvicorn.Config(example_app(auth), host="127.0.0.1", port=0, log_level="error", lifespan="on")).run()


if __name__ == "__main__":
    main()
