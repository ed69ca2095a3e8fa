"""Asking Have I Been Pwned how often a password was in a leak, without telling which password.

Only the first five of the 40 hexadecimal digits of its SHA-1 are sent, and some thousand candidates come back
(k-anonymity); padding hides from a listener how many. Source: haveibeenpwned.com/API/v3#PwnedPasswords.
"""

import asyncio
import hashlib
import logging
from dataclasses import dataclass

from watchword.errors import ConfigurationError, Overloaded
from watchword.http.client import OutgoingClient, OutgoingFailed
from watchword.setting_types import checked_settings

log = logging.getLogger(__name__)

_PREFIX = 5


@checked_settings("pwned_passwords.")
@dataclass(frozen=True, slots=True)
class PwnedPasswords:
    """The look-up, for `PasswordPolicy(breached=PwnedPasswords())`.

    When it gives no answer in time the password is let through, and a line of the log says so: sign-ups do not
    depend on somebody else's server.

    Args:
        url: What the five digits are put behind; for a mirror of your own.
        timeout_seconds: How long a sign-up may wait for it.

    Raises:
        ConfigurationError: A setting that cannot work.
    """

    url: str = "https://api.pwnedpasswords.com/range/"
    timeout_seconds: float = 2

    def __post_init__(self) -> None:
        if not self.url.startswith(("https://", "http://")) or not self.url.endswith("/"):
            raise ConfigurationError("breached.url", f"is {self.url!r}; write it like https://api.example.com/range/")
        if not 0 < self.timeout_seconds <= 30:
            raise ConfigurationError("breached.timeout_seconds", f"is {self.timeout_seconds}; set 0.1 to 30")

    async def is_breached(self, password: str, outgoing: OutgoingClient) -> bool:
        """Whether the password is known to have leaked; `False` also when nobody can be asked."""
        # The service's key, not a protection: nothing is stored or compared in secret with it.
        digest = hashlib.sha1(password.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest().upper()
        try:
            async with asyncio.timeout(self.timeout_seconds):
                text = await outgoing.get_text(self.url + digest[:_PREFIX], headers={"Add-Padding": "true"})
        except (OutgoingFailed, Overloaded, TimeoutError) as error:
            log.warning("a new password was not looked up among the leaked ones: %s", error or "no answer in time")
            return False
        wanted = digest[_PREFIX:]
        for line in text.splitlines():
            suffix, _, times = line.strip().partition(":")
            if suffix.upper() == wanted:
                return times.strip().lstrip("0") != ""  # padding is listed with 0
        return False
