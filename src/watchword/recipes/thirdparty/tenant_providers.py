"""The providers of tenants: stored sealed, made into objects, and known in every process within a second.

A process keeps what it read for a second, and asks again; without an answer of the database nobody signs in, so that
no process goes on with a provider that was removed, whatever it is cut off from (decision 0028).
"""

import logging
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from watchword.accounts.tenants import PUBLIC_TENANT_ID, keep_tenant
from watchword.audit.events import SecurityEvent
from watchword.crypto.sealing import SealBroken
from watchword.database.database import Row, Transaction
from watchword.database.statements import Statement
from watchword.errors import BadInput, ConfigurationError
from watchword.http.json import encode_json
from watchword.identifiers import is_storable
from watchword.recipes.engine import Engine
from watchword.recipes.overrides import watch_overrides
from watchword.recipes.third_party_configs import ThirdPartyConfig
from watchword.recipes.thirdparty.provider_list import ProviderList
from watchword.recipes.thirdparty.providers.provider import Provider
from watchword.recipes.thirdparty.tenant_config import (
    decode_config,
    encode_config,
    is_laid_over,
    make_provider,
    readable,
)
from watchword.settings import host_of, is_local

log = logging.getLogger(__name__)

#: How long a process may go on with a provider that was changed or removed in another one.
STALE_MS = 1_000
_MOST_TENANTS_KEPT = 1_000
_PURPOSE = "provider_config"
_PAGE = 200


@dataclass(slots=True)
class _Known:
    """What is known of a tenant: the rows as they were read, and what was made of them."""

    rows: tuple[tuple[str, bytes], ...] = field(repr=False)
    providers: ProviderList
    read_at_ms: int


