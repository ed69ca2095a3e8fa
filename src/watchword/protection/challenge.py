"""Challenges that people pass and programs do not, at a service of somebody else's: Turnstile, hCaptcha.

The website shows the service's widget, which gives it a token; the token comes along in a header, and the service
says what it is worth. Sources: developers.cloudflare.com/turnstile/get-started/server-side-validation,
docs.hcaptcha.com (verify the user response server side).
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

from watchword.errors import ConfigurationError
from watchword.http.client import OutgoingClient, OutgoingFailed
from watchword.protection.errors import ChallengeFailed
from watchword.setting_types import checked_settings

log = logging.getLogger(__name__)

CHALLENGE_HEADER = "watchword-challenge"

ChallengedApi = Literal["sign_up", "sign_in", "password_reset_token"]

_MAX_TOKEN = 8_192
_WORDS = "Please show that you are a human, and try again."
_NO_ANSWER = "We cannot check now whether you are a human. Please try again in a minute."


@checked_settings("challenge.", but=("secret",))
@dataclass(frozen=True, kw_only=True)
class Challenge:
    """A service that speaks `siteverify`; use `Turnstile` or `HCaptcha`, or subclass it for another.

    Attributes:
        secret: From the service's console.
        when: `always`, or only where the limits of `protection` are `half_used`: for the account that is tried, or
            for the client's network. Browsers that have signed in to the account before count for themselves.
        apis: Where it is asked for.
        hostnames: On which hosts the widget may have been; those of the configured origins when left out.
        fail_open: Whether people get in while the service gives no answer. The limits hold either way.
        timeout_seconds: How long to wait for it.
        url: Of the service.

    Raises:
        ConfigurationError: A setting that cannot work.
    """

    secret: str = field(repr=False)
    when: Literal["always", "half_used"] = "always"
    apis: Sequence[ChallengedApi] = get_args(ChallengedApi)
    hostnames: Sequence[str] | None = None
    fail_open: bool = False
    timeout_seconds: float = 5
    url: str

    def __post_init__(self) -> None:
        if not cast("str | None", self.secret):  # None comes from a variable of the environment that is not set
            raise ConfigurationError("challenge.secret", "is missing; set the one that the service's console shows")
        if not 0 < self.timeout_seconds <= 30:
            raise ConfigurationError("challenge.timeout_seconds", f"is {self.timeout_seconds}; set 0.1 to 30")

    async def verify(
        self, token: str, *, api: ChallengedApi, address: str | None, hostnames: Sequence[str], outgoing: OutgoingClient
    ) -> None:
        """Return if a token shows that a human was there, on one of our pages, just now; it works once.

        Args:
            token: From the header; it is empty when none came.
            api: What it is wanted for.
            address: The client's canonical address.
            hostnames: Of the configured origins.
            outgoing: For asking the service.

        Raises:
            ChallengeFailed: With the sentence for the person.
            Overloaded: Too many wait for answers of servers; never taken for an outage of the service, since
                whoever floods us could cause it.
        """
        if not 0 < len(token) <= _MAX_TOKEN:
            raise ChallengeFailed(_WORDS)
        try:
            async with asyncio.timeout(self.timeout_seconds):
                answer = await outgoing.post_form(self.url, self.form(token, address))
            verdict = _read(answer.body)
        except (OutgoingFailed, TimeoutError) as failure:
            self._when_nobody_answers(str(failure) or "the service gave no answer in time")
            return
        if verdict.get("success") is not True:
            self._refuse(verdict)
        elif (problem := self.find_problem(verdict, api, self.hostnames or hostnames)) is not None:
            log.warning("a token of a challenge was refused: %s", problem)
            raise ChallengeFailed(_WORDS)

    def form(self, token: str, address: str | None) -> Mapping[str, str]:
        """What the service is sent."""
        return {"secret": self.secret, "response": token, **({} if address is None else {"remoteip": address})}

    def find_problem(self, verdict: Mapping[str, Any], api: ChallengedApi, hostnames: Sequence[str]) -> str | None:  # noqa: ARG002 - for overrides
        """Why a token that the service calls good is none of ours, for the log; `None` when it is."""
        if verdict.get("hostname") not in hostnames:
            return f"its widget was on {str(verdict.get('hostname'))[:80]!r}; challenge.hostnames: {list(hostnames)}"
        return None

    def _refuse(self, verdict: Mapping[str, Any]) -> None:
        codes = [str(code)[:60] for code in cast("list[Any]", verdict.get("error-codes") or [])]
        if any("secret" in code or "sitekey" in code for code in codes):  # ours, and no person can help it
            self._when_nobody_answers(f"{type(self).__name__} does not accept our settings: {codes}")
            return
        raise ChallengeFailed(_WORDS)

    def _when_nobody_answers(self, problem: str) -> None:
        if self.fail_open:
            log.warning("somebody was let in without a challenge, as challenge.fail_open says: %s", problem)
            return
        log.error("nobody is let in where a challenge is asked for: %s", problem)
        raise ChallengeFailed(_NO_ANSWER)


@checked_settings("challenge.", but=("secret",))
@dataclass(frozen=True, kw_only=True)
class Turnstile(Challenge):
    """Cloudflare Turnstile, for `Watchword(challenge=Turnstile(secret=…))`.

    Attributes:
        check_action: Whether the widget's `data-action` must be the API's name: `sign_up`, `sign_in`,
            `password_reset_token`; a token from another form then opens nothing.
    """

    check_action: bool = False
    url: str = "https://challenges.cloudflare.com/turnstile/v0/siteverify"

    def find_problem(self, verdict: Mapping[str, Any], api: ChallengedApi, hostnames: Sequence[str]) -> str | None:
        """As in `Challenge`; with `check_action` the action, too."""
        if self.check_action and verdict.get("action") != api:
            return f"its action was {str(verdict.get('action'))[:40]!r} and not {api!r}"
        return super().find_problem(verdict, api, hostnames)


@checked_settings("challenge.", but=("secret",))
@dataclass(frozen=True, kw_only=True)
class HCaptcha(Challenge):
    """hCaptcha, for `Watchword(challenge=HCaptcha(secret=…))`.

    Attributes:
        site_key: Sent along, so that a token of another site key is refused.
    """

    site_key: str | None = None
    url: str = "https://api.hcaptcha.com/siteverify"

    def form(self, token: str, address: str | None) -> Mapping[str, str]:
        """As in `Challenge`, with the site key."""
        return {**super().form(token, address), **({} if self.site_key is None else {"sitekey": self.site_key})}


def _read(body: Any) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise OutgoingFailed("the challenge's service", "answered with something that is not its verdict")
    return cast("dict[str, Any]", body)
