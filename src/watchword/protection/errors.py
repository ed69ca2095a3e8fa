"""The errors that only this room raises."""

from watchword.errors import GeneralError, WatchwordError


class TooManyRequests(WatchwordError):
    """A limit against guessing or floods is used up; nothing was done, and no session is touched.

    It says the same for an account that exists and for one that does not (security EN-1).
    """

    code = "too_many_requests"

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"too many tries; the next one counts in {retry_after_seconds} s")
        self.retry_after_seconds = retry_after_seconds


class ChallengeFailed(GeneralError):
    """Nobody has shown yet that a human is there. The person reads the message."""

    code = "challenge_failed"


class SignInStopped(GeneralError):
    """So many sign-ins to an account failed that no password is compared any more; the person reads what to do.

    It says the same for an account that nobody has (security EN-1).
    """

    code = "sign_in_stopped"

    def __init__(self) -> None:
        super().__init__(
            "There were too many wrong passwords for this account. Please set a new one, with the link for forgotten "
            "passwords, or sign in where you have signed in before."
        )
