"""The access token, a JWT that every client and gateway can verify, and the front token made from it.

Source: FDI 5.1, 5.2 (access token), FDI 4.4 (front token), security CK-8 (sizes).
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from watchword.crypto.jwt import (
    InvalidToken,
    SigningAlgorithm,
    SigningKey,
    UnverifiedJwt,
    VerifiedJwt,
    read_unverified,
    sign,
)
from watchword.errors import BadInput, InvalidPayload
from watchword.http.json import encode_json
from watchword.sessions.payloads import MAX_COOKIE_BYTES, without_reserved_claims

#: Length of the ids of our signing keys.
KID_LENGTH = 24
_SIGNATURE_BYTES: Mapping[SigningAlgorithm, int] = {"RS256": 256, "ES256": 64, "EdDSA": 64}


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessTokenClaims:
    """The claims that are ours in an access token.

    Attributes:
        refresh_token_hash1: SHA-256, in hexadecimal, of the refresh token it is bound to.
        parent_refresh_token_hash1: The same of that token's parent, while the parent may still be current.
        gen: Generation of that refresh token; `None` in tokens of other makers. It stands in the header,
            because clients and applications compare the payload's members.
        issued_at_ms: Milliseconds since the epoch; the token holds whole seconds, cut, never rounded up.
        expires_at_ms: Milliseconds since the epoch, cut in the same way.
    """

    handle: str
    user_id: str
    recipe_user_id: str
    tenant_id: str
    refresh_token_hash1: str = field(repr=False)
    parent_refresh_token_hash1: str | None = field(repr=False)
    anti_csrf_token: str | None = field(repr=False)
    gen: int | None
    issued_at_ms: int
    expires_at_ms: int

    def payload_with(self, issuer: str, jwt_payload: Mapping[str, Any]) -> bytes:
        """The payload as JSON, serialised once and used for token and front token alike. Source: FDI 5.2."""
        ours: dict[str, Any] = {
            "iat": self.issued_at_ms // 1000,
            "exp": self.expires_at_ms // 1000,
            "sub": self.user_id,
            "tId": self.tenant_id,
            "rsub": self.recipe_user_id,
            "sessionHandle": self.handle,
            "refreshTokenHash1": self.refresh_token_hash1,
            "parentRefreshTokenHash1": self.parent_refresh_token_hash1,
            "antiCsrfToken": self.anti_csrf_token,
            "iss": issuer,
        }
        return encode_json(ours | without_reserved_claims(jwt_payload))


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessTokenInfo(AccessTokenClaims):
    """What an access token says. Parsed, not necessarily verified: see where it came from.

    Attributes:
        text: The token itself.
        kid: The signing key it names.
        version: Of the claims, at least 3 (FDI 5.2).
        payload_bytes: The payload as it is in the token.
    """

    text: str = field(repr=False)
    kid: str
    version: int
    payload_bytes: bytes = field(repr=False)

    def payload(self) -> dict[str, Any]:
        """The whole payload; a new object at each call, so that no request can change another's."""
        return msgspec.json.decode(self.payload_bytes, type=dict[str, Any])

    def jwt_payload(self) -> dict[str, Any]:
        """The payload without the reserved claims: what hooks, application and recipe claims put there."""
        return without_reserved_claims(self.payload())

    def front_token(self) -> str:
        """What the frontend may know: user id, expiry in ms, and the very bytes of the payload (FDI 4.4).

        The clients compare it with the token's own payload as text, so it is never serialised again.
        """
        return _front_token(self.user_id, self.expires_at_ms, self.payload_bytes).decode("ascii")


def mint_access_token(
    claims: AccessTokenClaims, jwt_payload: Mapping[str, Any], issuer: str, key: SigningKey
) -> AccessTokenInfo:
    """Sign an access token of version 5. RSA takes a millisecond: never inside a transaction."""
    header = _header(claims.gen)
    payload = claims.payload_with(issuer, jwt_payload)
    jwt = UnverifiedJwt({**header, "kid": key.kid}, msgspec.json.decode(payload), payload)
    return read_access_token(sign(header, payload, key), jwt)


def _header(gen: int | None) -> dict[str, Any]:
    header: dict[str, Any] = {"typ": "JWT", "version": "5"}
    return header if gen is None else {**header, "gen": gen}


def _front_token(user_id: str, expires_at_ms: int, payload: bytes) -> bytes:
    front = b'{"uid":%b,"ate":%d,"up":%b}' % (encode_json(user_id), expires_at_ms, payload)
    return base64.b64encode(front)


