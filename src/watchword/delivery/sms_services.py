"""What carries text messages: Twilio, and whatever takes them by HTTP."""

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast
from urllib.parse import urlencode

import msgspec

from watchword.delivery.service import DeliveryFailed, DeliveryRefused
from watchword.delivery.sms import RenderedSms
from watchword.errors import ConfigurationError
from watchword.http.client import HttpAnswer, OutgoingClient, OutgoingFailed
from watchword.setting_types import checked_settings
from watchword.settings import host_of, is_local

_FORM = "application/x-www-form-urlencoded"
#: 4xx that say nothing against the message: wrong credentials or address, no money, too much at once.
_OF_OURS = frozenset({401, 402, 403, 404, 407, 408, 425, 429})
#: The same among Twilio's own codes: wrong or unusable senders, closed accounts, limits.
_OF_OUR_ACCOUNT = frozenset({20003, 20005, 20008, 20429, 21212, 21603, 21606, 21659, 21660, 21701, 21703, 21705, 63038})
_PLACE = re.compile(r"\{(to|text|id)\}")


@checked_settings("twilio.")
class TwilioService:
    """Hands text messages to Twilio.

    Args:
        account_sid: From the console; begins with AC.
        auth_token: Of the account; or
        api_key_sid: an API key, which can be taken back alone; begins with SK. With
        api_key_secret: its secret.
        sender: The phone number (`+15005550006`) or name that messages come from; or
        messaging_service_sid: the service that chooses one; begins with MG.
        base_url: Of the API; for a region of theirs.
    Raises:
        ConfigurationError: No account, not one way to sign in, or not one sender.
    Source: twilio.com/docs/messaging/api/message-resource, twilio.com/docs/api/errors.
    """

    def __init__(
        self,
        *,
        account_sid: str,
        auth_token: str | None = None,
        api_key_sid: str | None = None,
        api_key_secret: str | None = None,
        sender: str | None = None,
        messaging_service_sid: str | None = None,
        base_url: str = "https://api.twilio.com",
    ) -> None:
        _check_sid("account_sid", "AC", account_sid)
        if (auth_token is None) == (api_key_sid is None):
            raise ConfigurationError("twilio.auth_token", "set either that, or api_key_sid with api_key_secret")
        if api_key_sid is not None:
            _check_sid("api_key_sid", "SK", api_key_sid)
        secret = auth_token if api_key_sid is None else api_key_secret
        if not secret or not secret.isascii() or not secret.isprintable():
            name = "auth_token" if api_key_sid is None else "api_key_secret"
            raise ConfigurationError(f"twilio.{name}", "is missing, or is not what the console shows; copy it again")
        if (sender is None) == (messaging_service_sid is None):
            raise ConfigurationError("twilio.sender", "set either that, or messaging_service_sid")
        if messaging_service_sid is not None:
            _check_sid("messaging_service_sid", "MG", messaging_service_sid)
        _check_url("twilio.base_url", base_url)
        self._account_sid = account_sid
        self._from = {"From": sender} if sender is not None else {"MessagingServiceSid": messaging_service_sid or ""}
        self._headers = {
            "Authorization": "Basic " + b64encode(f"{api_key_sid or account_sid}:{secret}".encode()).decode(),
            "Content-Type": _FORM,
        }
        self._url = f"{base_url.rstrip('/')}/2010-04-01/Accounts/{account_sid}/Messages.json"

    def __repr__(self) -> str:
        return f"TwilioService(account_sid={self._account_sid!r})"

    async def send(self, message: RenderedSms, outgoing: OutgoingClient) -> None:
        """Hand over one message. See `SmsService`."""
        form = {"To": message.to, **self._from, "Body": message.text}
        answer = await _post(outgoing, self._url, urlencode(form).encode(), self._headers)
        if 200 <= answer.status < 300:
            return
        code = _error_code(answer.body)
        reason = f"Twilio answered {answer.status}" + ("" if code is None else f", error {code}")
        raise _failure(answer, reason, of_ours=code in _OF_OUR_ACCOUNT)


