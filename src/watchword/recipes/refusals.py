"""Refusals of people who could have signed in, for the audit log."""

from collections.abc import Generator
from contextlib import contextmanager

from watchword.audit.events import SecurityEvent
from watchword.errors import GeneralError, SignInNotAllowed, SignInUpNotAllowed, SignUpNotAllowed, WatchwordError
from watchword.recipes.api import ApiRequest
from watchword.recipes.engine import Engine
from watchword.recipes.user_context import address_of

_QUIET_MS = 10_000
_REFUSALS = (SignUpNotAllowed, SignInNotAllowed, SignInUpNotAllowed, GeneralError)


@contextmanager
def noting_refusals(
    engine: Engine,
    api: ApiRequest,
    method: str,
    *,
    provider: str | None = None,
    also: tuple[type[WatchwordError], ...] = (),
) -> Generator[None]:
    """Note that a person is refused by a rule, an override or a provider, and let the error pass.

    Args:
        engine: The floors below.
        api: The request.
        method: The way to sign in.
        provider: The configured provider, if that is the way.
        also: Further errors that are refusals on this way.
    """
    try:
        yield
    except (*_REFUSALS, *also) as error:
        refused = SecurityEvent(
            "sign_in_refused",
            tenant_id=api.tenant_id,
            address=address_of(api.user_context),
            facts={"method": method, "provider": provider, "error": error.code},
        )
        engine.audit.note(refused, quiet_ms=_QUIET_MS)
        raise
