"""Somebody who is signed in: a client with a jar, a disk, several tabs and a bad network."""

import asyncio
import json
from collections import deque
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.race.clock import ARRIVES_WITHIN_MS, DELTA_MS, OF_AGE_MS, FastClock
from tests.race.record import Record, Tally, Verdict
from tests.race.wire import Reply, Wire

MAY_BE_UNDER_WAY = 6
ENOUGH_TO_DO = 6
REFRESH = "/auth/session/refresh"


@dataclass(frozen=True)
class Network:
    """The ways to the nodes, the clock, who counts, and whose refreshes are under way."""

    wires: Sequence[Wire]
    clock: FastClock
    tally: Tally
    under_way: list[int]

    async def take_turn(self, random: Random) -> None:
        """Wait while the nodes have enough to do: a queue would only make messages old."""
        while len(self.under_way) >= ENOUGH_TO_DO:  # noqa: ASYNC110  an event would wake all of them at once
            await asyncio.sleep(random.uniform(0.02, 0.2))

    async def refresh(self, number: int, token: str, sent_ms: int, random: Random) -> Reply:
        """Send a refresh token, read by a client at `sent_ms`, to one of the nodes."""
        wire = random.choice(self.wires)
        self.under_way.append(number)
        try:
            async with wire.lane:
                reply = await wire.ask("POST", REFRESH, headers(token, number, sent_ms))
        finally:
            self.under_way.remove(number)
        self.tally.took_ms.append(self.clock.now_ms() - sent_ms)
        if "x-race-times" in reply.headers:
            started_ms, ended_ms = map(int, reply.headers["x-race-times"].split())
            self.tally.answered_ms.append(ended_ms - started_ms)
        return reply


def headers(token: str, number: int, sent_ms: int) -> dict[str, str]:
    """As the official clients send a refresh in header mode, and what the race needs to know."""
    return {
        "authorization": f"Bearer {token}",
        "st-auth-mode": "header",
        "rid": "anti-csrf",
        "x-race-sent": str(sent_ms),
        "x-race-session": str(number),
    }