@checked_settings("sms_service.")
class HttpSmsService:
    """Hands text messages to any address that takes them by POST.

    Args:
        url: https; http to this machine only.
        headers: For example `{"Authorization": "Bearer …"}`. Every request has an `Idempotency-Key` too.
        body: The fields; in their values `{to}`, `{text}` and `{id}` stand for what is sent.
        encoding: `json`, or `form`.
        refused: Further statuses that say that a message will never be accepted. 4xx do, but for 401, 402, 403,
            404, 407, 408, 425 and 429, which are tried again.
    Raises:
        ConfigurationError: The URL is not one, or the body has no `{to}` or no `{text}`.
    """

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Mapping[str, str] | None = None,
        encoding: Literal["json", "form"] = "json",
        refused: Sequence[int] = (),
    ) -> None:
        _check_url("sms_service.url", url)
        self._url = url
        self._headers = dict(headers or {})
        self._body = dict(body or {"to": "{to}", "text": "{text}", "id": "{id}"})
        self._encoding = encoding
        self._refused = frozenset(refused)
        for place in ("{to}", "{text}"):
            if not any(place in value for value in self._body.values()):
                raise ConfigurationError("sms_service.body", f"has no {place}; write where it stands")

    def __repr__(self) -> str:
        return f"HttpSmsService({self._url.partition('?')[0]!r})"  # some put a key into the query

    async def send(self, message: RenderedSms, outgoing: OutgoingClient) -> None:
        """Hand over one message. See `SmsService`."""
        values = {"to": message.to, "text": message.text, "id": message.sms_id}
        # In one pass, so that a text with `{to}` in it stays as it is.
        body = {name: _PLACE.sub(lambda place: values[place[1]], value) for name, value in self._body.items()}
        is_form = self._encoding == "form"
        content = urlencode(body).encode() if is_form else msgspec.json.encode(body)
        kind = {"Content-Type": _FORM if is_form else "application/json", "Idempotency-Key": message.sms_id}
        answer = await _post(outgoing, self._url, content, kind | self._headers)
        if answer.status in self._refused:
            raise DeliveryRefused(f"the service answered {answer.status}")
        if answer.status >= 300:
            raise _failure(answer, f"the service answered {answer.status}")


async def _post(outgoing: OutgoingClient, url: str, content: bytes, headers: Mapping[str, str]) -> HttpAnswer:
    try:
        return await outgoing.post(url, content, headers=headers)
    except OutgoingFailed as error:  # its message holds the host and words of ours
        raise DeliveryFailed(str(error)) from None


def _failure(answer: HttpAnswer, reason: str, *, of_ours: bool = False) -> DeliveryFailed | DeliveryRefused:
    """A 4xx is about the message, and for good, unless it is about us; the rest is for now."""
    if 400 <= answer.status < 500 and answer.status not in _OF_OURS and not of_ours:
        return DeliveryRefused(reason)
    return DeliveryFailed(reason, retry_after_ms=_retry_after_ms(answer.headers.get("retry-after", "")))


def _retry_after_ms(value: str) -> int | None:
    """The seconds that the service asks for; a date, which some send, counts as nothing. Source: RFC 9110, 10.2.3."""
    return int(value) * 1000 if re.fullmatch(r"[0-9]{1,6}", value.strip(" ")) else None


def _error_code(body: bytes) -> int | None:
    """Twilio's own code in the JSON of an error; nothing else of it, as its sentences name the number."""
    try:
        told: Any = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return None
    code: Any = cast("dict[str, Any]", told).get("code") if isinstance(told, dict) else None
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def _check_sid(name: str, beginning: str, sid: Any) -> None:
    if not isinstance(sid, str) or re.fullmatch(beginning + "[0-9a-fA-F]{32}", sid) is None:
        raise ConfigurationError(
            f"twilio.{name}", f"must be {beginning} and 32 hexadecimal digits, as the console shows"
        )


def _check_url(setting: str, url: str) -> None:
    host = host_of(url) if re.fullmatch(r"https?://[!-~]+", url) else ""
    if not host or not (url.startswith("https://") or is_local(host)) or "@" in url.partition("?")[0]:
        raise ConfigurationError(setting, "is not an https URL (http is for this machine only)")
