"""Whose address a request comes from: one spelling for each, and proxies believed only when configured."""

import logging
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Literal

from watchword.errors import ConfigurationError
from watchword.http.messages import Header

log = logging.getLogger(__name__)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
ForwardedHeader = Literal["x-forwarded-for", "forwarded"]

UNIX = "unix"
#: Headers that proxies write and anybody can send.
FORWARDED_HEADERS = ("x-forwarded-for", "forwarded", "x-real-ip", "x-forwarded-host", "x-forwarded-proto")

_FORWARDED = frozenset(FORWARDED_HEADERS)
_IPV6_NETWORK_BITS = 64  # what one customer is given at least; the addresses in it cost nothing
_MOST_HOPS = 32
_MOST_PEERS = 10_000  # remembered, so that nobody's spellings of addresses fill the memory
_WITH_PORT = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.%\w]+)\]|(?P<v4>[0-9.]+))(?::\d{1,5})?", re.ASCII)
_FOR = re.compile(r'(?:^|;)\s*for\s*=\s*(?:"(?P<quoted>[^"]*)"|(?P<token>[^\s;"]*))\s*(?=;|$)', re.IGNORECASE)


def parse_address(text: str) -> Address | None:
    """An IP address in any spelling, IPv4-mapped IPv6 folded to IPv4 and without a zone; `None` for other text."""
    try:
        address = ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def canonical_address(text: str) -> str | None:
    """The one spelling of an address, or `None` for what is none (security RL-5)."""
    address = parse_address(text)
    return None if address is None else str(address)


@lru_cache(maxsize=_MOST_PEERS)
def network_of(address: str) -> str | None:
    """Whom to hold responsible for an address: itself for IPv4, its /64 for IPv6; `None` for what is none."""
    parsed = parse_address(address)
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((parsed, _IPV6_NETWORK_BITS), strict=False))
    return None if parsed is None else str(parsed)


class ClientAddresses:
    """Finds the client behind proxies.

    Args:
        trusted_proxies: Addresses and networks whose word counts, for example `10.0.0.5` or
            `10.0.0.0/24`; `unix` for a proxy on a Unix socket.
        header: The one header that the proxies write; the others are never read, as anybody may send them.
    Raises:
        ConfigurationError: Something that is no network, or the whole internet.

    Source: security HP-1, HP-4.
    """

    def __init__(self, trusted_proxies: Sequence[str] = (), header: ForwardedHeader = "x-forwarded-for") -> None:
        if isinstance(trusted_proxies, str):
            raise ConfigurationError("trusted_proxies", "is one text; write a list, like ['10.0.0.5']")
        self._trusts_unix = UNIX in trusted_proxies
        self._networks = tuple(_network(text) for text in trusted_proxies if text != UNIX)
        if header not in ("x-forwarded-for", "forwarded"):
            raise ConfigurationError("forwarded_header", f"{header!r} is not read; set x-forwarded-for or forwarded")
        self._header = header
        self._warned = False
        self._peers: dict[str, Address | None] = {}

    def find(self, peer: str | None, headers: Iterable[Header], *, resolved: bool = False) -> str | None:
        """The client's canonical address, or `None` where nothing tells it.

        It is the right-most hop that is not a trusted proxy's: what stands left of it, its sender could
        have made up.

        Args:
            peer: The address at the other end of the connection; `None` on a Unix socket.
            headers: Of the request, names in lower case.
            resolved: The server in front of us has done this already, so `peer` is no peer any more.
        """
        peer = peer or None  # some servers tell a Unix socket as an empty text
        client = None if peer is None else self._parse_peer(peer)
        if not (self._trusts_unix if peer is None else client is not None and self._is_trusted(client)):
            if not self._warned and not resolved:
                self._warn(peer, headers)
            return None if client is None else str(client)
        for hop in _hops(headers, self._header):
            address = parse_address(hop)
            if address is None:  # `unknown`, or garbage: what is left of it is nobody's word
                break
            client = address
            if not self._is_trusted(address):
                break
        return None if client is None else str(client)

    def _parse_peer(self, peer: str) -> Address | None:
        """As `parse_address`, which is the dearest step of a request that asks for nothing of ours."""
        if peer not in self._peers:
            if len(self._peers) >= _MOST_PEERS:
                self._peers.clear()
            self._peers[peer] = parse_address(peer)
        return self._peers[peer]

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._networks)

    def _warn(self, peer: str | None, headers: Iterable[Header]) -> None:
        name = next((name for name, _ in headers if name in _FORWARDED), None)
        if name is None:
            return
        self._warned = True
        log.warning(
            "the header %s came from %s, which is not in trusted_proxies, and was ignored; if that is your proxy, "
            "list it, or all its users share one budget of the limits. This is said once",
            name,
            canonical_address(peer) or "a peer without an IP address" if peer is not None else "a Unix socket",
        )


def _network(text: str) -> Network:
    try:
        network = ip_network(text)
    except ValueError as error:
        raise ConfigurationError(
            "trusted_proxies", f"{text!r} is not a network: {error}; write it like 10.0.0.5 or 10.0.0.0/24"
        ) from None
    if network.prefixlen == 0:
        raise ConfigurationError("trusted_proxies", f"{text} is everybody, who then could claim any address")
    if isinstance(network, IPv6Network) and network.prefixlen >= 96 and network[0].ipv4_mapped is not None:
        return IPv4Network((network[0].ipv4_mapped, network.prefixlen - 96))
    return network


def _hops(headers: Iterable[Header], wanted: str) -> list[str]:
    """The addresses as proxies wrote them, the latest first."""
    elements = [element.strip() for name, value in headers if name == wanted for element in value.split(",")]
    hops = elements if wanted == "x-forwarded-for" else [_for_of(element) for element in elements]
    return [_without_port(hop) for hop in hops[: -_MOST_HOPS - 1 : -1]]


def _for_of(element: str) -> str:
    """The `for` of one element of `Forwarded`; empty without one. Source: RFC 7239, section 4."""
    found = _FOR.search(element)
    return "" if found is None else found["token"] if found["quoted"] is None else found["quoted"]


def _without_port(hop: str) -> str:
    found = _WITH_PORT.fullmatch(hop)
    return hop if found is None else found["v6"] or found["v4"]
