"""A fail-over that Patroni decides upon, under people who use two nodes. Run as `scripts/fail-over-with-patroni`."""

import asyncio
import logging
import sys
import time

from tests.people import Crowd
from tests.services.patroni import PatroniCluster, running_patroni
from tests.services.postgres import create_database
from tests.site import FakeClock, running_site

API = "https://api.example.com"
ROUNDS = 100


async def fail_over(cluster: PatroniCluster) -> None:
    """Kill the primary, go on with the other, bring the first back; then all that was answered is there."""
    first, second = cluster.members
    created = await asyncio.to_thread(create_database, f"postgresql://postgres@127.0.0.1:{first.port}/postgres")
    url = created.replace(f":{first.port}", f":{first.port},127.0.0.1:{second.port}")
    clock = FakeClock()
    async with (
        running_site(url, clock=clock, api_domain=API) as here,
        running_site(url, clock=clock, api_domain=API) as there,
    ):
        crowd = Crowd([here, there], clock)
        async with crowd.living():
            await crowd.until_rounds(ROUNDS)
            killed_at = time.monotonic()
            await asyncio.to_thread(first.kill)
            await asyncio.to_thread(cluster.until, lambda roles: roles.get("db2") == "leader")
            promoted_at = time.monotonic()
            await crowd.until_rounds(1)
            print(f"promoted {promoted_at - killed_at:.1f} s after the primary died", flush=True)
            print(f"requests succeed again {time.monotonic() - promoted_at:.1f} s later", flush=True)
            await crowd.until_rounds(ROUNDS)
            first.start()
            await asyncio.to_thread(cluster.until, lambda roles: roles.get("db1") == "sync_standby")
            print("the old primary follows the new one", flush=True)
            await crowd.until_rounds(ROUNDS)
        await crowd.check()
    print(f"{crowd.rounds} rounds, {len(crowd.addresses)} sign-ups, {len(crowd.ended)} sessions ended")
    print("all that was answered is there, nobody was signed out")


def main() -> None:
    """Run it; an assertion that fails is the result."""
    logging.basicConfig(level=logging.ERROR)  # the outage is meant
    with running_patroni(sys.argv[1]) as cluster:
        asyncio.run(fail_over(cluster))


if __name__ == "__main__":
    main()
