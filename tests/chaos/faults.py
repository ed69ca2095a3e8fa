"""Faults that any database knows: nodes that are killed, clocks that jump, clients that go away."""

import asyncio

from tests.chaos.storm import PLACES, Storm

_HOUR_MS = 3_600_000
#: Each in turn, on one node; the others keep the right time.
JUMPS_MS = (_HOUR_MS, -_HOUR_MS, 30 * 24 * _HOUR_MS)


async def nodes_killed(storm: Storm) -> None:
    """Each node is killed under load and begun anew, one after the other, then both at once."""
    for places in ((1,), (2,), PLACES):
        await asyncio.sleep(storm.random.uniform(0.1, 0.4))
        for place in places:
            await storm.nodes[place].kill()
            storm.note()
        for place in places:
            await storm.start_node(place)


async def clock_jumps(storm: Storm) -> None:
    """The clock of one node jumps forward and back, and is put right again."""
    for jump_ms in JUMPS_MS:
        storm.nursery.clocks.jump(PLACES[1], jump_ms)
        storm.note()
        await asyncio.sleep(0.5)
    storm.nursery.clocks.jump(PLACES[1], 0)
    await asyncio.sleep(0.3)


async def clients_go_away(storm: Storm) -> None:
    """Clients hang up in the middle of a request, at every part of it, and while it is being answered."""
    for part in range(12):
        person = storm.random.choice(storm.company.people)
        if person.account.sessions:
            wire, _ = storm.way()
            await wire.send_part("/auth/session/refresh", person.refresh_headers(), part / 11)
            storm.note()
        await asyncio.sleep(0.05)
