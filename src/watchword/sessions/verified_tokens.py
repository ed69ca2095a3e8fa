"""A bounded cache of access tokens whose signature held: what makes a verified request cheap (security JW-8)."""

from collections import OrderedDict
from collections.abc import Callable

from watchword.sessions.access_tokens import AccessTokenInfo


class VerifiedTokens:
    """Access tokens by their whole text; the one unused for longest makes room.

    It says only that a signature held once, by a key that is still known. Whoever asks checks expiry and revocation,
    so no entry outlives them. Failures are not kept.

    The text and no digest of it: nothing but exactly this token is equal to it, and the entry holds it anyway. A
    dictionary compares texts only after their hashes, of 64 bits under a key that each process makes for itself, so
    the time of a failed look-up tells nothing about the tokens in here (decision 0023).

    Args:
        knows_key: Whether tokens of the key with this id may still be alive.
        capacity: How many are kept.
    """

    def __init__(self, knows_key: Callable[[str], bool], capacity: int = 10_000) -> None:
        self._knows_key = knows_key
        self._capacity = capacity
        self._tokens: OrderedDict[str, AccessTokenInfo] = OrderedDict()  # the least used are in front
        #: How many were found, and how many were added because they were not; read by whoever measures.
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        return len(self._tokens)

    def find(self, text: str) -> AccessTokenInfo | None:
        """The token of exactly this text, if it was added and its key was not withdrawn meanwhile."""
        token = self._tokens.pop(text, None)
        if token is None or not self._knows_key(token.kid):
            return None
        self.hits += 1
        self._tokens[text] = token  # behind all others
        return token

    def add(self, token: AccessTokenInfo) -> None:
        """Remember a token whose signature holds."""
        self.misses += 1
        if len(self._tokens) >= self._capacity:
            self._tokens.popitem(last=False)
        self._tokens[token.text] = token

    def discard(self, token: AccessTokenInfo) -> None:
        """Forget a token that has died."""
        self._tokens.pop(token.text, None)
