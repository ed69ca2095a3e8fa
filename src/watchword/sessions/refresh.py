"""Refreshing: who gets new tokens for a refresh token, who is refused, and when it is theft.

The invariant: an honest client, whose messages are lost, doubled or late and which may crash at any
moment, is never signed out; and a thief and an honest client never both live on. To that end a child
proves nothing until it comes back *of age*, when no older message can still be under way; and each answer
mints a child of its own, so that two holders of one token fork and the second is caught.

The row knows the token that was proved last. `decide` is the whole rule, a pure function of row, token and
time; the exhaustive model check in the tests runs this very function. `PROMOTE` is the one statement that
writes, and it writes exactly where `decide` says promote or heal. Source: security 4.4.
"""

import logging
import secrets
from dataclasses import dataclass
from enum import Enum

from watchword.audit.events import SecurityEvent
from watchword.crypto.hashes import constant_time_equal
from watchword.database.database import Row, Transaction
from watchword.database.statements import Statement
from watchword.sessions.engine import GrantedTokens, SessionEngine, grant_tokens
from watchword.sessions.errors import TokenTheftDetected, TryAgain, Unauthorised
from watchword.sessions.refresh_tokens import RefreshToken, mint_refresh_token, open_refresh_token
from watchword.sessions.revoked_rows import record_revoked
from watchword.sessions.settings import SessionSettings
from watchword.sessions.stored import FIND_SESSION, StoredSession

log = logging.getLogger(__name__)

_TRIES = 3
_QUIET_MS = 60_000


class Decision(Enum):
    """What to do with a refresh token. The values are the rules of security 4.4."""

    REFUSED = "R0"
    """No such session, or it has ended: unauthorised."""
    YOUNG = "R1"
    """Too young to prove anything: an access token only; the client keeps the token it has."""
    AGAIN = "R2"
    """The current token once more: a further child; nothing is written."""
    PROMOTE = "R3"
    """A child of the current token, of age: it becomes current; one write."""
    HEAL = "R4"
    """Minted after a commit that the row no longer knows (lost, or a restored backup): as promote."""
    SOFT = "R5"
    """Not acceptable, but so soon after a promotion that an old message may explain it: try again."""
    THEFT = "R6"
    """Not acceptable: the token was replaced. The session ends."""


def decide(session: StoredSession | None, token: RefreshToken, now_ms: int, settings: SessionSettings) -> Decision:
    """The rule. Pure.

    Args:
        session: The row of the token's app, tenant and handle, or `None`.
        token: As opened; its anti-CSRF token was checked before.
        now_ms: By the clock of this node.
        settings: `settle_ms` and `soft_window_ms` count; 0 switches the rule off.
    """
    if session is None or session.ends_by_ms() <= now_ms:
        return Decision.REFUSED
    is_current = token.hash == session.cur_hash
    is_child = token.parent_hash == session.cur_hash and token.gen == session.cur_gen + 1
    # Nobody can hold a token two generations ahead of the row unless the row lost a commit.
    is_ahead = token.gen >= session.cur_gen + 2
    if not (is_current or is_child or is_ahead):
        is_soon = settings.soft_window_ms > 0 and now_ms - session.confirmed_at_ms <= settings.soft_window_ms
        return Decision.SOFT if is_soon else Decision.THEFT
    if is_young(token, now_ms, settings):
        return Decision.YOUNG
    if is_current:
        return Decision.AGAIN
    return Decision.PROMOTE if is_child else Decision.HEAL


def is_young(token: RefreshToken, now_ms: int, settings: SessionSettings) -> bool:
    """Whether messages older than the token may still be under way. A negative age counts as young."""
    return settings.settle_ms > 0 and now_ms - token.iat_ms <= settings.settle_ms


_WORDS = {Decision.REFUSED: "ended", Decision.SOFT: "too_soon"}


@dataclass(frozen=True, slots=True)
class _Outcome:
    decision: Decision
    session: StoredSession | None


