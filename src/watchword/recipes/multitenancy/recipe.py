"""Tenants: made, changed, removed, and who may sign in to which; always present, as the keys are. Source: FDI 8.5."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from watchword.accounts.tenants import PUBLIC_TENANT_ID, Tenant
from watchword.errors import BadInput
from watchword.http.messages import JsonObject
from watchword.identifiers import is_storable
from watchword.recipes.api import Answer, ApiRequest, FirstFactor, Route
from watchword.recipes.multitenancy import operations
from watchword.recipes.multitenancy.tenant_data import TenantData
from watchword.recipes.recipe import Recipe, SignInRecipe
from watchword.recipes.third_party_configs import ThirdPartyConfig, ThirdPartyConfigs
from watchword.recipes.user_context import UserContext, address_of
from watchword.stored_data import StoredTable

#: The methods the contract's answer names, by first factor; a method whose recipe is not listed is disabled.
_METHODS = {
    "emailpassword": "emailPassword",
    "thirdparty": "thirdParty",
    "passwordless": "passwordless",
    "webauthn": "webauthn",
}


class Multitenancy(Recipe):
    """Tenants are parts of one app whose users do not know each other: customers of yours with users of their own.

    A browser names its tenant in the path, `/auth/<tenant>/signin`, and a session belongs to one. Every app has the
    tenant `public`, which is meant where none is named; it offers every way to sign in and cannot be removed.

    Args:
        recipes: Those of the application.
        stored_tables: What the tables of the rooms below hold; those of the recipes are known from these.
    """

    recipe_ids = ("multitenancy",)

    def __init__(self, recipes: Sequence[Recipe], stored_tables: Sequence[StoredTable]) -> None:
        super().__init__()
        self._recipes = recipes
        self._data = TenantData([*stored_tables, *(table for recipe in recipes for table in recipe.stored_tables)])

    def routes(self) -> Sequence[Route]:
        """The one API."""
        return (
            Route(
                recipe_id="multitenancy",
                name="login_methods_get",
                method="GET",
                path="/loginmethods",
                handler=self._decode_login_methods_get,
                changes_state=False,
            ),
        )

    # The functions

    async def create_or_update(
        self,
        tenant_id: str,
        *,
        first_factors: Sequence[str] | Literal["all", "unchanged"] = "unchanged",
        user_context: UserContext | None = None,
    ) -> bool:
        """Make a tenant, or change it; every process knows it at once.

        Args:
            tenant_id: 1 to 64 letters, digits and hyphens; case counts.
            first_factors: The ways to sign in, such as `["emailpassword"]`, of those that the application offers;
                a new tenant has all of them unless some are named. `[]` closes it.
            user_context: The application's own, here and below; with a request in it the audit log has its address.

        Returns:
            Whether it was made.

        Raises:
            BadInput: The id cannot be one, a way to sign in is not offered by the application, or the tenant is
                `public`.
        """
        if tenant_id == PUBLIC_TENANT_ID:
            raise BadInput("tenantId", "public offers what recipe_list offers; change that")
        return await operations.create_or_update_tenant(
            self.engine,
            tenant_id,
            await self._checked(first_factors),
            update=first_factors != "unchanged",
            address=address_of(user_context or {}),
        )

    async def delete(self, tenant_id: str, *, user_context: UserContext | None = None) -> bool:
        """Remove a tenant with everything in it: its sessions end at once (security TN-4).

        Roles, links and providers of it are void.
        The users stay, without a way into it; one of this tenant alone cannot sign in anywhere until it joins another.

        Returns:
            Whether there was such a tenant.

        Raises:
            BadInput: It is `public`.
        """
        if tenant_id == PUBLIC_TENANT_ID:
            raise BadInput("tenantId", "the tenant public cannot be deleted")
        if not is_storable(tenant_id):
            return False
        address = address_of(user_context or {})
        deleted, ended = await operations.delete_tenant(self.engine, self._data, tenant_id, address=address)
        self.engine.sessions.remember_revoked(ended)
        if (configs := self._find_configs()) is not None:
            configs.forget(tenant_id)
        return deleted

    async def get(self, tenant_id: str, *, user_context: UserContext | None = None) -> Tenant:  # noqa: ARG002
        """A tenant and its ways to sign in. Raises `TenantNotFound`."""
        return await self.engine.tenants.get(tenant_id)

    async def create_or_update_third_party_config(
        self, tenant_id: str, config: Mapping[str, Any], *, user_context: UserContext | None = None
    ) -> bool:
        """Give a tenant a provider of its own, or replace it; every process knows it within a second.

        A tenant that has some has these alone. Where `providers` lists one of the same id, what the config leaves
        out is as there, client and secret included, so `{"third_party_id": "google"}` offers that one here too.
        A config that says where the provider is or what it is trusted with takes over nothing.

        Args:
            tenant_id: Any but `public`.
            config: The settings of a provider as one lists them in `providers` (see `ProviderSettings`), and
                `provider`, the name of its class, unless the id tells: `google` is `Google`, others are
                `OpenIdConnect`. All of them: an update keeps nothing of what was there before.
            user_context: See above.

        Returns:
            Whether it was made.

        Raises:
            BadInput: A setting cannot work, and is named; or there is no such tenant, or no recipe with providers.
                Nothing is changed.
        """
        configs = self._find_configs()
        if configs is None:
            raise BadInput("config", "recipe_list has no providers; list ThirdParty() or ThirdPartyEmailPassword()")
        return await configs.create_or_update(tenant_id, config, address=address_of(user_context or {}))

    async def delete_third_party_config(
        self, tenant_id: str, third_party_id: str, *, user_context: UserContext | None = None
    ) -> bool:
        """Take a provider of its own from a tenant; every process knows it within a second.

        People who signed in with it stay, and their sessions go on. With the last one, the tenant has those of
        `providers` again.

        Returns:
            Whether it had one of this id.
        """
        configs = self._find_configs()
        address = address_of(user_context or {})
        return configs is not None and await configs.delete(tenant_id, third_party_id, address=address)

    async def list_third_party_configs(
        self,
        tenant_id: str,
        *,
        user_context: UserContext | None = None,  # noqa: ARG002 - for overrides, here and below
    ) -> list[ThirdPartyConfig]:
        """The providers that a tenant has of its own, without secrets. Raises `TenantNotFound`."""
        configs = self._find_configs()
        return [] if configs is None else await configs.list(tenant_id)

    async def associate_user(
        self, tenant_id: str, recipe_user_id: str, *, user_context: UserContext | None = None
    ) -> bool:
        """Let somebody sign in to one more tenant, with the same password or provider.

        Returns:
            Whether they could not yet.

        Raises:
            TenantNotFound: There is no such tenant.
            UserNotFound: There is no such login method.
            EmailAlreadyExists: Somebody else of that tenant has the address.
            IdentityTaken: Somebody else of that tenant has the account at the provider.
        """
        await self.engine.tenants.get(tenant_id)
        address = address_of(user_context or {})
        return await operations.add_user(
            self.engine, self._sign_in_recipes(), tenant_id, recipe_user_id, address=address
        )

    async def disassociate_user(
        self, tenant_id: str, recipe_user_id: str, *, user_context: UserContext | None = None
    ) -> bool:
        """Shut somebody out of a tenant; their sessions there end at once (security TN-4).

        The user stays, also where this was the last tenant.

        Returns:
            Whether they could sign in there.
        """
        address = address_of(user_context or {})
        removed, ended = await operations.remove_user(
            self.engine, self._data, tenant_id, recipe_user_id, address=address
        )
        self.engine.sessions.remember_revoked(ended)
        return removed

    # The HTTP API

    async def _decode_login_methods_get(self, api: ApiRequest) -> Answer:
        client_types = api.http.query_values("clientType")
        return await self.login_methods_get(client_types[0] if client_types else None, api)

    async def login_methods_get(self, client_type: str | None, api: ApiRequest) -> Answer:
        """The login methods of a tenant as the contract has them.

        Args:
            client_type: Which client of each provider is meant; `None` for the only one.
            api: The call.
        """
        tenant = await self.engine.tenants.get(api.tenant_id)
        offered = await self._offered(client_type, tenant.tenant_id)
        factors = [factor for factor in offered if tenant.offers(factor.id)]
        body: dict[str, Any] = {"status": "OK"}
        for factor_id, wire_name in _METHODS.items():
            factor = next((factor for factor in factors if factor.id == factor_id), None)
            body[wire_name] = _method(factor)
        body["firstFactors"] = [factor.id for factor in factors]
        return Answer(body=body)

    async def _offered(self, client_type: str | None, tenant_id: str) -> list[FirstFactor]:
        return [
            factor for recipe in self._recipes for factor in await recipe.list_first_factors(client_type, tenant_id)
        ]

    def _find_configs(self) -> ThirdPartyConfigs | None:
        found = (recipe.find_third_party_configs() for recipe in self._recipes)
        return next((configs for configs in found if configs is not None), None)

    def _sign_in_recipes(self) -> list[SignInRecipe]:
        return [recipe for recipe in self._recipes if isinstance(recipe, SignInRecipe)]

    async def _checked(self, first_factors: Sequence[str] | Literal["all", "unchanged"]) -> list[str] | None:
        if first_factors in ("all", "unchanged"):
            return None
        if isinstance(first_factors, str):
            raise BadInput("firstFactors", "is one text; write a list of them")
        known = [factor.id for factor in await self._offered(None, PUBLIC_TENANT_ID)]
        for factor in first_factors:
            if factor not in known:
                raise BadInput("firstFactors", f"{factor!r:.64} is not offered here; there are: {', '.join(known)}")
        return list(dict.fromkeys(first_factors))

    # Last in the class: below it, `list` is this method.
    async def list(self, *, user_context: UserContext | None = None) -> list[Tenant]:  # noqa: ARG002
        """All tenants, sorted by id."""
        return await self.engine.tenants.list()


def _method(factor: FirstFactor | None) -> JsonObject:
    if factor is None:
        return {"enabled": False}
    if factor.providers is None:
        return {"enabled": True}
    return {"enabled": True, "providers": [{"id": id_, "name": name} for id_, name in factor.providers]}
