"""Which network addresses an outgoing request may reach, and connections that go to a checked address only.

Source: security SS-1; OWASP Server-Side Request Forgery Prevention.
"""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import AddressValueError, IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, Any

from watchword.settings import is_local

if TYPE_CHECKING:  # a heavy package: imported at run time by the first request
    from httpcore2 import AsyncNetworkBackend, AsyncNetworkStream

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Finds the addresses of a host, given host and port; raises OSError when there are none."""

_HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_][a-z0-9_-]{0,62})*\.?")
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_MAX_ADDRESSES = 3
_NO_LIMIT_SECONDS = 60


class BlockedAddress(Exception):
    """The host has an address that must not be reached; the text names no address, as it may be an inside one."""


async def resolve_host(host: str, port: int) -> Sequence[str]:
    """The addresses that the system's resolver gives for a host.

    Raises:
        OSError: There are none.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_host(text: str) -> bool:
    """Whether a text is a host name of ASCII labels, or an IPv4 or IPv6 address without a zone."""
    if ":" in text:
        try:
            IPv6Address(text)
        except AddressValueError:
            return False
        return "%" not in text
    return len(text) <= 253 and _HOST_NAME.fullmatch(text) is not None


def is_public_address(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one of the public Internet.

    Private, loopback, link-local, multicast, unique-local, shared, documentation and reserved ranges are
    not, and neither are IPv6 forms that carry such an IPv4 address inside.
    """
    if isinstance(address, IPv4Address):
        return address.is_global and not address.is_multicast and not address.is_reserved
    if address in _NAT64:
        return is_public_address(IPv4Address(int(address) & 0xFFFFFFFF))
    if address.sixtofour is not None:
        return is_public_address(address.sixtofour)
    # Everything that is not global unicast is refused as a whole: mapped addresses, fc00::/7, fe80::/10,
    # the old site-local fec0::/10, multicast, and ranges not given out yet.
    return address in _GLOBAL_UNICAST and address.is_global


class AddressGate:
    """Decides which addresses a host may have.

    Args:
        allow_hosts: Hosts, in lower case, that may have any address.
        allow_loopback: Let loopback addresses pass.
    """

    def __init__(self, allow_hosts: Iterable[str], *, allow_loopback: bool) -> None:
        self._allow_hosts = frozenset(allow_hosts)
        self._allow_loopback = allow_loopback

    def check(self, host: str, addresses: Sequence[str]) -> None:
        """Return if all addresses may be reached under this name; one bad address refuses the host.

        Raises:
            BlockedAddress: See the class.
        """
        for text in addresses:
            address = ip_address(text)
            if is_local(host) and not address.is_loopback:
                # Plain http is allowed to this machine by name, so such a name must mean this machine.
                raise BlockedAddress(f"{host} is not a loopback address")
            allowed = (
                host in self._allow_hosts
                or (self._allow_loopback and address.is_loopback)
                or is_public_address(address)
            )
            if not allowed:
                raise BlockedAddress(
                    f"{host} has an address that is not public; if it is meant, name the host in allow_hosts"
                )


class CheckedBackend:
    """Opens connections for the HTTP library: resolves once, checks, and connects to what was checked.

    A second look-up between check and connection, which a hostile name server would answer otherwise (DNS
    rebinding), does not happen. Host header, SNI and certificate check stay with the name. Has the methods
    of `httpcore2.AsyncNetworkBackend`.
    """

    def __init__(self, backend: "AsyncNetworkBackend", gate: AddressGate, resolve: Resolve) -> None:
        self._backend = backend
        self._gate = gate
        self._resolve = resolve

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's interface
        **options: Any,
    ) -> "AsyncNetworkStream":
        """Connect to the first checked address that answers.

        Args:
            host: Name or address.
            port: The TCP port.
            timeout: Seconds for look-up and all attempts together.
            options: Handed on as they are.
        Raises:
            BlockedAddress: See `AddressGate`.
            TimeoutError: Not done in time.
            OSError: No address, or none that answers.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (_NO_LIMIT_SECONDS if timeout is None else timeout)
        async with asyncio.timeout_at(deadline):
            found = await self._resolve(host, port)
        self._gate.check(host, found)
        addresses = _worth_trying(found)
        failure: Exception = OSError(f"{host} has no address")
        for position, address in enumerate(addresses):
            share = (deadline - loop.time()) / (len(addresses) - position)  # a black hole must not use up all time
            try:
                return await self._backend.connect_tcp(address, port, timeout=share, **options)
            except Exception as error:  # of any kind; the next address may answer, and the last error is told
                failure = error
        raise failure

    async def sleep(self, seconds: float) -> None:
        """Wait; the library calls it between retries, which we do not ask for."""
        await asyncio.sleep(seconds)


def _worth_trying(addresses: Sequence[str]) -> Sequence[str]:
    """The first address of each family, then the others, three at most: one family may be cut off."""
    first_of_family = {":" in address: address for address in reversed(addresses)}
    ordered = dict.fromkeys(address for address in addresses if address in first_of_family.values())
    return list(ordered | dict.fromkeys(addresses))[:_MAX_ADDRESSES]