class TenantProviders:
    """The providers that tenants of one app have for themselves, and which providers count in a tenant.

    Args:
        listed: The application's own, which count in every tenant that has none.
        redirect_uris: Those of every provider.

    Raises:
        ConfigurationError: Two providers of one id, or redirect URIs that are none.
    """

    def __init__(self, listed: Sequence[Provider], redirect_uris: Sequence[str]) -> None:
        self._listed = ProviderList(listed, redirect_uris)
        self._listed_by_id = {provider.third_party_id: provider for provider in listed}
        self._redirect_uris = redirect_uris
        self._bound_to_engine: Engine | None = None
        self._known: OrderedDict[str, _Known] = OrderedDict()

    def bind(self, engine: Engine) -> None:
        """Wire the listed providers, and those to come."""
        self._bound_to_engine = engine
        self._wire(self._listed, self._listed_by_id.values())

    @property
    def _engine(self) -> Engine:
        if self._bound_to_engine is None:
            raise ConfigurationError("providers", "they are not in the recipe_list of a Watchword yet")
        return self._bound_to_engine

    async def start(self) -> None:
        """Seal under the newest secret what an older one sealed, so that the older one can be forgotten.

        Raises:
            StorageUnavailable: The database does not answer.
        """
        newest = bytes.fromhex(self._engine.secrets.ids[0])
        after = ("", "")
        while True:
            names = {"app_id": self._engine.app_id, "newest": newest, "at_most": _PAGE}
            rows = await self._engine.db.list(LIST_OLD_SEALS, **names, tenant_id=after[0], third_party_id=after[1])
            for row in rows:
                await self._seal_anew(row)
            if len(rows) < _PAGE:
                return
            after = (rows[-1]["tenant_id"], rows[-1]["third_party_id"])

    async def get_list(self, tenant_id: str) -> ProviderList:
        """The providers of a tenant: its own if it has any, otherwise the application's. Source: FDI 8.5.

        At most `STALE_MS` old. `public` has the application's, and costs nothing.

        Raises:
            StorageUnavailable: The database does not answer.
        """
        if tenant_id == PUBLIC_TENANT_ID or not is_storable(tenant_id):
            return self._listed
        known, now_ms = self._known.get(tenant_id), self._engine.clock.now_ms()
        # The distance, not the difference: a clock that was put back must not stop the reading.
        if known is not None and abs(now_ms - known.read_at_ms) < STALE_MS:
            return known.providers
        read = await self._engine.db.list(LIST_OF_TENANT, app_id=self._engine.app_id, tenant_id=tenant_id)
        rows = tuple((row["third_party_id"], bytes(row["sealed_config"])) for row in read)
        if known is None or known.rows != rows:
            known = _Known(rows, self._make_list(tenant_id, rows), now_ms)
        known.read_at_ms = now_ms  # the same rows are the same objects, with the documents that they have read
        self._known[tenant_id] = known
        self._known.move_to_end(tenant_id)
        if len(self._known) > _MOST_TENANTS_KEPT:
            self._known.popitem(last=False)
        return known.providers

    def forget(self, tenant_id: str) -> None:
        """Read a tenant's providers anew at the next question."""
        self._known.pop(tenant_id, None)

    async def create_or_update(self, tenant_id: str, config: Mapping[str, Any], *, address: str | None) -> bool:
        """See `ThirdPartyConfigs`."""
        if tenant_id == PUBLIC_TENANT_ID:
            raise BadInput("tenantId", "public has the providers that recipe_list offers; change those")
        await self._engine.tenants.get(tenant_id)
        data = encode_config(config)
        third_party_id = self._check(data)
        sealed = self._engine.secrets.seal(_PURPOSE, data, self._bound_to(tenant_id, third_party_id))
        names = {"app_id": self._engine.app_id, "tenant_id": tenant_id, "third_party_id": third_party_id}
        now_ms = self._engine.clock.now_ms()

        async def store(tx: Transaction) -> bool:
            await keep_tenant(tx, self._engine.app_id, tenant_id)
            created = await tx.execute(INSERT_PROVIDER, **names, sealed_config=sealed, now_ms=now_ms) > 0
            if not created:
                await tx.execute(UPDATE_PROVIDER, **names, sealed_config=sealed)
            facts = {"provider": third_party_id, "created": created}
            await self._engine.audit.record(
                tx, SecurityEvent("provider_changed", tenant_id=tenant_id, address=address, facts=facts)
            )
            return created

        created = await self._engine.db.write(store)
        self.forget(tenant_id)
        return created

    async def delete(self, tenant_id: str, third_party_id: str, *, address: str | None) -> bool:
        """See `ThirdPartyConfigs`."""
        if not is_storable(tenant_id + third_party_id):
            return False
        names = {"app_id": self._engine.app_id, "tenant_id": tenant_id, "third_party_id": third_party_id}
        facts = {"provider": third_party_id}
        removed = SecurityEvent("provider_deleted", tenant_id=tenant_id, address=address, facts=facts)

        async def delete(tx: Transaction) -> bool:
            deleted = await tx.execute(DELETE_PROVIDER, **names) > 0
            if deleted:
                await self._engine.audit.record(tx, removed)
            return deleted

        deleted = await self._engine.db.write(delete)
        self.forget(tenant_id)
        return deleted

    async def list(self, tenant_id: str) -> list[ThirdPartyConfig]:
        """See `ThirdPartyConfigs`."""
        await self._engine.tenants.get(tenant_id)
        rows = await self._engine.db.list(LIST_OF_TENANT, app_id=self._engine.app_id, tenant_id=tenant_id)
        return [
            ThirdPartyConfig(
                third_party_id=row["third_party_id"],
                config=readable(self._open(tenant_id, row["third_party_id"], bytes(row["sealed_config"]))),
            )
            for row in rows
        ]

    def _check(self, data: bytes) -> str:
        """Make the provider once, as every process will, for what is wrong with it; returns its id."""
        provider = make_provider(decode_config(data), self._listed_by_id)
        try:
            if not is_local(host_of(self._engine.app_info.api_domain)):
                provider.require_https()
            ProviderList([provider], self._redirect_uris)
        except ConfigurationError as error:
            setting = error.setting.rpartition(".")[2]
            raise BadInput(setting, f"{setting}: {error.remedy}") from None
        return provider.third_party_id

    def _make_list(self, tenant_id: str, rows: Sequence[tuple[str, bytes]]) -> ProviderList:
        if not rows:
            return self._listed
        providers: list[Provider] = []
        alone: list[str] = []
        for third_party_id, sealed in rows:
            try:
                config = self._open(tenant_id, third_party_id, sealed)
                providers.append(make_provider(config, self._listed_by_id))
            except (BadInput, SealBroken) as error:
                # The application's list or its secret is another one by now: this provider is unknown, not half right.
                log.error("provider %s of tenant %s cannot be used: %s", third_party_id, tenant_id, error)  # noqa: TRY400 # the trace says nothing more
                continue
            if not is_laid_over(config, self._listed_by_id):
                alone.append(third_party_id)
        own = ProviderList(providers, self._redirect_uris, tenant_id=tenant_id, alone=alone)
        self._wire(own, providers)
        return own

    def _wire(self, own: ProviderList, providers: Iterable[Provider]) -> None:
        """Give each provider its way out, and have what the application replaced in it watched."""
        own.bind(self._engine.app_info, self._engine.outgoing, self._engine.clock)
        for provider in providers:
            watch_overrides(provider, self._engine.hooks)

    def _open(self, tenant_id: str, third_party_id: str, sealed: bytes) -> dict[str, Any]:
        data = self._engine.secrets.open(_PURPOSE, sealed, self._bound_to(tenant_id, third_party_id))
        return decode_config(data)

    async def _seal_anew(self, row: Row) -> None:
        tenant_id, third_party_id, seen = row["tenant_id"], row["third_party_id"], bytes(row["sealed_config"])
        bound_to = self._bound_to(tenant_id, third_party_id)
        try:
            data = self._engine.secrets.open(_PURPOSE, seen, bound_to)
        except SealBroken:
            log.error("provider %s of tenant %s is sealed with an unknown secret", third_party_id, tenant_id)  # noqa: TRY400 # the trace says nothing more
            return
        sealed = self._engine.secrets.seal(_PURPOSE, data, bound_to)
        names = {"app_id": self._engine.app_id, "tenant_id": tenant_id, "third_party_id": third_party_id}
        resealed = SecurityEvent("secret_resealed", tenant_id=tenant_id, facts={"provider": third_party_id})

        async def reseal(tx: Transaction) -> None:
            if await tx.execute(RESEAL_PROVIDER, **names, seen=seen, sealed_config=sealed):
                await self._engine.audit.record(tx, resealed)

        await self._engine.db.write(reseal)

    def _bound_to(self, tenant_id: str, third_party_id: str) -> bytes:
        return encode_json([self._engine.app_id, tenant_id, third_party_id])


