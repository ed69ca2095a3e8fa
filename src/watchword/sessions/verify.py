"""Verification of access tokens: no database, no lock, no thread while the key is known. Source: FDI 4.9."""

from watchword.crypto.hashes import constant_time_equal
from watchword.crypto.jwt import InvalidToken, UnknownKey, verify_signature
from watchword.sessions import access_tokens
from watchword.sessions.access_tokens import AccessTokenInfo
from watchword.sessions.engine import SessionEngine
from watchword.sessions.errors import TryRefreshToken, Unauthorised
from watchword.sessions.refresh_tokens import stored_hash
from watchword.sessions.stored import FIND_SESSION, StoredSession

#: A token of a clock that was further ahead is not believed; within it, clocks that jump send nobody to refresh.
CLOCKS_APART_MS = 86_400_000


async def verify_access_token(engine: SessionEngine, text: str) -> AccessTokenInfo:
    """The access token, believed: signature, key, expiry, kind and revocation.

    Raises:
        TryRefreshToken: Not one of ours that holds now; a refresh may help.
        Unauthorised: Its session was revoked.
        StorageUnavailable: This process has not heard of revocations for `revocation_staleness_ms`, and the
            database does not answer.
    """
    token = engine.verified.find(text) or await _verify_anew(engine, text)
    now_ms = engine.clock.now_ms()
    if not now_ms < token.expires_at_ms <= now_ms + engine.revoked.life_ms + CLOCKS_APART_MS:
        engine.verified.discard(token)
        if token.expires_at_ms <= now_ms:
            raise TryRefreshToken("the access token has expired")
        raise TryRefreshToken("a clock far ahead made the access token: it would outlive what is known of revocations")
    if engine.revoked.has(token.handle):
        engine.verified.discard(token)
        raise Unauthorised("the session was revoked")
    if engine.feed.is_stale():  # cut off for too long: what was revoked meanwhile only the database knows
        await check_database(engine, token)
    return token


async def _verify_anew(engine: SessionEngine, text: str) -> AccessTokenInfo:
    try:
        try:
            token = _read(engine, text)
        except UnknownKey:
            await engine.keys.reload_for_unknown(access_tokens.read_kid(text))
            token = _read(engine, text)
    except InvalidToken as error:
        raise TryRefreshToken(f"the access token does not verify: {error}") from None
    if not token.kid.startswith(engine.kid_prefix):
        raise TryRefreshToken("the access token is signed with the other kind of key than the settings ask for")
    engine.verified.add(token)
    return token


def _read(engine: SessionEngine, text: str) -> AccessTokenInfo:
    jwt = verify_signature(text, engine.keys.find_verification_key)
    if jwt.payload.get("iss") != engine.issuer:  # keys belong to one app; after a move of the API a refresh helps
        raise InvalidToken("it was issued for another address of this API")
    return access_tokens.read_access_token(text, jwt)


def parse_access_token(engine: SessionEngine, text: str) -> AccessTokenInfo | None:
    """What an access token says, unverified; `None` when it has another shape (FDI 4.9, step 2)."""
    return engine.verified.find(text) or access_tokens.parse_access_token(text)


def find_signed_access_token(engine: SessionEngine, text: str) -> AccessTokenInfo | None:
    """An access token of ours whose signature holds, expired or not; `None` for anything else. No I/O."""
    try:
        return engine.verified.find(text) or _read(engine, text)
    except InvalidToken:
        return None


def check_anti_csrf_token(token: AccessTokenInfo, presented: str | None) -> None:
    """Compare the anti-CSRF token that came along with the one in the access token (FDI 4.7).

    Raises:
        TryRefreshToken: They differ, or either is missing.
    """
    if token.anti_csrf_token is None or presented is None or not constant_time_equal(token.anti_csrf_token, presented):
        raise TryRefreshToken("the anti-CSRF token does not match the access token")


async def check_database(engine: SessionEngine, token: AccessTokenInfo) -> None:
    """Ask the database whether a verified access token's session still is, and on its branch (security 4.4).

    Raises:
        Unauthorised: The session has ended.
        TryRefreshToken: Another branch of refresh tokens was proved meanwhile. Never theft: access tokens
            prove nothing.
    """
    row = await engine.db.find(FIND_SESSION, app_id=engine.app_id, tenant_id=token.tenant_id, handle=token.handle)
    session = None if row is None else StoredSession.from_row(row)
    if session is None or session.ends_by_ms() <= engine.clock.now_ms():
        raise Unauthorised("the session has ended")
    hashes = [token.refresh_token_hash1, token.parent_refresh_token_hash1]
    lineage = [stored_hash(hash1) for hash1 in hashes if hash1 is not None]
    if token.gen is not None and token.gen <= session.cur_gen and session.cur_hash not in lineage:
        raise TryRefreshToken("the access token belongs to a branch that was left")
