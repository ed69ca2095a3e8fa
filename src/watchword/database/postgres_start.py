"""What is looked at when PostgreSQL is connected to for the first time, and the sentences of a refusal."""

import ssl

from watchword.database.postgres_driver import Connection
from watchword.database.postgres_errors import NO_PRIMARY, READ_ONLY, sqlstate_of
from watchword.database.postgres_transaction import Manner, begin
from watchword.errors import ConfigurationError

# `true`: no error on servers that speak PostgreSQL's protocol and do not have the setting.
_SETTINGS = """
    select current_setting('fsync', true) as fsync,
           current_setting('full_page_writes', true) as full_page_writes,
           current_setting('synchronous_commit', true) as synchronous_commit,
           current_setting('server_encoding', true) as server_encoding
"""
_REMEDIES = {
    "08P01": "it refuses our settings; behind PgBouncer add ?pgbouncer=true to the URL",
    "28P01": "user or password was refused; correct them in the URL, which postgres_url(…) writes for any password",
    "28000": "there is no such user, or pg_hba.conf refuses it; create it, allow it, or correct the URL",
    "3D000": "there is no database of that name; create it, or correct the URL",
    "53300": "the server has no connection left; lower the pool size or raise max_connections",
    "57P03": "the server is just starting or stopping; start again in a moment",
}


async def check_server(connection: Connection, manner: Manner) -> None:
    """Refuse a server that may lose what it acknowledged.

    Args:
        manner: How our transactions are opened; the settings are read inside of one, as they are then.

    Raises:
        ConfigurationError: `fsync`, `full_page_writes` or, in spite of us, `synchronous_commit` is off
            (security SC-10), or text is not UTF-8.
    """
    await begin(connection, manner)
    row = await connection.fetchrow(_SETTINGS)
    await connection.execute("rollback")
    assert row is not None  # noqa: S101  a select without a table has one row
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        if row[setting] == "off":
            raise ConfigurationError(
                "database",
                f"this PostgreSQL server runs with {setting}=off and may lose acknowledged sign-ups in a crash; "
                f"set {setting}=on in postgresql.conf",
            )
    if row["server_encoding"] not in (None, "UTF8"):
        raise ConfigurationError(
            "database", f"the database is encoded in {row['server_encoding']}; create it with encoding 'UTF8'"
        )


def refusal(where: str, error: Exception) -> ConfigurationError:
    """The sentence for a server that cannot be used at start; without user, password and the driver's own text."""
    code = sqlstate_of(error)
    if code == READ_ONLY or type(error).__name__ == NO_PRIMARY:
        remedy = (
            "it is a standby, which takes no writes; name the primary, or all servers: postgresql://a:5432,b:5432/name"
        )
    elif isinstance(error, ssl.SSLCertVerificationError):
        remedy = (
            f"its certificate is not good: {error.verify_message}; set sslrootcert=/path/to/ca.pem in the URL, or "
            "sslmode=require to encrypt without checking whom you talk to"
        )
    elif isinstance(error, ssl.SSLError):
        remedy = "TLS failed; look at the files that sslrootcert, sslcert and sslkey name"
    elif isinstance(error, ConnectionError) and "SSL" in str(error):
        remedy = "it does not speak TLS; turn it on, or in a closed network add ?sslmode=disable to the URL"
    elif code is not None:
        remedy = _REMEDIES.get(code, f"the server says SQLSTATE {code}")
    elif isinstance(error, TimeoutError):
        remedy = "it does not answer; check host, port and firewall"
    elif isinstance(error, OSError):
        remedy = "nobody answers there; start it, or correct host and port in the URL"
    else:
        remedy = f"the driver refuses the URL ({type(error).__name__}); write postgresql://user:password@host/name"
    return ConfigurationError("database", f"PostgreSQL at {where} cannot be used: {remedy}")
