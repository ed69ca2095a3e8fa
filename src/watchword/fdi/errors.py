"""The one table from typed errors to the contract's answers. Source: FDI 3, 6; security LG-5, SE-10."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from watchword.errors import (
    BadInput,
    FieldErrors,
    GeneralError,
    HookFailed,
    Overloaded,
    PasswordResetNotAllowed,
    SignInNotAllowed,
    SignInUpNotAllowed,
    SignUpNotAllowed,
    StorageUnavailable,
    WatchwordError,
)
from watchword.fdi.bodies import BodyTooLarge, UnsupportedContentType
from watchword.fdi.csrf import CrossSiteRequest
from watchword.fdi.exchange import Exchange
from watchword.fdi.sessions import DuplicateCookies
from watchword.http.messages import JsonObject
from watchword.protection.errors import ChallengeFailed, SignInStopped, TooManyRequests
from watchword.recipes.api import Answer
from watchword.recipes.emailpassword.errors import PasswordResetTokenInvalid, WrongCredentials
from watchword.recipes.emailverification.errors import EmailAlreadyVerified, EmailVerificationTokenInvalid
from watchword.recipes.session.recipe import Session
from watchword.recipes.thirdparty.errors import NoEmailGivenByProvider, ProviderFailed
from watchword.sessions.errors import InvalidClaims, TokenTheftDetected, TryAgain, TryRefreshToken, Unauthorised
from watchword.sessions.settings import SessionSettings
from watchword.telemetry.hooks import HookTimedOut
from watchword.telemetry.request_ids import get_correlation_id

log = logging.getLogger(__name__)


async def answer_error(error: WatchwordError, exchange: Exchange, session_recipe: Session) -> Answer:
    """The answer to an error; it also notes in the exchange which tokens the client must drop.

    The session recipe's handlers are asked first, so that the application may answer in its own way.
    """
    match error:
        case TokenTheftDetected():
            exchange.writer.clear_all()
            own = await session_recipe.on_token_theft_detected(error, exchange.request)
        case Unauthorised():
            log.debug("unauthorised: %s", error)
            if error.clear_tokens:
                exchange.writer.clear_all()
            own = await session_recipe.on_unauthorised(error, exchange.request)
        case TryRefreshToken():
            own = await session_recipe.on_try_refresh_token(error, exchange.request)
        case InvalidClaims():
            own = await session_recipe.on_invalid_claims(error, exchange.request)
        case _:
            own = None
    return own or _default_answer(error, session_recipe.settings)


def unexpected_answer(error: BaseException, what: str) -> Answer:
    """The answer to anything unexpected: a code and an id to find it in the log, nothing else (LG-5)."""
    correlation_id = get_correlation_id()
    log.error("%s failed, correlation id %s", what, correlation_id, exc_info=error)
    return _server_error(getattr(error, "code", "internal"), correlation_id)


def _default_answer(error: WatchwordError, settings: SessionSettings) -> Answer:
    shape = next((shape for kind, shape in _TABLE.items() if isinstance(error, kind)), None)
    if shape is None:
        return unexpected_answer(error, type(error).__name__)
    answer = shape(error)
    match error:
        case TokenTheftDetected() | Unauthorised() | TryRefreshToken():
            return replace(answer, status=settings.session_expired_status_code)
        case InvalidClaims():
            return replace(answer, status=settings.invalid_claim_status_code)
        case _:
            return answer


def _message(status: int) -> Callable[[Any], Answer]:
    return lambda error: Answer(body={"message": error.message}, status=status)


def _plain(status: int, message: str) -> Callable[[Any], Answer]:
    return lambda _: Answer(body={"message": message}, status=status)


def _status(status: str) -> Callable[[Any], Answer]:
    return lambda _: Answer(body={"status": status})


def _refusal(status: str) -> Callable[[Any], Answer]:
    return lambda error: Answer(body={"status": status, "reason": error.reason})


def _general(error: GeneralError) -> Answer:
    return Answer(body={"status": "GENERAL_ERROR", "message": error.message})


def _general_with_code(error: ChallengeFailed | SignInStopped) -> Answer:
    # The code is for the website, which may show its widget or its link to a reset now and not before.
    return Answer(body={"status": "GENERAL_ERROR", "message": error.message, "code": error.code})


def _provider_failed(error: ProviderFailed) -> Answer:
    # The official clients show the message of a GENERAL_ERROR; a 5xx would only be "something went wrong".
    log.warning("%s", error, exc_info=error.__cause__)
    return Answer(body={"status": "GENERAL_ERROR", "message": error.message})


def _field_errors(error: FieldErrors) -> Answer:
    fields = [{"id": field.id, "error": field.error} for field in error.fields]
    return Answer(body={"status": "FIELD_ERROR", "formFields": fields})


def _invalid_claims(error: InvalidClaims) -> Answer:
    failures: list[JsonObject] = [
        {"id": failure.id} | ({} if failure.reason is None else {"reason": failure.reason})
        for failure in error.failures
    ]
    return Answer(body={"message": "invalid claim", "claimValidationErrors": failures}, status=403)


def _later(error: Overloaded | StorageUnavailable | HookTimedOut) -> Answer:
    correlation_id = get_correlation_id()
    log.warning("%s, correlation id %s", error, correlation_id, exc_info=error.__cause__)
    return Answer(
        body={
            "message": "the service is busy or its storage does not answer; try again",
            "code": error.code,
            "correlationId": correlation_id,
        },
        status=503,
        headers=(("retry-after", str(error.retry_after_seconds)),),
    )


def _too_many(error: TooManyRequests) -> Answer:
    return Answer(
        body={"message": "too many tries; please wait a little and try again", "code": error.code},
        status=429,
        headers=(("retry-after", str(error.retry_after_seconds)),),
    )


def _hook_failed(error: HookFailed) -> Answer:
    correlation_id = get_correlation_id()
    log.error("%s, correlation id %s", error, correlation_id, exc_info=error)
    return _server_error(error.code, correlation_id)


def _server_error(code: str, correlation_id: str) -> Answer:
    body = {"message": "internal server error", "code": code, "correlationId": correlation_id}
    return Answer(body=body, status=500)


#: From error class to answer, most specific first.
_TABLE: dict[type[WatchwordError], Callable[[Any], Answer]] = {
    BodyTooLarge: _message(413),
    UnsupportedContentType: _message(415),
    BadInput: _message(400),
    FieldErrors: _field_errors,
    ChallengeFailed: _general_with_code,
    SignInStopped: _general_with_code,
    GeneralError: _general,
    WrongCredentials: _status("WRONG_CREDENTIALS_ERROR"),
    NoEmailGivenByProvider: _status("NO_EMAIL_GIVEN_BY_PROVIDER"),
    PasswordResetTokenInvalid: _status("RESET_PASSWORD_INVALID_TOKEN_ERROR"),
    EmailVerificationTokenInvalid: _status("EMAIL_VERIFICATION_INVALID_TOKEN_ERROR"),
    EmailAlreadyVerified: _status("EMAIL_ALREADY_VERIFIED_ERROR"),
    SignUpNotAllowed: _refusal("SIGN_UP_NOT_ALLOWED"),
    SignInNotAllowed: _refusal("SIGN_IN_NOT_ALLOWED"),
    SignInUpNotAllowed: _refusal("SIGN_IN_UP_NOT_ALLOWED"),
    PasswordResetNotAllowed: _refusal("PASSWORD_RESET_NOT_ALLOWED"),
    TokenTheftDetected: _plain(401, "token theft detected"),
    Unauthorised: _plain(401, "unauthorised"),
    TryRefreshToken: _plain(401, "try refresh token"),
    TryAgain: _plain(409, "try again"),
    InvalidClaims: _invalid_claims,
    DuplicateCookies: lambda error: Answer(body={"message": str(error)}),  # 200: the contract's own answer (FDI 4.11)
    CrossSiteRequest: lambda error: Answer(body={"message": str(error)}, status=403),
    ProviderFailed: _provider_failed,
    TooManyRequests: _too_many,
    Overloaded: _later,
    StorageUnavailable: _later,
    HookTimedOut: _later,
    HookFailed: _hook_failed,
}
