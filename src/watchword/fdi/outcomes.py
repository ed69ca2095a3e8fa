"""How requests ended, in few words: for metrics, so no word comes from a request."""

from collections.abc import Iterable

from watchword.recipes.api import Answer, Route
from watchword.telemetry.instruments import Reading

INTERNAL = "internal"

#: The contract's statuses, in the words of our errors; what an override makes up is "other".
_WORDS = {
    "OK": "ok",
    "WRONG_CREDENTIALS_ERROR": "wrong_credentials",
    "FIELD_ERROR": "field_errors",
    "GENERAL_ERROR": "general_error",
    "NO_EMAIL_GIVEN_BY_PROVIDER": "no_email_given_by_provider",
    "SIGN_UP_NOT_ALLOWED": "sign_up_not_allowed",
    "SIGN_IN_NOT_ALLOWED": "sign_in_not_allowed",
    "SIGN_IN_UP_NOT_ALLOWED": "sign_in_up_not_allowed",
    "RESET_PASSWORD_INVALID_TOKEN_ERROR": "password_reset_token_invalid",
    "EMAIL_VERIFICATION_INVALID_TOKEN_ERROR": "email_verification_token_invalid",
    "EMAIL_ALREADY_VERIFIED_ERROR": "email_already_verified",
    "PASSWORD_RESET_NOT_ALLOWED": "password_reset_not_allowed",
}


def outcome_of(answer: Answer) -> str:
    """The word for an answer that no error made."""
    if answer.status >= 400:
        return "other"
    status = None if answer.body is None else answer.body.get("status", "OK")
    return _WORDS.get(status, "other") if isinstance(status, str) else "ok"


class Outcomes:
    """Attempts to sign in and up since the start, by recipe and outcome."""

    def __init__(self) -> None:
        self._sign_ins: dict[tuple[str, str], int] = {}
        self._sign_ups: dict[tuple[str, str], int] = {}

    def count(self, route: Route, answer: Answer, outcome: str) -> None:
        """One more, if the route signs people in or up; with a provider, who is new has signed up."""
        if route.name == "sign_up_post" or answer.created_new_recipe_user:
            counts = self._sign_ups
        elif route.name in ("sign_in_post", "sign_in_up_post"):
            counts = self._sign_ins
        else:
            return
        key = (route.recipe_id, outcome)
        counts[key] = counts.get(key, 0) + 1

    def sign_ins(self) -> Iterable[Reading]:
        """For the metric."""
        return _readings(self._sign_ins)

    def sign_ups(self) -> Iterable[Reading]:
        """For the metric."""
        return _readings(self._sign_ups)


def _readings(counts: dict[tuple[str, str], int]) -> list[Reading]:
    return [
        (number, {"watchword.recipe": recipe_id, "watchword.outcome": outcome})
        for (recipe_id, outcome), number in list(counts.items())
    ]
