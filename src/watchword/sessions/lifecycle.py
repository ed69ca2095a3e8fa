"""A session is made and changed, without being refreshed. Each change is one transaction."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from watchword.audit.events import SecurityEvent
from watchword.database.database import Row, Transaction
from watchword.database.statements import Statement
from watchword.http.json import check_json_object, decode_json_object, encode_json
from watchword.identifiers import check_id, check_made_id, is_storable
from watchword.sessions.access_tokens import AccessTokenClaims, AccessTokenInfo, check_fits_cookies
from watchword.sessions.claims import ClaimOwner
from watchword.sessions.devices import Origin
from watchword.sessions.engine import GrantedTokens, SessionEngine, grant_tokens
from watchword.sessions.payloads import checked_jwt_payload, checked_session_data
from watchword.sessions.refresh_tokens import RefreshToken, mint_refresh_token
from watchword.sessions.stored import StoredSession

Change = Callable[[dict[str, Any]], dict[str, Any]]
"""From what is stored to what shall be stored; pure, as a transaction may run it twice."""


async def create_session(
    engine: SessionEngine,
    owner: ClaimOwner,
    *,
    jwt_payload: Mapping[str, Any],
    session_data: Mapping[str, Any],
    with_anti_csrf_token: bool,
    origin: Origin = Origin(),  # noqa: B008 - frozen
    admit: Callable[[Transaction], Awaitable[None]] | None = None,
    also: Callable[[Transaction], Awaitable[None]] | None = None,
) -> GrantedTokens:
    """Make and store a session, then its tokens.

    Args:
        engine: The app's sessions.
        owner: Whose session.
        jwt_payload: Rides in the access token.
        session_data: Stays in the database.
        with_anti_csrf_token: Whether its tokens carry an anti-CSRF token.
        origin: Where it is started.
        admit: Called first in the transaction that stores the session; what it raises leaves none.
        also: Called last in it, likewise.

    Raises:
        BadInput: The user id cannot be one.
        HookFailed: The application's `Ids` made a handle that cannot be one.
        InvalidPayload: Something cannot be stored; nothing was written.
    """
    for name, value in (("user_id", owner.user_id), ("recipe_user_id", owner.recipe_user_id)):
        check_id(name, value)
    payload = checked_jwt_payload(jwt_payload)
    data = checked_session_data(session_data, engine.settings.max_session_data_bytes)
    handle = engine.ids.session_handle()
    check_made_id("ids.session_handle", handle)
    _check_fits(engine, payload, handle=handle, owner=owner)
    now_ms = engine.clock.now_ms()
    anti_csrf_token = secrets.token_urlsafe(16) if with_anti_csrf_token else None
    first = mint_refresh_token(
        engine.secrets,
        engine.app_id,
        tenant_id=owner.tenant_id,
        handle=handle,
        user_id=owner.user_id,
        parent=None,
        anti_csrf_token=anti_csrf_token,
        now_ms=now_ms,
    )
    session = _begun(engine, owner, first, handle=handle, jwt_payload=payload, now_ms=now_ms)

    async def insert(tx: Transaction) -> None:
        if admit is not None:
            await admit(tx)
        await _insert(tx, engine, session, data, origin)
        if also is not None:
            await also(tx)

    await engine.db.write(insert)
    engine.counts.created += 1
    return await grant_tokens(engine, session, first, hand_out=True, anti_csrf_token=anti_csrf_token, now_ms=now_ms)


def _begun(
    engine: SessionEngine,
    owner: ClaimOwner,
    first: RefreshToken,
    *,
    handle: str,
    jwt_payload: dict[str, Any],
    now_ms: int,
) -> StoredSession:
    """A session as it is when it begins, with its first refresh token."""
    expires_at_ms = now_ms + engine.settings.refresh_token_validity_ms
    absolute_life_ms = engine.settings.absolute_life_ms
    ends_at_ms = None if absolute_life_ms is None else now_ms + absolute_life_ms
    return StoredSession(
        handle=handle,
        tenant_id=owner.tenant_id,
        user_id=owner.user_id,
        recipe_user_id=owner.recipe_user_id,
        cur_hash=first.hash,
        cur_gen=first.gen,
        confirmed_at_ms=now_ms,
        created_at_ms=now_ms,
        expires_at_ms=expires_at_ms if ends_at_ms is None else min(expires_at_ms, ends_at_ms),
        ends_at_ms=ends_at_ms,
        jwt_payload=jwt_payload,
    )


async def _insert(
    tx: Transaction, engine: SessionEngine, session: StoredSession, session_data: dict[str, Any], origin: Origin
) -> None:
    """Store a session that begins, and record that it does."""
    await tx.execute(
        INSERT_SESSION,
        app_id=engine.app_id,
        handle=session.handle,
        tenant_id=session.tenant_id,
        user_id=session.user_id,
        recipe_user_id=session.recipe_user_id,
        cur_hash=session.cur_hash,
        cur_gen=session.cur_gen,
        now_ms=session.created_at_ms,
        expires_at_ms=session.expires_at_ms,
        ends_at_ms=session.ends_at_ms,
        jwt_payload=encode_json(session.jwt_payload).decode(),
        session_data=encode_json(session_data).decode(),
        device=origin.device,
        network_address=origin.network_address,
    )
    created = SecurityEvent(
        "session_created",
        tenant_id=session.tenant_id,
        user_id=session.user_id,
        handle=session.handle,
        address=origin.network_address,
        facts={"expires_at_ms": session.expires_at_ms, "ends_at_ms": session.ends_at_ms},
    )
    await engine.audit.record(tx, created)


async def reissue_access_token(
    engine: SessionEngine, token: AccessTokenInfo, jwt_payload: Mapping[str, Any]
) -> AccessTokenInfo:
    """The same access token with another payload and a new issue time (FDI 4.12).

    Clients learn their clock's error from the issue time; a second token with the old one would mislead them.
    """
    claims = AccessTokenClaims(
        handle=token.handle,
        user_id=token.user_id,
        recipe_user_id=token.recipe_user_id,
        tenant_id=token.tenant_id,
        refresh_token_hash1=token.refresh_token_hash1,
        parent_refresh_token_hash1=token.parent_refresh_token_hash1,
        anti_csrf_token=token.anti_csrf_token,
        gen=token.gen,
        issued_at_ms=engine.clock.now_ms(),
        expires_at_ms=token.expires_at_ms,
    )
    return await engine.sign_access_token(claims, jwt_payload)


async def change_jwt_payload(engine: SessionEngine, handle: str, change: Change) -> dict[str, Any] | None:
    """Change the payload under the row's lock, so that concurrent changes all survive.

    Returns:
        The payload as stored, or `None` when there is no such session.
    Raises:
        InvalidPayload: The result is too large for a cookie; nothing was written.
    """
    now_ms = engine.clock.now_ms()

    async def body(tx: Transaction) -> dict[str, Any] | None:
        row = await tx.find(LOCK_SESSION, app_id=engine.app_id, handle=handle, now_ms=now_ms)
        if row is None:
            return None
        payload = change(_object(row, "jwt_payload"))
        owner = ClaimOwner(row["user_id"], row["recipe_user_id"], row["tenant_id"])
        _check_fits(engine, payload, handle=handle, owner=owner)
        text = encode_json(payload).decode()
        await tx.execute(UPDATE_JWT_PAYLOAD, app_id=engine.app_id, handle=handle, jwt_payload=text)
        return payload

    return await engine.db.write(body) if is_storable(handle) else None


async def change_session_data(engine: SessionEngine, handle: str, change: Change) -> dict[str, Any] | None:
    """Change the session data under the row's lock, so that concurrent changes all survive.

    Returns:
        The data as stored, or `None` when there is no such session.
    Raises:
        InvalidPayload: The result has more than `max_session_data_bytes`; nothing was written.
    """
    now_ms = engine.clock.now_ms()

    async def body(tx: Transaction) -> dict[str, Any] | None:
        row = await tx.find(LOCK_SESSION, app_id=engine.app_id, handle=handle, now_ms=now_ms)
        if row is None:
            return None
        data = change(_object(row, "session_data"))
        text = check_json_object("session_data", data, engine.settings.max_session_data_bytes).decode()
        await tx.execute(UPDATE_SESSION_DATA, app_id=engine.app_id, handle=handle, session_data=text)
        return data

    return await engine.db.write(body) if is_storable(handle) else None


def _check_fits(engine: SessionEngine, payload: Mapping[str, Any], *, handle: str, owner: ClaimOwner) -> None:
    check_fits_cookies(
        payload,
        handle=handle,
        user_id=owner.user_id,
        recipe_user_id=owner.recipe_user_id,
        tenant_id=owner.tenant_id,
        issuer=engine.issuer,
        algorithm=engine.settings.signing_key_algorithm,
    )


def _object(row: Row, column: str) -> dict[str, Any]:
    return decode_json_object(row[column].encode(), column)


INSERT_SESSION = Statement("""
    insert into {sessions} (app_id, tenant_id, handle, user_id, recipe_user_id, cur_hash, cur_gen,
                            confirmed_at_ms, created_at_ms, expires_at_ms, ends_at_ms,
                            jwt_payload, payload_version, session_data, device, network_address)
    values (:app_id, :tenant_id, :handle, :user_id, :recipe_user_id, :cur_hash, :cur_gen,
            :now_ms, :now_ms, :expires_at_ms, :ends_at_ms, :jwt_payload, 0, :session_data, :device, :network_address)
""")

LOCK_SESSION = Statement("""
    select tenant_id, user_id, recipe_user_id, jwt_payload, session_data
      from {sessions}
     where app_id = :app_id and handle = :handle
       and expires_at_ms > :now_ms and (ends_at_ms is null or ends_at_ms > :now_ms)
       {for_update}
""")

UPDATE_JWT_PAYLOAD = Statement("""
    update {sessions} set jwt_payload = :jwt_payload, payload_version = payload_version + 1
     where app_id = :app_id and handle = :handle
""")

UPDATE_SESSION_DATA = Statement("""
    update {sessions} set session_data = :session_data
     where app_id = :app_id and handle = :handle
""")
