"""In which language to write to somebody who has just sent a request."""

import re

from watchword.http.messages import HttpRequest
from watchword.recipes.user_context import UserContext

_FIRST_LANGUAGE = re.compile(r"\s*([A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,2})\s*(?:[,;]|$)")


def language_of(user_context: UserContext) -> str:
    """The language that the request in this context asks for first, as in `de` or `pt-BR`; else English.

    A language nobody has phrases in is no error: mail in it is written in the default one.
    """
    request = user_context.get("request")
    header = request.header("accept-language") if isinstance(request, HttpRequest) else None
    found = _FIRST_LANGUAGE.match(header or "")
    return found[1] if found else "en"
