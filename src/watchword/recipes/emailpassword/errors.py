"""The errors that only this recipe raises."""

from watchword.errors import WatchwordError


class WrongCredentials(WatchwordError):
    """Unknown e-mail, wrong password, no password: the three are not told apart (security EN-1)."""

    code = "wrong_credentials"

    def __init__(self) -> None:
        super().__init__("the e-mail address or the password is wrong")


class PasswordResetTokenInvalid(WatchwordError):
    """Unknown, expired, used, of another tenant, or for an address changed since; they are not told apart."""

    code = "password_reset_token_invalid"

    def __init__(self) -> None:
        super().__init__("the link does not hold any more; ask for another one")