LIST_OF_TENANT = Statement("""
    select third_party_id, sealed_config
      from {tenant_providers}
     where app_id = :app_id and tenant_id = :tenant_id
     order by created_at_ms, third_party_id
""")

# A sealed value begins with the id of the secret that sealed it.
LIST_OLD_SEALS = Statement("""
    select tenant_id, third_party_id, sealed_config
      from {tenant_providers}
     where app_id = :app_id and substr(sealed_config, 1, 8) <> :newest
       and (tenant_id, third_party_id) > (:tenant_id, :third_party_id)
     order by tenant_id, third_party_id
     limit :at_most
""")

INSERT_PROVIDER = Statement("""
    insert into {tenant_providers} (app_id, tenant_id, third_party_id, sealed_config, created_at_ms)
    values (:app_id, :tenant_id, :third_party_id, :sealed_config, :now_ms)
    on conflict (app_id, tenant_id, third_party_id) do nothing
""")

UPDATE_PROVIDER = Statement("""
    update {tenant_providers} set sealed_config = :sealed_config
     where app_id = :app_id and tenant_id = :tenant_id and third_party_id = :third_party_id
""")

RESEAL_PROVIDER = Statement("""
    update {tenant_providers} set sealed_config = :sealed_config
     where app_id = :app_id and tenant_id = :tenant_id and third_party_id = :third_party_id
       and sealed_config = :seen
""")

DELETE_PROVIDER = Statement("""
    delete from {tenant_providers}
     where app_id = :app_id and tenant_id = :tenant_id and third_party_id = :third_party_id
""")
