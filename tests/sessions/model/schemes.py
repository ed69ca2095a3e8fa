"""The rules of refreshing that the model check compares; the last one is the production rule itself.

A token is `[parent, gen, age]`; a scheme is `refresh(row, token) -> (verdict, token to hand out)`, with the
verdicts `ok`, `at` (an access token only, the jar keeps its refresh token), `soft` (refused, nothing minted,
nothing cleared), `theft` and `unauth`.
"""

from collections.abc import Callable
from functools import cache

from watchword.sessions.refresh import Decision, decide
from watchword.sessions.refresh_tokens import RefreshToken, stored_hash
from watchword.sessions.settings import SETTLE_FLOOR_MS, SOFT_WINDOW_FLOOR_MS, SessionSettings
from watchword.sessions.stored import StoredSession

NONE = -1


class Row:
    """The session's row, as schemes see and change it.

    Attributes:
        toks: All tokens there are.
        cur: The current one. prev, rec: the one before it, a recorded child (for the schemes that have them).
        conf: Age of the last confirmation. rot: age of the last rotation.
        wrote: How often the row was written in this refresh.
    """

    __slots__ = ("conf", "cur", "live", "prev", "rec", "rot", "toks", "wrote")

    def __init__(self, toks: list[list[int]], cur: int, prev: int, rec: int, conf: int, rot: int, live: int) -> None:
        self.toks, self.cur, self.prev, self.rec = toks, cur, prev, rec
        self.conf, self.rot, self.live, self.wrote = conf, rot, live, 0

    def mint(self, parent: int) -> int:
        """A new child of a token."""
        self.toks.append([parent, self.toks[parent][1] + 1, 0])
        return len(self.toks) - 1


Scheme = Callable[[Row, int], tuple[str, int]]


def strict(row: Row, token: int) -> tuple[str, int]:
    """(a) Single use: the stored token is replaced at once, any other token is theft."""
    if token != row.cur:
        return "theft", NONE
    row.cur = row.mint(token)
    row.wrote += 1
    return "ok", row.cur


def make_grace_same(window: int) -> Scheme:
    """(b1) Reuse interval: the previous token, for a while, gets the current token again."""

    def grace_same(row: Row, token: int) -> tuple[str, int]:
        if token == row.cur:
            row.prev, row.cur, row.rot = token, row.mint(token), 0
            row.wrote += 1
            return "ok", row.cur
        if token == row.prev and row.rot <= window:
            return "ok", row.cur
        return "theft", NONE

    return grace_same


def make_core56(window: int) -> Scheme:
    """(b2) SuperTokens core from CDI 5.6: rotation at refresh with a grace window, in which the previous token
    mints again and displaces the child minted before.
    """

    def core56(row: Row, token: int) -> tuple[str, int]:
        if row.cur in (token, row.toks[token][0]):
            row.prev, row.cur, row.rot = token, row.mint(token), 0
        elif token == row.prev and row.rot <= window:
            row.cur = row.mint(token)
        else:
            return "theft", NONE
        row.wrote += 1
        return "ok", row.cur

    return core56


def core54(row: Row, token: int) -> tuple[str, int]:
    """(c) SuperTokens core up to CDI 5.4: parent and child; a child is promoted when it is used to refresh.

    There it is also promoted when an access token minted with it is verified, which is an event of the world.
    (d4) is the same rule in a world where access tokens prove nothing.
    """
    if token == row.cur:
        return "ok", row.mint(token)
    if row.toks[token][0] == row.cur:
        row.cur = token
        row.wrote += 1
        return "ok", row.mint(token)
    return "theft", NONE


def pl_det(row: Row, token: int) -> tuple[str, int]:
    """(d1, d2) An equivalent child: every presentation of the current token yields the same recorded one."""
    if token == row.cur:
        if row.rec < 0:
            row.rec = row.mint(token)
            row.wrote += 1
        return "ok", row.rec
    if token == row.rec:
        row.cur = token
        row.rec = row.mint(token)
        row.wrote += 1
        return "ok", row.rec
    return "theft", NONE


