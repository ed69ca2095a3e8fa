"""A bounded cache of access tokens whose signature held: what makes a verified request cheap (security JW-8)."""

from collections import OrderedDict

from watchword.crypto.hashes import sha256
from watchword.crypto.jwt import MAX_TOKEN_CHARACTERS
from watchword.sessions.access_tokens import AccessTokenInfo


class VerifiedTokens:
    """Access tokens by the SHA-256 of their whole text; the one unused for longest makes room.

    It says only that a signature held once. Whoever asks still checks key, expiry and revocation, so no
    entry outlives them. Failures are not kept.
    """

    def __init__(self, capacity: int = 10_000) -> None:
        self._capacity = capacity
        self._tokens: OrderedDict[bytes, AccessTokenInfo] = OrderedDict()  # the least used are in front
        #: How many were found, and how many were added because they were not; read by whoever measures.
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        return len(self._tokens)

    def find(self, text: str) -> AccessTokenInfo | None:
        """The token of exactly this text, if it was added."""
        if len(text) > MAX_TOKEN_CHARACTERS or not text.isascii():
            return None
        key = sha256(text)
        token = self._tokens.pop(key, None)
        if token is not None:
            self.hits += 1
            self._tokens[key] = token
        return token

    def add(self, token: AccessTokenInfo) -> None:
        """Remember a token whose signature holds."""
        self.misses += 1
        if len(self._tokens) >= self._capacity:
            self._tokens.popitem(last=False)
        self._tokens[sha256(token.text)] = token

    def discard(self, token: AccessTokenInfo) -> None:
        """Forget a token that has died."""
        self._tokens.pop(sha256(token.text), None)
