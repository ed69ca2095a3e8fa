"""What a waiting message looks like in the database: address, language and values sealed in one (security ML-4)."""

from watchword.crypto.sealing import SecretRing
from watchword.database.database import Row
from watchword.delivery.mail import Mail
from watchword.delivery.sms import Sms
from watchword.http.json import decode_json_object, encode_json

_KINDS: dict[str, type[Mail | Sms]] = {Mail.channel: Mail, Sms.channel: Sms}


def seal_message(secrets: SecretRing, app_id: str, message: Mail | Sms) -> bytes:
    """Address, language and values, readable with the configured secret only, and in this row only."""
    content = encode_json({"to": message.to, "language": message.language, "values": dict(message.values)})
    return secrets.seal(message.channel, content, _bound_to(app_id, message.id))


def open_message(secrets: SecretRing, app_id: str, mail_id: str, row: Row) -> Mail | Sms:
    """The message of a row with `channel`, `kind`, `tenant_id`, `user_id` and `sealed_mail`.

    Raises:
        SealBroken: Sealed with a secret that this process does not have, or moved from another row or channel.
    """
    channel: str = row["channel"]
    opened = secrets.open(channel, bytes(row["sealed_mail"]), _bound_to(app_id, mail_id))
    content = decode_json_object(opened, "sealed_mail")
    return _KINDS[channel](
        id=mail_id,
        kind=row["kind"],
        to=content["to"],
        user_id=row["user_id"],
        tenant_id=row["tenant_id"],
        values=content["values"],
        language=content["language"],
    )


def _bound_to(app_id: str, mail_id: str) -> bytes:
    return encode_json([app_id, mail_id])
