"""Tells a front end which ways to sign in there are; always present, as the keys are. Source: FDI 8.5."""

from collections.abc import Callable, Sequence
from typing import Any

from watchword.http.messages import JsonObject
from watchword.recipes.recipe import Answer, ApiRequest, FirstFactor, Recipe, Route

#: The methods the contract's answer names, by first factor; a method whose recipe is not listed is disabled.
_METHODS = {
    "emailpassword": "emailPassword",
    "thirdparty": "thirdParty",
    "passwordless": "passwordless",
    "webauthn": "webauthn",
}


class Multitenancy(Recipe):
    """Which login methods a tenant has; for now each tenant has those of the `recipe_list`.

    Args:
        first_factors: Asks the other recipes, given the client type.
    """

    recipe_ids = ("multitenancy",)

    def __init__(
        self, first_factors: Callable[[str | None], Sequence[FirstFactor]], *, disabled_apis: Sequence[str] = ()
    ) -> None:
        super().__init__(disabled_apis=disabled_apis)
        self._first_factors = first_factors

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

    async def _decode_login_methods_get(self, api: ApiRequest) -> Answer:
        client_types = api.http.query_values("clientType")
        return await self.login_methods_get(client_types[0] if client_types else None, api)

    async def login_methods_get(self, client_type: str | None, api: ApiRequest) -> Answer:  # noqa: ARG002 - for overrides
        """The login methods as the contract has them.

        Args:
            client_type: Which client of each provider is meant; `None` for the only one.
            api: The call.
        """
        factors = self._first_factors(client_type)
        body: dict[str, Any] = {"status": "OK"}
        for factor_id, wire_name in _METHODS.items():
            factor = next((factor for factor in factors if factor.id == factor_id), None)
            body[wire_name] = _method(factor)
        body["firstFactors"] = [factor.id for factor in factors]
        return Answer(body=body)


def _method(factor: FirstFactor | None) -> JsonObject:
    if factor is None:
        return {"enabled": False}
    if factor.providers is None:
        return {"enabled": True}
    return {"enabled": True, "providers": [{"id": id_, "name": name} for id_, name in factor.providers]}
