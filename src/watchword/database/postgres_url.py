"""What a PostgreSQL URL says, turned into what the driver takes; nothing in it reaches a message."""

import logging
import os
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from watchword.database.postgres_hosts import HostAndPort, list_servers, writing_attribute
from watchword.errors import ConfigurationError

logger = logging.getLogger(__name__)

_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
# What the driver understands. It would send anything else to the server as a setting, and be refused.
_DRIVER_PARAMETERS = frozenset(
    {"host", "port", "user", "password", "dbname", "passfile", "application_name", "options"}
    | {"sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "sslpassword", "sslnegotiation"}
    | {"ssl_min_protocol_version", "ssl_max_protocol_version"}
)
_NOT_A_URL = (
    "is not a URL; write postgresql://user:password@host:5432/name, and in the password %40 for @, %3A for :, "
    "%2F for /, %23 for #, %3F for ?, %25 for %; or let postgres_url(…) of watchword.database.open write it"
)
_OFF = ("0", "false", "off", "no")


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """Where the server is and how to talk to it.

    Attributes:
        dsn: For the driver; holds the password, so it is in no `repr`.
        where: Host and database, for messages.
        check_certificate: Verify certificate and name with the system's authorities (security DB-8).
        servers: Host and port of each, where the URL names several.
        attribute: What a server must be, as one of libpq's `target_session_attrs`: a standby is never used.
        through_pgbouncer: The server may be another connection at every transaction: nothing may be kept
            on it, neither settings nor prepared statements.
    """

    dsn: str = field(repr=False)
    where: str
    check_certificate: bool
    servers: tuple[HostAndPort, ...]
    attribute: str
    through_pgbouncer: bool


def postgres_url(
    *, user: str, password: str, database: str, host: str = "localhost", port: int = 5432, ssl_mode: str | None = None
) -> str:
    """The URL of a PostgreSQL database from its parts, whatever characters the password has.

    Args:
        user: The role.
        password: As it is; it is percent-encoded here.
        database: The database's name.
        host: Name or address.
        port: TCP port.
        ssl_mode: One of libpq's; left out, a host that is not this machine must show a valid certificate.
    """
    address = f"[{host}]" if ":" in host else host
    query = f"?sslmode={quote(ssl_mode, safe='')}" if ssl_mode is not None else ""
    return (
        f"postgresql://{quote(user, safe='')}:{quote(password, safe='')}@{address}:{port}"
        f"/{quote(database, safe='')}{query}"
    )


def read_postgres_url(url: str) -> PostgresAddress:
    """Take a `postgresql://` URL apart.

    Several servers may be named, `a:5432,b:5433`: the one that takes writes is used.
    `pgbouncer=true` or `prepared_statements=false` announces a pooler in transaction mode. A host that is
    not this machine gets TLS with certificate check unless `sslmode` says otherwise.

    Raises:
        ConfigurationError: It cannot be parsed, `sslmode` is none of libpq's, a file of TLS is not there, or
            `target_session_attrs` wants a standby.
    """
    try:
        parts = urlsplit(url)
        hosts = unquote(parts.netloc.rpartition("@")[2])
        host, port = (hosts, None) if "," in hosts else (unquote(parts.hostname or ""), parts.port)
    except ValueError:
        raise ConfigurationError("database", _NOT_A_URL) from None
    if "@" in parts.path + parts.fragment or ("@" in parts.query and "@" not in parts.netloc):
        # A slash in the password made half of it the name of the database, which is put into messages.
        raise ConfigurationError("database", _NOT_A_URL)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    servers = list_servers(parts.netloc.rpartition("@")[2], query)
    attribute = writing_attribute(query.pop("target_session_attrs", None), len(servers))
    announced = query.pop("pgbouncer", "false").lower() not in _OFF
    unprepared = query.pop("prepared_statements", "true").lower() in _OFF
    for name in sorted(query.keys() - _DRIVER_PARAMETERS):
        logger.warning("the database URL has the parameter %s, which means nothing here and is left out", name)
        del query[name]
    host = host or query.get("host") or os.environ.get("PGHOST", "")  # as the driver goes: it reads PGHOST too
    check = _wants_certificate_check(query, host)
    _check_files(query)
    dsn = parts._replace(scheme="postgresql", query=urlencode(query, quote_via=quote)).geturl()
    name = unquote(parts.path.lstrip("/")) or query.get("dbname", "")
    where = f"{host or 'this machine'}{f':{port}' if port else ''}/{name}"
    return PostgresAddress(dsn, where, check, servers, attribute, announced or unprepared)


def _check_files(query: dict[str, str]) -> None:
    for name in ("sslrootcert", "sslcert", "sslkey", "sslcrl"):
        if name in query and not Path(query[name]).is_file():
            raise ConfigurationError(
                "database", f"{name} in the URL names {query[name]}, and there is no such file; correct the path"
            )


def _wants_certificate_check(query: dict[str, str], hosts: str) -> bool:
    mode = query.get("sslmode")
    if mode is not None and mode not in _SSL_MODES:
        raise ConfigurationError("database", f"sslmode={mode} does not exist; use one of {', '.join(_SSL_MODES)}")
    if query.get("sslrootcert") == "system":  # libpq's word for what the driver does by itself
        del query["sslrootcert"]
        mode = "verify-full"
    if mode is None and all(_is_this_machine(host) for host in hosts.split(",")):
        return False
    if mode not in (None, "verify-full"):
        return False
    if "sslrootcert" in query or Path("~/.postgresql/root.crt").expanduser().exists():
        query["sslmode"] = "verify-full"  # the driver loads the file
        return False
    query.pop("sslmode", None)
    return True


def _is_this_machine(host: str) -> bool:
    bare = host.rsplit(":", 1)[0] if host.count(":") == 1 else host.strip("[]")
    if not bare or bare.startswith(("/", "@")) or bare == "localhost":
        return True
    try:
        return ip_address(bare).is_loopback
    except ValueError:
        return False