def check_fits_cookies(
    jwt_payload: Mapping[str, Any],
    *,
    handle: str,
    user_id: str,
    recipe_user_id: str,
    tenant_id: str,
    issuer: str,
    algorithm: SigningAlgorithm,
) -> None:
    """Refuse a payload whose tokens a browser would drop, now or after any later refresh.

    Raises:
        InvalidPayload: Cookie name and value would be longer than 4096 bytes (security CK-8).
        BadInput: The same, because of an id; it names which.
    """
    largest = AccessTokenClaims(
        handle=handle,
        user_id=user_id,
        recipe_user_id=recipe_user_id,
        tenant_id=tenant_id,
        refresh_token_hash1="0" * 64,
        parent_refresh_token_hash1="0" * 64,
        anti_csrf_token="0" * 36,
        gen=10**9,
        issued_at_ms=10**13,
        expires_at_ms=10**13,
    )
    payload = largest.payload_with(issuer, jwt_payload)
    header = encode_json({**_header(largest.gen), "alg": algorithm, "kid": "0" * KID_LENGTH})
    signature = _SIGNATURE_BYTES[algorithm]
    access_token = sum(-(-4 * size // 3) for size in (len(header), len(payload), signature)) + 2
    front_token = len(_front_token(user_id, largest.expires_at_ms, payload))
    size = max(len("__Host-sAccessToken") + access_token, len("sFrontToken") + front_token)
    if size > MAX_COOKIE_BYTES:
        sizes = {name: len(encode_json({name: value})) - 2 for name, value in jwt_payload.items()}
        ids = {"user_id": user_id, "recipe_user_id": recipe_user_id, "tenant_id": tenant_id}
        longest = max(ids, key=lambda name: len(ids[name]))
        if len(encode_json(ids[longest])) > sum(sizes.values()):
            raise BadInput(
                longest,
                f"{longest} has {len(ids[longest].encode())} bytes; the cookie would have {size}, and browsers drop it "
                f"over {MAX_COOKIE_BYTES}; use a shorter one",
            )
        biggest = sorted(sizes, key=lambda name: -sizes[name])[:3]
        named = ", ".join(f"{name[:100]!r} ({sizes[name]} bytes)" for name in biggest)
        raise InvalidPayload(
            "jwt_payload",
            f"the cookie would have {size} bytes and browsers drop it over {MAX_COOKIE_BYTES}; the biggest keys "
            f"are {named}; keep them in the session data",
        )


def parse_access_token(text: str) -> AccessTokenInfo | None:
    """What an access token of ours says, unverified; `None` when it has another shape (FDI 4.9, step 2).

    An application's own bearer token must not disturb a cookie session, so this decides by shape alone.
    """
    try:
        return read_access_token(text, read_unverified(text))
    except InvalidToken:
        return None


def read_kid(text: str) -> str:
    """The id of the key that a token names.

    Raises:
        InvalidToken: Not a JWT, or it names none.
    """
    return _Claims(read_unverified(text).header).text("kid")


def read_access_token(text: str, jwt: UnverifiedJwt | VerifiedJwt) -> AccessTokenInfo:
    """The claims of an access token of version 3 or later. Source: FDI 5.1, 5.2.

    Raises:
        InvalidToken: It is a JWT of another kind.
    """
    header, payload = jwt.header, jwt.payload
    version = _version(header)
    claims = _Claims(payload)
    if payload.get("stt", 0) != 0 or isinstance(payload.get("stt"), bool):  # an OAuth2 token is not a session
        raise InvalidToken("the JWT is of another kind")
    gen = header.get("gen")
    user_id = claims.text("sub")
    return AccessTokenInfo(
        text=text,
        kid=_Claims(header).text("kid"),
        version=version,
        gen=gen if isinstance(gen, int) and not isinstance(gen, bool) else None,
        handle=claims.text("sessionHandle"),
        user_id=user_id,
        recipe_user_id=claims.text("rsub") if version >= 5 else user_id,
        tenant_id=claims.text("tId") if version >= 4 else "public",
        refresh_token_hash1=claims.text("refreshTokenHash1"),
        parent_refresh_token_hash1=claims.find_text("parentRefreshTokenHash1"),
        anti_csrf_token=claims.find_text("antiCsrfToken"),
        issued_at_ms=claims.seconds_as_ms("iat"),
        expires_at_ms=claims.seconds_as_ms("exp"),
        payload_bytes=jwt.payload_bytes,
    )


def _version(header: Mapping[str, Any]) -> int:
    version = header.get("version", "3")
    if header.get("typ") != "JWT" or not isinstance(version, str) or not version.isascii() or not version.isdigit():
        raise InvalidToken("the JWT is of another kind")
    if len(version) > 4 or int(version) < 3:
        raise InvalidToken("the version of the access token is not supported")
    return int(version)


class _Claims:
    """Reads members of a JSON object with the right types, or refuses."""

    def __init__(self, claims: Mapping[str, Any]) -> None:
        self._claims = claims

    def text(self, name: str) -> str:
        value = self._claims.get(name)
        if not isinstance(value, str):
            raise InvalidToken(f"{name} is not a text")
        return value

    def find_text(self, name: str) -> str | None:
        return None if self._claims.get(name) is None else self.text(name)

    def seconds_as_ms(self, name: str) -> int:
        value = self._claims.get(name)
        # The range is that of dates a computer can name; it also keeps NaN and infinities out (security JW-4).
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 253_402_300_800:
            raise InvalidToken(f"{name} is not a time")
        return int(value * 1000)
