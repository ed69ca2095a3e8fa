"""What an observer who sees every answer knows of one session, and the judgement that nothing may break."""

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum

from tests.race.wire import Reply
from tests.site import SECRET
from watchword.crypto.sealing import SecretRing
from watchword.sessions.refresh_tokens import RefreshToken, open_refresh_token

#: So many generations both may use after a theft; one more each, and the thief was missed (I3).
BOTH_MAY_USE = 2


class Verdict(Enum):
    """How a refresh was answered."""

    YOUNG = "young"
    AGAIN = "again"
    PROMOTE = "promote"
    SOFT = "soft"
    THEFT = "theft"
    REFUSED = "refused, the session was over"
    BUSY = "busy, 503"
    DROPPED = "dropped, too old"
    WRONG = "any other"

    @property
    def is_minting(self) -> bool:
        """Whether a new refresh token came along."""
        return self in (Verdict.AGAIN, Verdict.PROMOTE)


class Failing(Enum):
    """What must never happen."""

    HONEST_LOGOUT = "honest logouts"
    MISSED_THEFT = "missed thefts"
    OLD_TOKEN = "replaced tokens that yielded tokens"
    REVIVED = "ended sessions that lived again"
    SAME_CHILD = "tokens handed out twice"
    STATUS = "answers that nobody expects"


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that must never happen, and in which session it did."""

    what: Failing
    session: int
    detail: str


@dataclass
class Tally:
    """All that is counted in a race."""

    answers: Counter[Verdict] = field(default_factory=Counter[Verdict])
    events: Counter[str] = field(default_factory=Counter[str])
    failures: list[Failure] = field(default_factory=list[Failure])
    took_ms: list[int] = field(default_factory=list[int])
    answered_ms: list[int] = field(default_factory=list[int])

    @property
    def refreshes(self) -> int:
        """How many refreshes a node decided."""
        return self.answers.total() - sum(self.answers[verdict] for verdict in (Verdict.DROPPED, Verdict.BUSY))


@dataclass(frozen=True, slots=True)
class Shown:
    """A token as it was when it was sent off, and what was known of its session then."""

    token: RefreshToken
    proved: int
    over: bool


@dataclass
class Holder:
    """How many different generations somebody has used with success since the theft, and the last of them."""

    generations: int = 0
    last: int = -1

    def used(self, gen: int) -> None:
        """Count a generation, once."""
        if gen > self.last:
            self.generations, self.last = self.generations + 1, gen


@dataclass
class Record:
    """One session. `over` is set by the first refusal, `stolen` by the theft, `thief_acted` by his first request."""

    number: int
    tally: Tally
    secrets: SecretRing = field(default_factory=lambda: SecretRing(SECRET), repr=False)
    proved: int = 0
    over: bool = False
    stolen: bool = False
    thief_acted: bool = False
    client: Holder = field(default_factory=Holder)
    thief: Holder = field(default_factory=Holder)
    promoted: set[str] = field(default_factory=set[str], repr=False)
    handed_out: set[str] = field(default_factory=set[str], repr=False)

    def show(self, text: str, *, by_thief: bool = False) -> Shown:
        """To be called when a token is sent off."""
        self.thief_acted = self.thief_acted or by_thief
        return Shown(open_refresh_token(self.secrets, "public", text), self.proved, self.over)

    def judge(self, shown: Shown, reply: Reply, *, by_thief: bool = False) -> Verdict:
        """To be called when the answer is there, also if it is lost on the way to who asked."""
        verdict = self._verdict(shown, reply)
        self.tally.answers[verdict] += 1
        if verdict is Verdict.WRONG:
            self._fail(Failing.STATUS, f"{reply.status} {reply.message}")
        elif verdict in (Verdict.THEFT, Verdict.REFUSED):
            self._refused(verdict)
        elif verdict is Verdict.YOUNG or verdict.is_minting:
            self._granted(verdict, shown, reply, self.thief if by_thief else self.client)
        return verdict

    def must_be_over(self) -> None:
        """To be called long after the theft: whoever still goes on then was missed."""
        if not self.over:
            self._fail(Failing.MISSED_THEFT, "thief and client both went on, and nobody was refused for good")
            self.over = True

    def _verdict(self, shown: Shown, reply: Reply) -> Verdict:
        match reply.status:
            case 200 if "st-refresh-token" not in reply.headers:
                return Verdict.YOUNG
            case 200:
                is_first = shown.token.gen > 0 and shown.token.hash1 not in self.promoted
                return Verdict.PROMOTE if is_first else Verdict.AGAIN
            case 401:
                return Verdict.THEFT if "theft" in reply.message else Verdict.REFUSED
            case status:
                return {409: Verdict.SOFT, 503: Verdict.BUSY, 504: Verdict.DROPPED}.get(status, Verdict.WRONG)

    def _granted(self, verdict: Verdict, shown: Shown, reply: Reply, holder: Holder) -> None:
        if shown.token.gen < shown.proved:
            self._fail(Failing.OLD_TOKEN, f"generation {shown.token.gen}, when {shown.proved} was proved")
        if shown.over:
            self._fail(Failing.REVIVED, verdict.value)
        if not verdict.is_minting:
            return
        self.promoted.add(shown.token.hash1)
        self.proved = max(self.proved, shown.token.gen)
        child = reply.headers["st-refresh-token"]
        if child in self.handed_out:
            self._fail(Failing.SAME_CHILD, f"generation {shown.token.gen + 1}")
        self.handed_out.add(child)
        if self.stolen:
            holder.used(shown.token.gen)
            if min(self.client.generations, self.thief.generations) > BOTH_MAY_USE and not self.over:
                self._fail(Failing.MISSED_THEFT, f"both live, {self.client} {self.thief}")
                self.over = True

    def _refused(self, verdict: Verdict) -> None:
        if self.over:
            return
        self.over = True
        if self.thief_acted:
            self.tally.events["thieves caught"] += 1
        else:
            self._fail(Failing.HONEST_LOGOUT, verdict.value)

    def _fail(self, what: Failing, detail: str) -> None:
        self.tally.failures.append(Failure(what, self.number, detail))
