"""Request bodies: bounded, of the declared type only. Source: FDI 3.3; security CS-3, PW-7."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

from watchword.errors import BadInput
from watchword.http.json import decode_json_object
from watchword.http.messages import HttpRequest, JsonObject
from watchword.recipes.api import BodyKind

MAX_BODY_BYTES = 65_536
_MAX_SECONDS = 30  # the longest life of a request that we count with (security 4.3)
_MAX_FORM_FIELDS = 50
_BAD_JSON = "API input error: Please make sure to pass a valid JSON input in the request body"

Receive = Callable[[], Awaitable[Any]]


class BodyTooLarge(BadInput):
    """The request body is over the limit; it was not read further."""

    code = "body_too_large"


class UnsupportedContentType(BadInput):
    """A body that is not what the route takes; browsers send JSON across origins only with permission."""

    code = "unsupported_content_type"

    def __init__(self, wanted: str) -> None:
        super().__init__("content-type", f"the body must be {wanted}; set the Content-Type header accordingly")


async def read_body(
    request: HttpRequest, receive: Receive, kind: BodyKind, *, max_seconds: float = _MAX_SECONDS
) -> JsonObject:
    """The decoded body of a request; `{}` when there is none.

    Raises:
        BodyTooLarge: More than 64 KiB, declared or sent.
        UnsupportedContentType: Not the type that the route takes.
        BadInput: Not there in time, not JSON, not an object, or a form with a field sent twice.
    """
    if kind == "none":
        return {}
    try:
        async with asyncio.timeout(max_seconds):  # a byte now and then must not keep a request for ever
            data = await _read(request, receive)
    except TimeoutError:
        raise BadInput("body", f"the body did not arrive within {max_seconds} seconds") from None
    if not data.strip():
        return {}
    media_type = (request.header("content-type") or "").split(";")[0].strip().lower()
    if kind == "form":
        if media_type != "application/x-www-form-urlencoded":
            raise UnsupportedContentType("application/x-www-form-urlencoded")
        return _decode_form(data)
    if media_type != "application/json":
        raise UnsupportedContentType("application/json")
    try:
        return decode_json_object(data, "body")
    except BadInput:
        raise BadInput("body", _BAD_JSON) from None


async def _read(request: HttpRequest, receive: Receive) -> bytes:
    declared = request.header("content-length") or "0"
    if not declared.isascii() or not declared.isdigit() or int(declared[:12]) > MAX_BODY_BYTES:
        raise BodyTooLarge("body", f"the body may have at most {MAX_BODY_BYTES} bytes")
    data = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BadInput("body", "the client went away before the body was complete")
        data += message.get("body", b"")
        if len(data) > MAX_BODY_BYTES:
            raise BodyTooLarge("body", f"the body may have at most {MAX_BODY_BYTES} bytes")
        if not message.get("more_body", False):
            return bytes(data)


def already_read(data: bytes) -> Receive:
    """A body that the server handed over whole, as `read_body` wants it."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": data}

    return receive


def _decode_form(data: bytes) -> JsonObject:
    try:
        pairs = parse_qsl(
            data.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=_MAX_FORM_FIELDS, errors="strict"
        )
    except ValueError:
        raise BadInput("body", "the body is not a valid form") from None
    form = dict(pairs)
    if len(form) != len(pairs):  # read differently by two parsers, a doubled field is an attack (security OP-5)
        raise BadInput("body", "a form field was sent twice")
    return form