class Person:
    """One session from sign-in to its end, honest as long as nobody robs it."""

    def __init__(self, network: Network, number: int, random: Random) -> None:
        self._network = network
        self._clock = network.clock
        self._random = random
        self._events = network.tally.events
        self._life = 0
        self._under_way: set[asyncio.Task[None]] = set()
        self._waiting_for_disk: deque[tuple[int, str]] = deque()
        self._disk = ""
        self.record = Record(number, network.tally)
        self.jar = ""
        self.access_token = ""
        self.old: list[str] = []
        self.in_answers: deque[str] = deque(maxlen=3)

    async def sign_in(self) -> None:
        """A new session, on the client's disk."""
        wire = self._random.choice(self._network.wires)
        body = json.dumps({"userId": f"user-{self.record.number}"}).encode()
        wanted = {"st-auth-mode": "header", "content-type": "application/json"}
        async with wire.lane:
            reply = await wire.ask("POST", "/login", wanted, body)
        assert 200 == reply.status, reply
        self._put_into_jar(reply)
        self._disk = self.jar
        self._waiting_for_disk.clear()

    async def go_on(self) -> None:
        """Some time passes, mostly until tokens are of age; then one or several tabs wake up."""
        random = self._random
        await self._clock.sleep(
            random.uniform(OF_AGE_MS, 1.5 * OF_AGE_MS) if random.random() < 0.4 else random.uniform(0, OF_AGE_MS)
        )
        await self._network.take_turn(random)
        for _ in range(random.choice((1, 1, 2, 2, 3, 4))):
            if len(self._under_way) < MAY_BE_UNDER_WAY:
                self._begin(self._refresh_from_a_tab())
        if random.random() < 0.15:
            self._begin(self._call_the_application())
        if random.random() < 0.08:
            await self._clock.sleep(random.uniform(0, DELTA_MS / 4))
            self._crash()

    async def calm_down(self) -> None:
        """Wait for all that is under way."""
        while self._under_way:
            await asyncio.gather(*self._under_way)

    async def must_be_signed_in(self) -> None:
        """In calm, what the jar holds is good (I5): two refreshes of age succeed, one after the other."""
        for _ in range(2):
            verdict = Verdict.BUSY
            while verdict in (Verdict.BUSY, Verdict.DROPPED) and not self.record.over:
                await self._clock.sleep(OF_AGE_MS)
                verdict = await self._send(self.jar, self._clock.now_ms(), self._life)
            self._events["refreshes in calm"] += 1
            self._events["refreshes in calm that brought no new token"] += not verdict.is_minting

    def hands(self, token: str) -> None:
        """A token that was on its way to this client, for whoever looks into the air."""
        self.in_answers.append(token)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _refresh_from_a_tab(self) -> None:
        """A request with all that can happen to it: late, lost, doubled, or nobody there to hear the answer."""
        random, life = self._random, self._life
        token, sent_ms = self.jar, self._clock.now_ms()
        if random.random() < 0.25:
            self._events["requests held up"] += 1
            await self._clock.sleep(random.uniform(0, 0.9 * ARRIVES_WITHIN_MS))
        fate = random.random()
        if fate < 0.04:
            self._events["requests lost"] += 1
            return
        if fate < 0.08:
            self._events["answers lost, the client hung up"] += 1
            wire = random.choice(self._network.wires)
            async with wire.lane:
                self.record.show(token)
                head = headers(token, self.record.number, sent_ms)
                await wire.ask_and_hang_up(REFRESH, head, random.uniform(0, 0.01))
            return
        if fate < 0.16:
            self._events["requests doubled"] += 1
            self._begin(self._again(token, sent_ms, life))
        await self._send(token, sent_ms, life)

    async def _again(self, token: str, sent_ms: int, life: int) -> None:
        if self._random.random() < 0.5:
            await self._clock.sleep(self._random.uniform(0, DELTA_MS / 4))
        await self._send(token, sent_ms, life)

    async def _send(self, token: str, sent_ms: int, life: int) -> Verdict:
        random = self._random
        if self._clock.now_ms() - sent_ms > ARRIVES_WITHIN_MS:
            self._events["requests dropped, too old"] += 1
            return Verdict.DROPPED
        shown = self.record.show(token)
        reply = await self._network.refresh(self.record.number, token, sent_ms, random)
        verdict = self.record.judge(shown, reply)
        if reply.status != 200:
            return verdict
        if verdict.is_minting:
            self.hands(reply.headers["st-refresh-token"])
        started_ms = int(reply.headers["x-race-times"].split()[0])
        if random.random() < 0.06:
            self._events["answers lost"] += 1
            return verdict
        if random.random() < 0.2:
            self._events["answers held up"] += 1
            left_ms = DELTA_MS - (self._clock.now_ms() - started_ms)
            await self._clock.sleep(random.uniform(0, max(0, 0.95 * left_ms)))
        if self._clock.now_ms() - started_ms > DELTA_MS:
            self._events["answers dropped, too old"] += 1
        elif life == self._life:
            self._put_into_jar(reply)
        return verdict

    def _put_into_jar(self, reply: Reply) -> None:
        self.access_token = reply.headers["st-access-token"]
        if "st-refresh-token" in reply.headers:
            if self.jar:
                self.old.append(self.jar)
            self.jar = reply.headers["st-refresh-token"]
            due_ms = self._clock.now_ms() + self._random.choice((0, 0, DELTA_MS // 3, DELTA_MS))
            self._waiting_for_disk.append((due_ms, self.jar))

    def _crash(self) -> None:
        """The client is killed; it starts again with what its disk has, and hears no answer of before."""
        now_ms = self._clock.now_ms()
        reached = [token for due_ms, token in self._waiting_for_disk if due_ms <= now_ms]
        if reached:
            self._disk = reached[-1]
        self._events["clients killed"] += 1
        self._events["clients killed before their disk had the token"] += self._disk != self.jar
        self._waiting_for_disk.clear()
        self.jar = self._disk
        self._life += 1

    async def _call_the_application(self) -> None:
        """A protected route; where the database is asked, an access token of a dead branch asks for a refresh."""
        wire = self._random.choice(self._network.wires)
        path = self._random.choice(("/me", "/exact"))
        async with wire.lane:
            reply = await wire.ask("GET", path, {"authorization": f"Bearer {self.access_token}"})
        self._events[f"calls of the application, {reply.status}"] += 1
