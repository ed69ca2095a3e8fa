"""The errors that only this recipe raises."""

from watchword.errors import WatchwordError


class NoEmailGivenByProvider(WatchwordError):
    """The provider returned no e-mail address and the provider's entry requires one. Source: FDI 8.3."""

    code = "no_email_given_by_provider"

    def __init__(self) -> None:
        super().__init__("the provider gave no e-mail address; ask for its e-mail scope, or set require_email=False")


class ProviderFailed(WatchwordError):
    """An outside provider is unreachable, answered with an error, or told something untrue.

    Args:
        provider: The third-party id, for example `google`.
        problem: What went wrong, for the log; no token, no code, no text made by the provider.
        message: The sentence for the person at the screen.
    """

    code = "provider_failed"

    def __init__(self, provider: str, problem: str, message: str | None = None) -> None:
        super().__init__(f"provider {provider}: {problem}")
        self.provider = provider
        self.message = message or f"Signing in with {provider} did not work. Please try again."


class IdentityTaken(WatchwordError):
    """Somebody of the tenant has this identity already, as after two first sign-ins at once."""

    code = "identity_taken"

    def __init__(self) -> None:
        super().__init__("somebody of this tenant signs in with this account of the provider already")
