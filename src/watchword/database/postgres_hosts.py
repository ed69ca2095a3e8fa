"""The servers that a PostgreSQL URL names, and which of them may be used: those that take writes."""

import os
from collections.abc import Mapping
from urllib.parse import unquote

from watchword.errors import ConfigurationError

_DEFAULT_PORT = "5432"
_ATTRIBUTES = ("any", "read-write", "primary", "read-only", "standby", "prefer-standby")

#: A host name, an address or the folder of a socket; and a port.
HostAndPort = tuple[str, int]


def list_servers(authority: str, query: Mapping[str, str]) -> tuple[HostAndPort, ...]:
    """The servers of a URL that names several, in its order; empty where it names one, or leaves it to the driver.

    Written as for libpq: `a:5432,b:5433` after the `@`, or `host=a,b&port=5432,5433`, or `PGHOST`. What has no port
    of its own has that of the parameter, of `PGPORT`, or 5432.

    Args:
        authority: What stands after the `@` of the URL, not decoded.
        query: The parameters of the URL, decoded.

    Raises:
        ConfigurationError: A port is no number, or there are more or fewer ports than hosts.
    """
    hosts = [unquote(host) for host in authority.split(",")] if authority else []
    hosts = hosts or (query.get("host") or os.environ.get("PGHOST", "")).split(",")
    if len(hosts) == 1:
        return ()
    ports = (query.get("port") or os.environ.get("PGPORT") or _DEFAULT_PORT).split(",")
    if len(ports) == 1:
        ports *= len(hosts)
    try:
        return tuple(_host_and_port(host, port) for host, port in zip(hosts, ports, strict=True))
    except ValueError:
        raise ConfigurationError(
            "database",
            "has several hosts, and not a port for each; write postgresql://user:password@a:5432,b:5432/name",
        ) from None


def _host_and_port(host: str, port: str) -> HostAndPort:
    if host.startswith("["):
        host, _, own_port = host[1:].partition("]")
        own_port = own_port.removeprefix(":")
    elif host.startswith(("/", "@")) or host.count(":") > 1:
        own_port = ""
    else:
        host, _, own_port = host.partition(":")
    return host, int(own_port or port)


def writing_attribute(named: str | None, servers: int) -> str:
    """The `target_session_attrs` to connect with: a standby is never used, not even to read.

    What it knows may be old: a revoked session would live on it. With several servers named, one on which
    transactions are read-only by default counts as a standby too; failover tools mark an old primary so.

    Args:
        named: The parameter of that name in the URL.
        servers: How many servers the URL names.

    Raises:
        ConfigurationError: The parameter wants a standby, or is none of libpq's.
    """
    if named is not None and named not in _ATTRIBUTES:
        raise ConfigurationError(
            "database", f"target_session_attrs={named} does not exist; leave it out, or set read-write"
        )
    if named in ("read-only", "standby", "prefer-standby"):
        raise ConfigurationError(
            "database",
            f"target_session_attrs={named} leads to a standby, which takes no writes and may not know yet of a session "
            "that was revoked; leave it out, or set read-write",
        )
    return "read-write" if named == "read-write" or servers > 1 else "primary"
