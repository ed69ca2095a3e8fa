"""What every session function works with, and the making of the tokens of an answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from watchword.audit.events import EventLog, Unlogged
from watchword.clock import Clock
from watchword.crypto.sealing import SecretRing
from watchword.database.database import Database
from watchword.ids import Ids
from watchword.sessions.access_tokens import AccessTokenClaims, AccessTokenInfo, mint_access_token
from watchword.sessions.counts import SessionCounts
from watchword.sessions.feed import RevocationFeed
from watchword.sessions.issued_tokens import IssuedTokens
from watchword.sessions.key_schedule import KeySchedule
from watchword.sessions.keys import SigningKeys
from watchword.sessions.refresh_tokens import RefreshToken
from watchword.sessions.revocations import RevokedHandles
from watchword.sessions.settings import SessionSettings
from watchword.sessions.stored import StoredSession
from watchword.sessions.verified_tokens import VerifiedTokens


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEngine:
    """The parts of one app's sessions.

    Attributes:
        issuer: The `iss` of access tokens; configuration, constant for an app (security JW-11).
        kid_prefix: What the ids of keys start with that may sign tokens here, by their kind.
    """

    db: Database
    app_id: str
    clock: Clock
    ids: Ids
    secrets: SecretRing
    settings: SessionSettings
    issuer: str
    kid_prefix: str
    audit: EventLog
    keys: SigningKeys
    revoked: RevokedHandles
    feed: RevocationFeed
    verified: VerifiedTokens
    counts: SessionCounts = field(default_factory=SessionCounts)

    @classmethod
    def assemble(
        cls,
        *,
        db: Database,
        app_id: str,
        clock: Clock,
        ids: Ids,
        secrets: SecretRing,
        settings: SessionSettings,
        issuer: str,
        audit: EventLog | None = None,
    ) -> Self:
        """An engine with fresh keys, revocations and cache, all of this one app (security TN-5).

        Without `audit` nothing is recorded.
        """
        audit = audit or Unlogged()
        schedule = KeySchedule(
            kind=settings.key_kind,
            algorithm=settings.signing_key_algorithm,
            rotation_ms=settings.signing_key_rotation_ms,
            token_validity_ms=settings.access_token_validity_ms,
        )
        keys = SigningKeys(db=db, app_id=app_id, clock=clock, secrets=secrets, schedule=schedule, audit=audit)
        revoked = RevokedHandles(clock, settings.access_token_validity_ms)
        return cls(
            db=db,
            app_id=app_id,
            clock=clock,
            ids=ids,
            secrets=secrets,
            settings=settings,
            issuer=issuer,
            kid_prefix=f"{settings.key_kind[0]}-",
            audit=audit,
            keys=keys,
            revoked=revoked,
            feed=RevocationFeed(
                db=db, app_id=app_id, clock=clock, revoked=revoked, staleness_ms=settings.revocation_staleness_ms
            ),
            verified=VerifiedTokens(keys.knows),
        )

    async def start(self) -> None:
        """Load the signing keys, make an app's first one, and follow what other processes revoke.

        Raises:
            ConfigurationError: The configured secret does not open the keys.
            StorageUnavailable: The database does not answer.
        """
        await self.keys.start()
        self.revoked.keep_longer(self.keys.longest_token_life_ms())
        await self.feed.start()

    async def stop(self) -> None:
        """End what runs in the background."""
        await self.feed.stop()

    async def sign_access_token(self, claims: AccessTokenClaims, jwt_payload: Mapping[str, Any]) -> AccessTokenInfo:
        """Sign an access token. Never inside a transaction: it takes a millisecond, or looks for keys."""
        return mint_access_token(claims, jwt_payload, self.issuer, await self.keys.get_signing_key())


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantedTokens:
    """The tokens of one answer."""

    access_token: AccessTokenInfo
    issued: IssuedTokens


async def grant_tokens(
    engine: SessionEngine,
    session: StoredSession,
    bound_to: RefreshToken,
    *,
    hand_out: bool,
    anti_csrf_token: str | None,
    now_ms: int,
) -> GrantedTokens:
    """Make the tokens of an answer, after the commit and from what it returned.

    Args:
        engine: Signs.
        session: The row as the commit left it.
        bound_to: The refresh token whose hash the access token carries.
        hand_out: Whether the client gets that refresh token, or keeps the one it has.
        anti_csrf_token: Goes into the access token and to the client.
        now_ms: Milliseconds since the epoch.
    """
    ends_by_ms = session.ends_by_ms()
    claims = AccessTokenClaims(
        handle=session.handle,
        user_id=session.user_id,
        recipe_user_id=session.recipe_user_id,
        tenant_id=session.tenant_id,
        refresh_token_hash1=bound_to.hash1,
        parent_refresh_token_hash1=None if bound_to.hash == session.cur_hash else bound_to.parent_hash1,
        anti_csrf_token=anti_csrf_token,
        gen=bound_to.gen,
        issued_at_ms=now_ms,
        expires_at_ms=min(now_ms + engine.settings.access_token_validity_ms, ends_by_ms),
    )
    access_token = await engine.sign_access_token(claims, session.jwt_payload)
    issued = IssuedTokens(
        access_token=access_token.text,
        access_token_expires_at_ms=access_token.expires_at_ms,
        front_token=access_token.front_token(),
        refresh_token=bound_to.text if hand_out else None,
        refresh_token_expires_at_ms=ends_by_ms if hand_out else None,
        anti_csrf_token=anti_csrf_token,
    )
    return GrantedTokens(access_token=access_token, issued=issued)
