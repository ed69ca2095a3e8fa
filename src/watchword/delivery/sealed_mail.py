"""What a waiting mail looks like in the database: address, language and values sealed in one (security ML-4)."""

from watchword.crypto.sealing import SecretRing
from watchword.database.database import Row
from watchword.delivery.mail import Mail
from watchword.http.json import decode_json_object, encode_json

_PURPOSE = "mail"


def seal_mail(secrets: SecretRing, app_id: str, mail: Mail) -> bytes:
    """Address, language and values, readable with the configured secret only, and in this row only."""
    content = encode_json({"to": mail.to, "language": mail.language, "values": dict(mail.values)})
    return secrets.seal(_PURPOSE, content, _bound_to(app_id, mail.id))


def open_mail(secrets: SecretRing, app_id: str, mail_id: str, row: Row) -> Mail:
    """The mail of a row with `kind`, `tenant_id`, `user_id` and `sealed_mail`.

    Raises:
        SealBroken: Sealed with a secret that this process does not have, or moved from another row.
    """
    opened = secrets.open(_PURPOSE, bytes(row["sealed_mail"]), _bound_to(app_id, mail_id))
    content = decode_json_object(opened, "sealed_mail")
    return Mail(
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
