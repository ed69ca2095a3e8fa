"""Which new passwords are accepted, beyond what the form's own rule says. Source: security PW-8, PW-9."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from watchword.errors import ConfigurationError
from watchword.http.client import OutgoingClient
from watchword.protection.common_passwords import CommonPasswords
from watchword.protection.own_words import is_made_of, own_words
from watchword.protection.pwned_passwords import PwnedPasswords
from watchword.recipes.emailpassword.form_fields import validate_password
from watchword.setting_types import checked_settings

COMMON = "This password is one of those that are tried first. Choose another one."
OWN_WORDS = "This password is too close to your e-mail address or the name of this site. Choose another one."
BREACHED = "This password has leaked from another site. Choose another one."


@checked_settings("password_policy.")
@dataclass(frozen=True, kw_only=True)
class PasswordPolicy:
    """The rules for new passwords, at sign-up, reset and change; signing in asks none of them.

    Subclass it and override `find_problem` for rules of your own.
    `PasswordPolicy(refuse_common=False, refuse_own_words=False)` leaves the form's rule only.

    Attributes:
        min_length: The form's rule: at least so many characters, and nothing else. NIST recommends 15 where the
            password is the only factor. Left out, it is the one whose text the official sign-up page shows:
            8 to 99 characters, a letter and a digit. An `InputFormField("password", …)` replaces either.
        refuse_common: Refuse the passwords that everybody tries first: a list in the package, no network.
        refuse_own_words: Refuse the person's own address, the name of the application, and either with a
            few characters more.
        further_words: More words like those, such as names of your company.
        breached: Ask, with `PwnedPasswords()`, whether the password has leaked somewhere. Off by default, since
            it asks a server of somebody else's.
        normalise: `"NFC"` or `"NFKC"`: hash and compare passwords in this Unicode form, so that another
            keyboard opens the account too. For new installations only: passwords that were hashed as typed
            and hold such characters do not match any more.

    Raises:
        ConfigurationError: A setting that cannot work.
    """

    min_length: int | None = None
    refuse_common: bool = True
    refuse_own_words: bool = True
    further_words: Sequence[str] = ()
    breached: PwnedPasswords | None = None
    normalise: Literal["NFC", "NFKC"] | None = None
    _common: CommonPasswords | None = field(init=False, repr=False, compare=False)
    _further: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.min_length is not None and not 8 <= self.min_length <= 64:
            raise ConfigurationError("password_policy.min_length", f"is {self.min_length}; set a number from 8 to 64")
        object.__setattr__(self, "_common", CommonPasswords() if self.refuse_common else None)
        object.__setattr__(self, "_further", own_words(*self.further_words))

    @property
    def switched_off(self) -> list[str]:
        """The names of the checks that are on by default and are off."""
        return [name for name in ("refuse_common", "refuse_own_words") if not getattr(self, name)]

    def validate(self, value: Any, tenant_id: str) -> str | None:
        """The form's rule for `password`, for the person at the screen."""
        if self.min_length is None:
            return validate_password(value, tenant_id)
        if len(self.normalised(cast("str", value))) < self.min_length:
            return f"Password must contain at least {self.min_length} characters"
        return None

    async def find_problem(self, password: str, *, words: Sequence[str], outgoing: OutgoingClient) -> str | None:
        """Why a password that fits the form is not accepted, as a sentence for the person, or `None`.

        Args:
            password: In the form in which it will be hashed.
            words: What is known about the person and the site: address and name of the application.
            outgoing: For asking other servers.
        """
        if self._common is not None and password in self._common:
            return COMMON
        known = own_words(*words) if self.refuse_own_words else frozenset[str]()
        if is_made_of(password, known | self._further):
            return OWN_WORDS
        if self.breached is not None and await self.breached.is_breached(password, outgoing):
            return BREACHED
        return None

    def normalised(self, password: str) -> str:
        """The form in which a password is hashed and compared."""
        return password if self.normalise is None else unicodedata.normalize(self.normalise, password)
