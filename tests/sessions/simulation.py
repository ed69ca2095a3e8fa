"""One client, a network, two nodes and a thief, event by event, on the real engine; I1 to I12 after each event.

The events are those of the model check; time is in milliseconds here, and the clocks of the nodes differ.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.sessions.nodes import ManualClock, columns_of, find_row, get_row, lose_commit, refresh_token_of, sign_in
from watchword.sessions import lifecycle, revoke
from watchword.sessions.engine import SessionEngine
from watchword.sessions.errors import TokenTheftDetected, TryAgain, Unauthorised
from watchword.sessions.payloads import merge
from watchword.sessions.refresh import Decision, decide, peek, refresh
from watchword.sessions.stored import StoredSession

#: Longest life of a request or an answer, and of a new token on its way to the client's disk.
DELTA_MS = 30_000

ANSWERS = {
    Decision.REFUSED: "unauth",
    Decision.YOUNG: "at",
    Decision.AGAIN: "ok",
    Decision.PROMOTE: "ok",
    Decision.HEAL: "ok",
    Decision.SOFT: "soft",
    Decision.THEFT: "theft",
}


class SkewedClock:
    """The clock of a node that is wrong by a constant."""

    def __init__(self, clock: ManualClock, skew_ms: int) -> None:
        self._clock = clock
        self.skew_ms = skew_ms

    def now_ms(self) -> int:
        """Milliseconds since the epoch, by this node."""
        return self._clock.now_ms() + self.skew_ms


@dataclass
class Message:
    """A refresh token under way: in a request to the server, or in an answer to the client."""

    token: str
    sent_at_ms: int


@dataclass
class Holder:
    """Somebody who presents tokens: how many different generations, since the theft, and the last one."""

    generations: int = 0
    last: int = -1

    def advanced(self, gen: int) -> None:
        """Count a generation presented with success."""
        if gen > self.last:
            self.generations += 1
            self.last = gen


@dataclass
class Simulation:
    """One session and all that happens to it. Make it with `begin`."""

    clock: ManualClock
    nodes: Sequence[SessionEngine]
    handle: str
    jar: str
    disk: str
    jar_since_ms: int
    requests: list[Message] = field(default_factory=list[Message])
    answers: list[Message] = field(default_factory=list[Message])
    thief: list[str] = field(default_factory=list[str])
    stolen: bool = False
    thief_acted: bool = False
    revoked: bool = False
    over: bool = False
    data: dict[str, Any] = field(default_factory=dict[str, Any])
    expires_at_ms: int = 0
    commits_lost: int = 0
    client_since_theft: Holder = field(default_factory=Holder)
    thief_since_theft: Holder = field(default_factory=Holder)

    @classmethod
    async def begin(cls, clock: ManualClock, nodes: Sequence[SessionEngine]) -> "Simulation":
        """A person signs in, and the token is in the jar and on the disk."""
        first = await sign_in(nodes[0])
        token, handle = refresh_token_of(first), first.access_token.handle
        row = await get_row(nodes[0].db, handle)
        return cls(clock, nodes, handle, token, token, clock.now_ms(), expires_at_ms=row["expires_at_ms"])

    @property
    def in_flight(self) -> int:
        """How many messages are under way."""
        return len(self.requests) + len(self.answers)

    # What happens

    def send(self) -> None:
        """A tab sends what the jar holds."""
        self.requests.append(Message(self.jar, self.clock.now_ms()))

    async def handle_request(self, index: int, node: int = 0, *, duplicated: bool = False, lost: bool = False) -> str:
        """A node answers a request; it may come again, and the commit may be lost after the answer has left."""
        request = self.requests[index]
        before = await self._row()
        verdict, token = await self.present(request.token, node)
        if verdict in ("theft", "unauth"):
            assert self.thief_acted or self.revoked, f"I1: honest client logged out ({verdict}), nobody stole anything"
            self.over = True
        if not duplicated:
            self.requests.remove(request)
        if token is not None:
            self.answers.append(Message(token, self.clock.now_ms()))
        if verdict == "ok" and self.stolen:
            self.client_since_theft.advanced(self._gen(request.token))
        if lost and before is not None and not self.over and before != await self._row():
            await lose_commit(self.nodes[0].db, before)
            self.commits_lost += 1
            self.expires_at_ms = before["expires_at_ms"]
        return verdict

    def lose_request(self, index: int) -> None:
        """A request never arrives."""
        del self.requests[index]

    def deliver_answer(self, index: int) -> None:
        """An answer reaches the jar."""
        self.jar, self.jar_since_ms = self.answers.pop(index).token, self.clock.now_ms()

    def lose_answer(self, index: int) -> None:
        """An answer never arrives."""
        del self.answers[index]

    def write_disk(self) -> None:
        """The client's storage catches up with its memory."""
        self.disk = self.jar

    def crash(self) -> None:
        """The client is killed, and starts again with what its disk has; its requests and answers are lost."""
        self.jar = self.disk

    def turn_clock(self, by_ms: int) -> None:
        """Time passes; messages older than DELTA are gone, and storage that took as long has caught up."""
        self.clock.turn(by_ms)
        now_ms = self.clock.now_ms()
        self.requests = [m for m in self.requests if now_ms - m.sent_at_ms <= DELTA_MS]
        self.answers = [m for m in self.answers if now_ms - m.sent_at_ms <= DELTA_MS]
        if now_ms - self.jar_since_ms > DELTA_MS:
            self.disk = self.jar

    def steal(self, token: str) -> None:
        """A thief copies a token, once."""
        self.thief = [token]
        self.stolen = True

    async def thief_presents(self, index: int, node: int = 0, *, keeps_old: bool = False) -> str:
        """The thief uses one of his tokens, and puts the new one in its place or beside it."""
        old = self.thief[index]
        verdict, token = await self.present(old, node)
        self.thief_acted = True
        if verdict in ("theft", "unauth"):
            self.over = True
        if token is not None:
            self.thief = [*self.thief, token] if keeps_old else [token if t == old else t for t in self.thief]
        if verdict == "ok":
            self.thief_since_theft.advanced(self._gen(old))
        return verdict

    async def merge_data(self, key: str, value: Any, node: int = 0) -> None:
        """The application merges into the session data."""
        changed = await lifecycle.change_session_data(
            self.nodes[node], self.handle, lambda stored: merge(stored, {key: value})
        )
        assert (changed is None) == self.over
        if changed is not None:
            self.data = merge(self.data, {key: value})

    async def revoke(self, node: int = 0) -> None:
        """The session is revoked."""
        await revoke.revoke_sessions(self.nodes[node], [self.handle])
        self.revoked = self.over = True

    # What must hold

    async def present(self, text: str, node: int) -> tuple[str, str | None]:
        """Refresh with a token on one node, compare with the rule, and check what was written (I2, I9, I10)."""
        engine = self.nodes[node]
        before = await self._row()
        decision = self._decide(text, engine, before)
        verdict, token = await self._answer(engine, text)
        assert ANSWERS[decision] == verdict
        after = await self._row()
        if decision in (Decision.PROMOTE, Decision.HEAL):
            assert before is not None
            assert after is not None
            self._check_promotion(text, before, after)
        elif decision is Decision.THEFT:
            assert after is None
        else:
            assert before == after, f"I10: {decision} wrote the row"
        if verdict in ("ok", "at") and before is not None:
            assert self._gen(text) >= before["cur_gen"], "I2: a token older than the proved one yields tokens"
        return verdict, token

    async def present_on_both_nodes_at_once(self, text: str) -> None:
        """Two nodes handle one token together: rows as if one, both answers usable (I11, F-16)."""
        before = await self._row()
        decisions = {self._decide(text, engine, before) for engine in self.nodes}
        answers = await asyncio.gather(*(self._answer(engine, text) for engine in self.nodes))
        verdicts = {verdict for verdict, _ in answers}
        after = await self._row()
        assert verdicts <= {ANSWERS[decision] for decision in decisions} | {"unauth"}, (decisions, verdicts)
        if "theft" in verdicts:
            assert after is None
            assert self.thief_acted, "I1: honest client logged out, nobody stole anything"
            self.over = True
        elif decisions & {Decision.PROMOTE, Decision.HEAL} and "ok" in verdicts:
            assert before is not None
            assert after is not None
            self._check_promotion(text, before, after)
        elif not self.over:
            assert before == after, "I10"

    async def check(self) -> None:
        """What must hold after every event: I3, I5, I7, I8, I9."""
        row = await self._row()
        if self.over:
            assert row is None, "I7: an ended session is alive again"
            return
        assert row is not None
        assert merge({}, self.data) == _object(row["session_data"]), "I8: session data lost"
        assert row["expires_at_ms"] >= self.expires_at_ms, "I9: the expiry went backwards"
        self.expires_at_ms = row["expires_at_ms"]
        both = min(self.client_since_theft.generations, self.thief_since_theft.generations)
        assert both < 3, "I3: thief and honest client both live on"
        if not self.in_flight and not self.stolen:
            for engine in self.nodes:
                decision = self._decide(self.jar, engine, row)
                assert ANSWERS[decision] in ("ok", "at"), f"I5: calm, and the client's token gets {decision}"

    def _check_promotion(self, text: str, before: dict[str, Any], after: dict[str, Any]) -> None:
        token = peek(self.nodes[0], text)
        assert token is not None
        assert (token.hash, token.gen) == (after["cur_hash"], after["cur_gen"])
        assert before["cur_hash"] == after["prev_hash"]
        assert before["expires_at_ms"] <= after["expires_at_ms"], "I9: the expiry went backwards"
        untouched = before.keys() - {
            "cur_hash",
            "cur_gen",
            "prev_hash",
            "confirmed_at_ms",
            "rotated_at_ms",
            "expires_at_ms",
        }
        assert {name: before[name] for name in untouched} == {name: after[name] for name in untouched}

    async def _answer(self, engine: SessionEngine, text: str) -> tuple[str, str | None]:
        try:
            granted = await refresh(engine, text)
        except TryAgain:
            return "soft", None
        except TokenTheftDetected:
            return "theft", None
        except Unauthorised:
            return "unauth", None
        return ("at" if granted.issued.refresh_token is None else "ok"), granted.issued.refresh_token

    def _decide(self, text: str, engine: SessionEngine, row: dict[str, Any] | None) -> Decision:
        token = peek(engine, text)
        assert token is not None
        session = None if row is None else StoredSession.from_row(row)
        return decide(session, token, engine.clock.now_ms(), engine.settings)

    async def _row(self) -> dict[str, Any] | None:
        found = await find_row(self.nodes[0].db, self.handle)
        return None if found is None else columns_of(found)

    def _gen(self, text: str) -> int:
        token = peek(self.nodes[0], text)
        assert token is not None
        return token.gen


def _object(text: str) -> dict[str, Any]:
    return json.loads(text)
