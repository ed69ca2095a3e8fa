"""Mails that tell people of a change of their account, so that they learn of one that was not theirs (PW-13)."""

import logging
from typing import Literal

from watchword.database.database import Transaction
from watchword.delivery.mail import Mail
from watchword.errors import BadInput
from watchword.recipes.engine import Engine
from watchword.recipes.mailed_links import link_to

log = logging.getLogger(__name__)

Notice = Literal["password_changed", "email_changed", "email_change_requested", "login_method_removed"]

#: What a new password puts right: it is offered there, and who asks for it proves to read mail at the address.
_HELPED_BY_A_RESET = ("password_changed", "email_change_requested")


async def enqueue_notice(
    tx: Transaction,
    engine: Engine,
    kind: Notice,
    *,
    to: str | None,
    user_id: str,
    tenant_id: str,
    language: str,
) -> None:
    """Write such a mail in the transaction of the change; nothing where no mail is sent at all.

    Its link holds no token: to the page that asks for a reset link, or to the website where such a link would go
    to the new address or help nothing. Call `engine.outbox.wake` after the commit.

    Args:
        tx: The change.
        engine: The floors below.
        kind: What changed.
        to: The address from before the change; nobody is told without one.
        user_id: Whose account.
        tenant_id: Where.
        language: Of the mail.
    """
    if to is None or not engine.outbox.is_configured:
        return
    app_info = engine.app_info
    by_reset = kind in _HELPED_BY_A_RESET
    values = {"link": link_to(app_info, "reset-password", tenant_id) if by_reset else app_info.website_domain}
    try:
        mail = Mail(kind=kind, to=to, user_id=user_id, tenant_id=tenant_id, values=values, language=language)
    except BadInput:  # brought along from elsewhere; nothing was ever mailed there, and the change shall not fail
        log.warning("user %s is not told of a change: the address cannot be mailed to", user_id)
        return
    await engine.outbox.enqueue(tx, mail)
