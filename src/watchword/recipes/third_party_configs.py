"""Providers of one tenant alone, as whoever administers tenants sees them; a recipe with providers keeps them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class ThirdPartyConfig:
    """How a tenant signs in with one provider, as far as it may be read back.

    Attributes:
        third_party_id: The provider's id in paths, answers and stored identities.
        config: What was set, without what is or may be secret: client secrets, keys, headers and body parameters.
    """

    third_party_id: str
    config: Mapping[str, Any]


class ThirdPartyConfigs(Protocol):
    """The providers that tenants have for themselves."""

    async def create_or_update(self, tenant_id: str, config: Mapping[str, Any], *, address: str | None) -> bool:
        """Store one, in place of one of its id; returns whether there was none. Raises `BadInput`."""
        ...

    async def delete(self, tenant_id: str, third_party_id: str, *, address: str | None) -> bool:
        """Remove one; returns whether there was one."""
        ...

    async def list(self, tenant_id: str) -> list[ThirdPartyConfig]:
        """Those of a tenant, the oldest first."""
        ...

    def forget(self, tenant_id: str) -> None:
        """Read those of a tenant anew: it was deleted."""
        ...
