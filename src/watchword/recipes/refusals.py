"""Refusals of people who could have signed in, for the audit log."""

from collections.abc import Generator
from contextlib import contextmanager

from watchword.audit.events import SecurityEvent
from watchword.errors import (
    BadInput,
    GeneralError,
    NoEmailGivenByProvider,
    ProviderFailed,
    SignInNotAllowed,
    SignInUpNotAllowed,
    SignUpNotAllowed,
)
from watchword.recipes.api import ApiRequest
from watchword.recipes.engine import Engine
from watchword.recipes.user_context import address_of

_QUIET_MS = 10_000
_REFUSALS = (SignUpNotAllowed, SignInNotAllowed, SignInUpNotAllowed, GeneralError, NoEmailGivenByProvider)
_OF_PROVIDERS = (ProviderFailed, BadInput)  # a state or a token that is not ours may be an attack


@contextmanager
def noting_refusals(engine: Engine, api: ApiRequest, method: str, provider: str | None = None) -> Generator[None]:
    """Note that a person is refused by a rule, an override or a provider, and let the error pass.

    Args:
        engine: The floors below.
        api: The request.
        method: The way to sign in.
        provider: The configured provider, if that is the way.
    """
    kinds = (*_REFUSALS, *_OF_PROVIDERS) if provider else _REFUSALS
    try:
        yield
    except kinds as error:
        refused = SecurityEvent(
            "sign_in_refused",
            tenant_id=api.tenant_id,
            address=address_of(api.user_context),
            facts={"method": method, "provider": provider, "error": error.code},
        )
        engine.audit.note(refused, quiet_ms=_QUIET_MS)
        raise
