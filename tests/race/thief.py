"""Somebody who copies one refresh token of a person, and goes on refreshing with it."""

from random import Random

from tests.race.clock import DELTA_MS, OF_AGE_MS
from tests.race.person import Network, Person
from tests.race.record import Verdict

#: Where a token can be copied.
POSITIONS = ("the jar", "an answer under way", "an old token", "the first token")


class Thief:
    """Copies once, at a known position; then takes what he is given, and sometimes tries the old one again."""

    def __init__(self, network: Network, victim: Person, position: str, random: Random) -> None:
        self._network = network
        self._victim = victim
        self._random = random
        self._tokens = [self._copy(victim, position)]
        victim.record.stolen = True
        network.tally.events[f"thefts from {position}"] += 1
        network.tally.events["thefts"] += 1

    async def live(self) -> None:
        """Refresh until the session is over."""
        record, random, clock = self._victim.record, self._random, self._network.clock
        while not record.over:
            wait_ms = random.choice((0, DELTA_MS, OF_AGE_MS, OF_AGE_MS, 2 * OF_AGE_MS))
            await clock.sleep(random.uniform(0.5, 1) * wait_ms if wait_ms < OF_AGE_MS else wait_ms)
            token = self._tokens[-1] if random.random() < 0.8 else random.choice(self._tokens)
            shown = record.show(token, by_thief=True)
            reply = await self._network.refresh(record.number, token, clock.now_ms(), random)
            verdict = record.judge(shown, reply, by_thief=True)
            if verdict in (Verdict.AGAIN, Verdict.PROMOTE):
                self._tokens = [token, reply.headers["st-refresh-token"]]

    def _copy(self, victim: Person, position: str) -> str:
        if position == "an answer under way" and victim.in_answers:
            return self._random.choice(victim.in_answers)
        if position == "an old token" and victim.old:
            return self._random.choice(victim.old)
        if position == "the first token" and victim.old:
            return victim.old[0]
        return victim.jar
