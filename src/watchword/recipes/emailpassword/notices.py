"""Mails that tell people of a new password or address, so that they learn of one that was not theirs (PW-13)."""

import logging
from typing import Literal
from urllib.parse import quote

from watchword.database.database import Transaction
from watchword.delivery.mail import Mail
from watchword.errors import BadInput
from watchword.recipes.engine import Engine

log = logging.getLogger(__name__)


async def enqueue_notice(
    tx: Transaction,
    engine: Engine,
    kind: Literal["password_changed", "email_changed"],
    *,
    to: str,
    user_id: str,
    tenant_id: str,
    language: str,
) -> None:
    """Write such a mail in the transaction of the change; nothing where no mail is sent at all.

    Its link holds no token: to the page that asks for a reset link, or for a new address to the website, since
    links would go to the new one. Call `engine.outbox.wake` after the commit.

    Args:
        tx: The change.
        engine: The floors below.
        kind: What changed.
        to: The address from before the change.
        user_id: Whose account.
        tenant_id: Where.
        language: Of the mail.
    """
    if not engine.outbox.is_configured:
        return
    app_info = engine.app_info
    link = app_info.website_domain
    if kind == "password_changed":
        link += f"{app_info.website_base_path}/reset-password?tenantId={quote(tenant_id, safe='')}"
    values = {"link": link}
    try:
        mail = Mail(kind=kind, to=to, user_id=user_id, tenant_id=tenant_id, values=values, language=language)
    except BadInput:  # brought along from elsewhere; nothing was ever mailed there, and the change shall not fail
        log.warning("user %s is not told of a change: the address cannot be mailed to", user_id)
        return
    await engine.outbox.enqueue(tx, mail)