def make_pl_window(window: int, settle: int) -> Scheme:
    """(d3) The same child for a while, a fresh one afterwards; young tokens get an access token only."""

    def pl_window(row: Row, token: int) -> tuple[str, int]:
        if row.toks[token][2] <= settle and token in (row.cur, row.rec):
            return "at", NONE
        if token == row.cur:
            if row.rec < 0 or row.toks[row.rec][2] > window:
                row.rec = row.mint(token)
                row.wrote += 1
            return "ok", row.rec
        if token == row.rec:
            row.prev, row.cur = row.cur, token
            row.rec = row.mint(token)
            row.wrote += 1
            return "ok", row.rec
        if token == row.prev and row.toks[row.cur][2] <= window:
            return "ok", row.cur
        return "theft", NONE

    return pl_window


#: One tick of the model. Larger than both floors, so that "at most n ticks" can be said in milliseconds.
TICK_MS = 200_000
NOW_MS = 1_700_000_000_000
_VERDICTS = {Decision.YOUNG: "at", Decision.SOFT: "soft", Decision.THEFT: "theft", Decision.REFUSED: "unauth"}


def make_pl_settled(settle: int, soft: int) -> Scheme:
    """(e) PL-S: what production decides, translated from ticks; -1 switches a rule off."""
    settings = SessionSettings(
        settle_ms=0 if settle < 0 else settle * TICK_MS + SETTLE_FLOOR_MS,
        soft_window_ms=0 if soft < 0 else soft * TICK_MS + SOFT_WINDOW_FLOOR_MS,
    )

    def pl_settled(row: Row, token: int) -> tuple[str, int]:
        parent, gen, age = row.toks[token]
        presented = _token(token, parent, gen, age)
        decision = decide(_session(row.cur, row.toks[row.cur][1], row.conf), presented, NOW_MS, settings)
        if decision in _VERDICTS:
            return _VERDICTS[decision], NONE
        if decision in (Decision.PROMOTE, Decision.HEAL):
            row.cur, row.conf = token, 0
            row.wrote += 1
        return "ok", row.mint(token)

    return pl_settled


@cache
def _session(cur: int, gen: int, conf: int) -> StoredSession:
    return StoredSession(
        handle="handle",
        tenant_id="public",
        user_id="user",
        recipe_user_id="user",
        cur_hash=stored_hash(str(cur)),
        cur_gen=gen,
        confirmed_at_ms=NOW_MS - conf * TICK_MS,
        created_at_ms=0,
        expires_at_ms=NOW_MS + 1,
        ends_at_ms=None,
        jwt_payload={},
    )


@cache
def _token(token: int, parent: int, gen: int, age: int) -> RefreshToken:
    return RefreshToken(
        text="",
        hash1=str(token),
        parent_hash1=None if parent == NONE else str(parent),
        tenant_id="public",
        handle="handle",
        user_id="user",
        gen=gen,
        iat_ms=NOW_MS - age * TICK_MS,
        anti_csrf_token=None,
    )


def make_pl_without_healing(settle: int, soft: int) -> Scheme:
    """PL-S without rule R4, to show what the rule is for; production cannot be set up like this."""
    with_healing = make_pl_settled(settle, soft)

    def pl_without_healing(row: Row, token: int) -> tuple[str, int]:
        if token != row.cur and row.toks[token][0] != row.cur:
            return ("soft", NONE) if row.conf <= soft else ("theft", NONE)
        return with_healing(row, token)

    return pl_without_healing


def make_pl_again(settle: int, soft: int) -> Scheme:
    """(d5) PL-S, but a young token is answered with itself instead of with no token."""
    settled = make_pl_settled(settle, soft)

    def pl_again(row: Row, token: int) -> tuple[str, int]:
        verdict, minted = settled(row, token)
        return ("ok", token) if verdict == "at" else (verdict, minted)

    return pl_again
