"""The tokens that an answer has to bring to the client."""

from dataclasses import dataclass, field, replace

from watchword.sessions.access_tokens import AccessTokenInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedTokens:
    """What a session owes its client; the face puts it into cookies and headers.

    Attributes:
        access_token: A signed JWT.
        access_token_expires_at_ms: Milliseconds since the epoch, a whole second.
        front_token: Standard base64 of the user id, the expiry and the payload (FDI 4.4).
        refresh_token: `None` means: the client keeps the one it has.
        refresh_token_expires_at_ms: When the session ends if it is not used.
        anti_csrf_token: Only in sessions that carry one.
    """

    access_token: str = field(repr=False)
    access_token_expires_at_ms: int
    front_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    refresh_token_expires_at_ms: int | None = None
    anti_csrf_token: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, token: AccessTokenInfo, earlier: "IssuedTokens | None" = None) -> "IssuedTokens":
        """A new access token, with the refresh and anti-CSRF tokens that this response carries already."""
        newest = cls(
            access_token=token.text,
            access_token_expires_at_ms=token.expires_at_ms,
            front_token=token.front_token(),
        )
        if earlier is None:
            return newest
        return replace(
            newest,
            refresh_token=earlier.refresh_token,
            refresh_token_expires_at_ms=earlier.refresh_token_expires_at_ms,
            anti_csrf_token=earlier.anti_csrf_token,
        )