async def refresh(
    engine: SessionEngine,
    text: str,
    *,
    anti_csrf_token: str | None = None,
    check_anti_csrf: bool = False,
    address: str | None = None,
) -> GrantedTokens:
    """Exchange a refresh token for new tokens; at most one row is written.

    Args:
        engine: The app's sessions.
        text: The refresh token as it came along.
        anti_csrf_token: The one that came along.
        check_anti_csrf: Whether it must match; a token made without one is let through (FDI 4.7).
        address: The client's, for the audit log.
    Raises:
        Unauthorised: Not a token of this app, wrong anti-CSRF token, no such session, or it has ended.
        TryAgain: Not acceptable, but too soon after a promotion to call it theft (R5).
        TokenTheftDetected: See the class; the session is gone when this is raised.
    """
    try:
        token = open_refresh_token(engine.secrets, engine.app_id, text)
    except Unauthorised:
        engine.counts.count_refresh("INVALID")
        raise
    expected = token.anti_csrf_token if check_anti_csrf else None
    if expected is not None and (anti_csrf_token is None or not constant_time_equal(expected, anti_csrf_token)):
        _note_refusal(engine, token, "anti_csrf", address)
        raise Unauthorised("the anti-CSRF token does not match the refresh token")
    now_ms = engine.clock.now_ms()
    outcome = await _decide_and_commit(engine, token, now_ms, address)
    if outcome.decision in (Decision.REFUSED, Decision.SOFT):
        _note_refusal(engine, token, _WORDS[outcome.decision], address)
    engine.counts.count_refresh(outcome.decision.name)
    # Only now: an exception inside the transaction would roll the revocation back and leave the thief signed in.
    session = _session_or_raise(engine, token, outcome)
    return await _grant(engine, session, token, outcome.decision, check_anti_csrf, now_ms)


def peek(engine: SessionEngine, text: str) -> RefreshToken | None:
    """What a refresh token of this app says, good or not any more; `None` for anything else."""
    try:
        return open_refresh_token(engine.secrets, engine.app_id, text)
    except Unauthorised:
        return None


async def _decide_and_commit(engine: SessionEngine, token: RefreshToken, now_ms: int, address: str | None) -> _Outcome:
    async def body(tx: Transaction) -> _Outcome:
        for _ in range(_TRIES):
            outcome = await _try_to_settle(tx, engine, token, now_ms, address)
            if outcome is not None:
                return outcome
        return _Outcome(Decision.SOFT, None)  # the row changed under our hands three times: busy, not stolen

    if is_young(token, now_ms, engine.settings):  # the usual answers to a young token need no transaction
        session = _found(await engine.db.find(FIND_SESSION, **_names_of(engine, token)))
        decision = decide(session, token, now_ms, engine.settings)
        if decision is not Decision.THEFT:
            return _Outcome(decision, session)
    return await engine.db.write(body)


async def _try_to_settle(
    tx: Transaction, engine: SessionEngine, token: RefreshToken, now_ms: int, address: str | None
) -> _Outcome | None:
    """One look at the row, with the write that it asks for; `None` when the row changed in between."""
    names = _names_of(engine, token)
    if not is_young(token, now_ms, engine.settings):
        promoted = await tx.find(
            PROMOTE,
            **names,
            hash=token.hash,
            parent_hash=token.parent_hash,
            gen=token.gen,
            now_ms=now_ms,
            new_expires_at_ms=now_ms + engine.settings.refresh_token_validity_ms,
        )
        if promoted is not None:
            replaced_its_parent = bytes(promoted["prev_hash"]) == token.parent_hash
            return _Outcome(
                Decision.PROMOTE if replaced_its_parent else Decision.HEAL, StoredSession.from_row(promoted)
            )
    session = _found(await tx.find(FIND_SESSION, **names))
    decision = decide(session, token, now_ms, engine.settings)
    if decision in (Decision.PROMOTE, Decision.HEAL):
        return None  # it became acceptable between the two statements
    if decision is Decision.THEFT and session is not None:
        as_read = {"cur_hash": session.cur_hash, "confirmed_at_ms": session.confirmed_at_ms}
        if not await tx.execute(DELETE_AS_READ, **names, **as_read):
            return None  # another token was proved meanwhile: look again before calling it theft
        await engine.audit.record(tx, _theft(session, token, address))
        await record_revoked(tx, engine.app_id, [session.handle])
    return _Outcome(decision, session)


