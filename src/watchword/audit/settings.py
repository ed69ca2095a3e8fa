"""How the audit log is kept, checked once."""

from dataclasses import dataclass
from ipaddress import ip_network
from typing import Literal

from watchword.errors import ConfigurationError
from watchword.http.client_address import parse_address
from watchword.setting_types import checked_settings

Addresses = Literal["full", "network", "none"]

_PREFIX_BITS = {4: 24, 6: 48}  # what is left of an address names a provider's district, not a household


@checked_settings("audit.")
@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSettings:
    """What is kept of security events, and for how long.

    Attributes:
        on: Whether events are recorded at all; `False` is logged at every start.
        keep_days: Events that are older are removed; `None` keeps them for ever.
        addresses: How much of a client's address is stored: `full`, `network` (of IPv4 the first 24 bits,
            of IPv6 the first 48), or `none`.
    Raises:
        ConfigurationError: A value that cannot be.
    """

    on: bool = True
    keep_days: int | None = 365
    addresses: Addresses = "full"

    def __post_init__(self) -> None:
        if self.keep_days is not None and not 1 <= self.keep_days <= 36_500:
            raise ConfigurationError("audit.keep_days", f"is {self.keep_days}; set 1 to 36500, or None for ever")
        if self.addresses not in ("full", "network", "none"):
            raise ConfigurationError("audit.addresses", f"{self.addresses!r} is not one of full, network, none")

    def address_to_store(self, address: str | None) -> str | None:
        """What is stored of a client's address."""
        if address is None or self.addresses == "none":
            return None
        parsed = parse_address(address)
        if parsed is None:
            return None
        if self.addresses == "full":
            return str(parsed)
        return str(ip_network((parsed, _PREFIX_BITS[parsed.version]), strict=False))
