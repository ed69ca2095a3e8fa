"""Where a challenge is asked for: always, or where the limits are half used."""

from collections.abc import Sequence
from functools import partial

from watchword.errors import ConfigurationError
from watchword.http.client import OutgoingClient
from watchword.protection.challenge import Challenge, ChallengedApi
from watchword.protection.limits import Caller, Limits
from watchword.settings import AppInfo, host_of
from watchword.telemetry.hooks import Hooks, is_ours


class ChallengeGate:
    """Asks for the configured challenge.

    Args:
        challenge: The setting.
        app_info: Whose pages show the widget.
        limits: What counts as half used.
        outgoing: For asking the service.
        hooks: Calls a challenge of the application's own.

    Raises:
        ConfigurationError: The challenge waits for limits that are off.
    """

    def __init__(
        self, challenge: Challenge, app_info: AppInfo, limits: Limits, outgoing: OutgoingClient, hooks: Hooks
    ) -> None:
        if not isinstance(challenge, Challenge):  # pyright: ignore[reportUnnecessaryIsInstance] - comes from the application
            raise ConfigurationError("challenge", f"is {challenge!r}; write Turnstile(secret=…) or HCaptcha(secret=…)")
        self._challenge = challenge
        self._hostnames: Sequence[str] = tuple(dict.fromkeys(host_of(origin) for origin in app_info.allowed_origins))
        self._limits = limits
        self._outgoing = outgoing
        self._hooks = hooks
        if challenge.when == "half_used":
            for api in challenge.apis:
                if not limits.can_be_used_up(api):
                    raise ConfigurationError(
                        "challenge.when",
                        f'is "half_used", and protection.{api} is off: it would never be asked for at {api}; '
                        'set "always", or switch the limit on',
                    )

    async def check(self, api: ChallengedApi, token: str | None, *, tenant_id: str, email: str, caller: Caller) -> None:
        """Return if no challenge is asked for here and now, or if this token answers it.

        Args:
            api: What somebody wants to do.
            token: From the request's `CHALLENGE_HEADER`; it is used up.
            tenant_id: Where.
            email: The account, in normal form.
            caller: As far as known.

        Raises:
            ChallengeFailed: With the sentence for the person.
            Overloaded: Too many wait for answers of servers.
        """
        challenge = self._challenge
        if api not in challenge.apis:
            return
        if challenge.when == "half_used" and not await self._limits.is_half_used(api, tenant_id, email, caller):
            return
        kind = type(challenge)
        verify = partial(
            challenge.verify,
            token or "",
            api=api,
            address=caller.address,
            hostnames=self._hostnames,
            outgoing=self._outgoing,
        )
        await (verify() if is_ours(kind) else self._hooks.call_override(f"{kind.__name__}.verify", verify))
