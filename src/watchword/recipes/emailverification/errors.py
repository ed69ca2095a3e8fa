"""The errors that only this recipe raises."""

from watchword.errors import WatchwordError


class EmailVerificationTokenInvalid(WatchwordError):
    """Unknown, expired, used, of another tenant, or for an address changed since; they are not told apart."""

    code = "email_verification_token_invalid"

    def __init__(self) -> None:
        super().__init__("the link does not hold any more; ask for another one")


class EmailAlreadyVerified(WatchwordError):
    """There is nothing to verify: the address is verified, or the person has none."""

    code = "email_already_verified"

    def __init__(self) -> None:
        super().__init__("the e-mail address is verified already")
