"""One session put to the test on a real database: a client, its network, two nodes, perhaps a thief.

What happens comes from a script (`counter_examples.py`) or at random. A trial raises `Broken` as soon as something
happened that must never: that is all there is to see.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from watchword.errors import WatchwordError
from watchword.sessions import lifecycle
from watchword.sessions.claims import ClaimOwner
from watchword.sessions.engine import SessionEngine
from watchword.sessions.errors import TokenTheftDetected, TryAgain, Unauthorised
from watchword.sessions.refresh import peek, refresh

#: Longest life of a request or an answer (security 4.3).
MESSAGE_LIFE_MS = 30_000
#: Past the settle age, at every node.
SETTLED_MS = 141_000
_UNDER_WAY = 4


class Broken(WatchwordError):
    """Something happened that must never: the message says what."""

    code = "broken"


class TrialClock:
    """A clock that moves only when told to; the nodes of all trials share it."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return self._now_ms

    def turn(self, by_ms: int) -> None:
        """Let time pass."""
        self._now_ms += by_ms


@dataclass(frozen=True, slots=True)
class Message:
    """A refresh token under way: in a request, or in an answer."""

    token: str = field(repr=False)
    sent_at_ms: int


@dataclass
class Holder:
    """How many generations somebody used with success since the theft, and the last of them."""

    generations: int = 0
    last: int = -1

    def used(self, gen: int) -> None:
        """Count a generation, once."""
        if gen > self.last:
            self.generations, self.last = self.generations + 1, gen