def _theft(session: StoredSession, token: RefreshToken, address: str | None) -> SecurityEvent:
    return SecurityEvent(
        "theft_detected",
        tenant_id=session.tenant_id,
        user_id=session.user_id,
        handle=session.handle,
        address=address,
        facts={
            "presented_generation": token.gen,
            "presented_minted_at_ms": token.iat_ms,
            "current_generation": session.cur_gen,
            "current_proved_at_ms": session.confirmed_at_ms,
        },
    )


def _note_refusal(engine: SessionEngine, token: RefreshToken, why: str, address: str | None) -> None:
    refused = SecurityEvent(
        "refresh_refused",
        tenant_id=token.tenant_id,
        user_id=token.user_id,
        handle=token.handle,
        address=address,
        facts={"why": why},
    )
    engine.audit.note(refused, quiet_ms=_QUIET_MS)  # whoever holds a dead token may send it at will


def _names_of(engine: SessionEngine, token: RefreshToken) -> dict[str, str]:
    return {"app_id": engine.app_id, "tenant_id": token.tenant_id, "handle": token.handle}


def _found(row: Row | None) -> StoredSession | None:
    return None if row is None else StoredSession.from_row(row)


def _session_or_raise(engine: SessionEngine, token: RefreshToken, outcome: _Outcome) -> StoredSession:
    session = outcome.session
    if outcome.decision is Decision.SOFT:
        log.info("refresh of session %s refused softly, generation %s", token.handle, token.gen)
        raise TryAgain
    if session is None or outcome.decision is Decision.REFUSED:
        raise Unauthorised("the session has ended")
    if outcome.decision is Decision.THEFT:
        engine.feed.announce([session.handle])
        log.warning(
            "token theft: session %s of user %r revoked; generation %s presented, %s is current",
            session.handle,
            session.user_id,
            token.gen,
            session.cur_gen,
        )
        raise TokenTheftDetected(session.handle, session.user_id, session.recipe_user_id)
    if outcome.decision is Decision.HEAL:
        log.warning("session_row_behind: session %s healed by generation %s", session.handle, token.gen)
    return session


async def _grant(
    engine: SessionEngine,
    session: StoredSession,
    token: RefreshToken,
    decision: Decision,
    wants_anti_csrf_token: bool,
    now_ms: int,
) -> GrantedTokens:
    has_anti_csrf_token = token.anti_csrf_token is not None or wants_anti_csrf_token
    fresh = secrets.token_urlsafe(16) if has_anti_csrf_token else None
    if decision is Decision.YOUNG:
        anti_csrf_token = token.anti_csrf_token or fresh
        return await grant_tokens(
            engine, session, token, hand_out=False, anti_csrf_token=anti_csrf_token, now_ms=now_ms
        )
    child = mint_refresh_token(
        engine.secrets,
        engine.app_id,
        tenant_id=session.tenant_id,
        handle=session.handle,
        user_id=session.user_id,
        parent=token,
        anti_csrf_token=fresh,
        now_ms=now_ms,
    )
    return await grant_tokens(engine, session, child, hand_out=True, anti_csrf_token=fresh, now_ms=now_ms)


# The only write of a refresh. It reads what it needs under the row's lock, so a second node with the same
# token waits, finds the condition false, and answers by R2: the row is as if one node had acted.
# `prev_hash` comes back as what `cur_hash` was, which tells promote from heal.
PROMOTE = Statement("""
    update {sessions}
       set prev_hash = cur_hash, cur_hash = :hash, cur_gen = :gen,
           confirmed_at_ms = :now_ms, rotated_at_ms = :now_ms,
           expires_at_ms = {greatest}(
               expires_at_ms, case when ends_at_ms < :new_expires_at_ms then ends_at_ms else :new_expires_at_ms end)
     where app_id = :app_id and tenant_id = :tenant_id and handle = :handle
       and expires_at_ms > :now_ms and (ends_at_ms is null or ends_at_ms > :now_ms)
       and ((cur_hash = :parent_hash and cur_gen + 1 = :gen) or cur_gen + 2 <= :gen)
 returning handle, tenant_id, user_id, recipe_user_id, cur_hash, cur_gen, confirmed_at_ms,
           created_at_ms, expires_at_ms, ends_at_ms, jwt_payload, prev_hash
""")

DELETE_AS_READ = Statement("""
    delete from {sessions}
     where app_id = :app_id and tenant_id = :tenant_id and handle = :handle
       and cur_hash = :cur_hash and confirmed_at_ms = :confirmed_at_ms
""")
