"""Links that go out by mail: the token in them, the page that they lead to, and the mail."""

import secrets
from functools import partial
from urllib.parse import quote

from watchword.crypto.hashes import sha256
from watchword.delivery.mail import Mail
from watchword.http.messages import HttpRequest
from watchword.recipes.engine import Engine
from watchword.recipes.languages import language_of
from watchword.recipes.user_context import UserContext
from watchword.settings import AppInfo


def new_token() -> str:
    """43 URL-safe characters holding 256 random bits. Only `hash_of` them is stored (security TK-1)."""
    return secrets.token_urlsafe(32)


def hash_of(token: str) -> bytes:
    """What is stored of a token, and looked for: whatever a stranger sends has one."""
    return sha256(token.encode("utf-8", "surrogatepass"))


def link_to(
    app_info: AppInfo, page: str, tenant_id: str, token: str | None = None, *, user_context: UserContext | None = None
) -> str:
    """A page of the official packages on a configured website and nowhere else (security TK-4). Source: FDI 8.

    Args:
        app_info: Where the website is.
        page: Its last part, for example `reset-password`.
        tenant_id: Where the token works.
        token: Comes first in the query; without one the page asks the person for a new link.
        user_context: Where it holds the request, the website that this came from is meant, if it is one of ours.
    """
    request = (user_context or {}).get("request")
    website = app_info.website_of(request.header("origin") if isinstance(request, HttpRequest) else None)
    query = f"tenantId={quote(tenant_id, safe='')}"
    if token is not None:
        query = f"token={token}&{query}"
    return f"{website}{app_info.website_base_path}/{page}?{query}"


async def mail_link(
    engine: Engine, kind: str, link: str, *, to: str, user_id: str, tenant_id: str, user_context: UserContext
) -> None:
    """Put a mail with such a link into the outbox, in the language of the request."""
    mail = Mail(
        kind=kind,
        to=to,
        user_id=user_id,
        tenant_id=tenant_id,
        values={"link": link},
        language=language_of(user_context),
    )
    await engine.db.write(partial(engine.outbox.enqueue, mail=mail))
    engine.outbox.wake()