@dataclass
class Trial:
    """One session. Make it with `begin`; `over` is set when it has ended, `answers_by_kind` counts."""

    clock: TrialClock
    nodes: Sequence[SessionEngine]
    answers_by_kind: Counter[str]
    jar: str = field(repr=False)
    requests: list[Message] = field(default_factory=list[Message])
    answers: list[Message] = field(default_factory=list[Message])
    stolen: list[str] = field(default_factory=list[str], repr=False)
    thief_acted: bool = False
    over: bool = False
    client: Holder = field(default_factory=Holder)
    thief: Holder = field(default_factory=Holder)

    @classmethod
    async def begin(cls, clock: TrialClock, nodes: Sequence[SessionEngine], answers_by_kind: Counter[str]) -> "Trial":
        """Somebody signs in, and the first refresh token comes of age."""
        owner = ClaimOwner("somebody", "somebody", "public")
        granted = await lifecycle.create_session(
            nodes[0], owner, jwt_payload={}, session_data={}, with_anti_csrf_token=False
        )
        clock.turn(SETTLED_MS)
        return cls(clock, nodes, answers_by_kind, granted.issued.refresh_token or "")

    async def play(self, script: str) -> None:
        """Play a run in the words of `counter_examples.py`."""
        for step in script.split(", "):
            verb, *rest = step.split()
            index = int(rest[0]) if rest else 0
            match verb:
                case "send":
                    self.requests.append(Message(self.jar, self.clock.now_ms()))
                case "answer" if index < len(self.requests):
                    await self.answer(index, kept="kept" in rest)
                case "deliver" if index < len(self.answers):
                    self.jar = self.answers.pop(index).token
                case "lose" if index < len(self.answers):
                    del self.answers[index]
                case "wait":
                    self.wait(index * MESSAGE_LIFE_MS)
                case "steal":
                    self.stolen = [self.jar]
                case "thief" if index < len(self.stolen):
                    await self.thief_refreshes(index)
                case _:
                    pass

    async def play_at_random(self, random: Random, steps: int) -> None:
        """Anything that may happen, in any order; with a thief in one of three."""
        is_robbed_at = random.randrange(3 * steps)
        for step in range(steps):
            if self.over:
                return
            if step == is_robbed_at:
                self.stolen = [random.choice([self.jar, *(message.token for message in self.answers)])]
            await self._something(random)

    async def answer(self, index: int, *, kept: bool = False, node: int = 0) -> None:
        """A node answers a request of the client."""
        request = self.requests[index] if kept else self.requests.pop(index)
        token = await self._present(request.token, node, self.client)
        if token is not None:
            self.answers.append(Message(token, self.clock.now_ms()))

    async def thief_refreshes(self, index: int, node: int = 0) -> None:
        """The thief uses one of his tokens, and keeps what he gets in its place."""
        self.thief_acted = True
        token = await self._present(self.stolen[index], node, self.thief)
        if token is not None:
            self.stolen[index] = token

    def wait(self, milliseconds: int) -> None:
        """Time passes, and old messages are lost."""
        self.clock.turn(milliseconds)
        oldest_ms = self.clock.now_ms() - MESSAGE_LIFE_MS
        self.requests = [message for message in self.requests if message.sent_at_ms >= oldest_ms]
        self.answers = [message for message in self.answers if message.sent_at_ms >= oldest_ms]

    async def must_go_on(self) -> None:
        """In calm, an honest client's token is good, again and again.

        Raises:
            Broken: It is not.
        """
        self.wait(SETTLED_MS)
        for node in range(3):
            await self.play("send")
            await self.answer(len(self.requests) - 1, node=node % len(self.nodes))
            if not self.answers:
                raise Broken("in calm, the client's refresh token brings no new one")
            self.jar = self.answers.pop().token
            self.wait(SETTLED_MS)

    async def must_end(self) -> None:
        """The client and the thief both go on; soon the session ends.

        Raises:
            Broken: It does not.
        """
        for _ in range(3):
            self.wait(SETTLED_MS)
            await self.play("send, answer 0, deliver 0")
            self.wait(SETTLED_MS)
            await self.play("thief 0")
        if not self.over:
            raise Broken("the thief and the client both live on")

    async def _something(self, random: Random) -> None:
        node = random.randrange(len(self.nodes))
        under_way = len(self.requests) + len(self.answers)
        match random.choice(
            ("send", "send", "answer", "answer", "deliver", "deliver", "lose", "wait", "wait", "thief")
        ):
            case "send" if under_way < _UNDER_WAY:
                self.requests.append(Message(self.jar, self.clock.now_ms()))
            case "answer" if self.requests:
                kept = under_way < _UNDER_WAY and random.random() < 0.3
                await self.answer(random.randrange(len(self.requests)), kept=kept, node=node)
            case "deliver" if self.answers:
                self.jar = self.answers.pop(random.randrange(len(self.answers))).token
            case "lose" if under_way:
                pile = self.requests or self.answers
                del pile[random.randrange(len(pile))]
            case "wait":
                short = (5_000, 15_000, 29_000) if under_way else (61_000,)
                self.wait(random.choice((*short, SETTLED_MS, SETTLED_MS)))
            case "thief" if self.stolen:
                await self.thief_refreshes(0, node)
            case _:
                pass

    async def _present(self, token: str, node: int, holder: Holder) -> str | None:
        """Refresh, and judge the answer; the new refresh token, if there is one."""
        try:
            granted = await refresh(self.nodes[node], token)
        except TryAgain:
            self.answers_by_kind["soft"] += 1
            return None
        except (TokenTheftDetected, Unauthorised) as error:
            self.answers_by_kind["theft" if isinstance(error, TokenTheftDetected) else "after the end"] += 1
            if not self.thief_acted:
                raise Broken(f"an honest client was signed out: {error}") from error
            self.over = True
            return None
        if self.over:
            raise Broken("a session that had ended lives again")
        opened = peek(self.nodes[node], token)
        if granted.issued.refresh_token is None or opened is None:
            self.answers_by_kind["young"] += 1
            return None
        self.answers_by_kind["new tokens"] += 1
        if self.stolen:
            holder.used(opened.gen)
            if min(self.client.generations, self.thief.generations) > 2:
                raise Broken("the thief and the client both live on")
        return granted.issued.refresh_token
