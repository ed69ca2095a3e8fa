"""Tenants: made, changed, removed, and who may sign in to which; always present, as the keys are. Source: FDI 8.5."""

from collections.abc import Sequence
from typing import Any, Literal

from watchword.accounts.tenants import PUBLIC_TENANT_ID, Tenant
from watchword.errors import BadInput
from watchword.http.messages import JsonObject
from watchword.identifiers import is_storable
from watchword.recipes.api import Answer, ApiRequest, FirstFactor, Route
from watchword.recipes.multitenancy import operations
from watchword.recipes.multitenancy.tenant_data import TenantData
from watchword.recipes.recipe import Recipe, SignInRecipe
from watchword.recipes.user_context import UserContext
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
        user_context: UserContext | None = None,  # noqa: ARG002 - for overrides, here and below
    ) -> bool:
        """Make a tenant, or change it; every process knows it at once.

        Args:
            tenant_id: 1 to 64 letters, digits and hyphens; case counts.
            first_factors: The ways to sign in, such as `["emailpassword"]`, of those that the application offers;
                a new tenant has all of them unless some are named. `[]` closes it.
            user_context: The application's own.

        Returns:
            Whether it was made.

        Raises:
            BadInput: The id cannot be one, a way to sign in is not offered by the application, or the tenant is
                `public`.
        """
        if tenant_id == PUBLIC_TENANT_ID:
            raise BadInput("tenantId", "public offers what recipe_list offers; change that")
        factors = self._checked(first_factors)
        created = await self.engine.tenants.create(tenant_id, factors)
        if not created and first_factors != "unchanged":
            await self.engine.tenants.update(tenant_id, factors)
        return created

    async def delete(self, tenant_id: str, *, user_context: UserContext | None = None) -> bool:  # noqa: ARG002
        """Remove a tenant with everything in it: its sessions end at once, roles and links are void (security TN-4).

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
        deleted, ended = await operations.delete_tenant(self.engine, self._data, tenant_id)
        self.engine.sessions.remember_revoked(ended)
        return deleted

    async def get(self, tenant_id: str, *, user_context: UserContext | None = None) -> Tenant:  # noqa: ARG002
        """A tenant and its ways to sign in. Raises `TenantNotFound`."""
        return await self.engine.tenants.get(tenant_id)

    async def associate_user(
        self,
        tenant_id: str,
        recipe_user_id: str,
        *,
        user_context: UserContext | None = None,  # noqa: ARG002
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
        return await operations.add_user(self.engine, self._sign_in_recipes(), tenant_id, recipe_user_id)

    async def disassociate_user(
        self,
        tenant_id: str,
        recipe_user_id: str,
        *,
        user_context: UserContext | None = None,  # noqa: ARG002
    ) -> bool:
        """Shut somebody out of a tenant; their sessions there end at once (security TN-4).

        The user stays, also where this was the last tenant.

        Returns:
            Whether they could sign in there.
        """
        removed, ended = await operations.remove_user(self.engine, self._data, tenant_id, recipe_user_id)
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
        factors = [factor for factor in self._offered(client_type) if tenant.offers(factor.id)]
        body: dict[str, Any] = {"status": "OK"}
        for factor_id, wire_name in _METHODS.items():
            factor = next((factor for factor in factors if factor.id == factor_id), None)
            body[wire_name] = _method(factor)
        body["firstFactors"] = [factor.id for factor in factors]
        return Answer(body=body)

    def _offered(self, client_type: str | None) -> list[FirstFactor]:
        return [factor for recipe in self._recipes for factor in recipe.first_factors(client_type)]

    def _sign_in_recipes(self) -> list[SignInRecipe]:
        return [recipe for recipe in self._recipes if isinstance(recipe, SignInRecipe)]

    def _checked(self, first_factors: Sequence[str] | Literal["all", "unchanged"]) -> list[str] | None:
        if first_factors in ("all", "unchanged"):
            return None
        if isinstance(first_factors, str):
            raise BadInput("firstFactors", "is one text; write a list of them")
        known = [factor.id for factor in self._offered(None)]
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
