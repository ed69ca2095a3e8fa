"""All traffic with one provider: every failure is one type, and a circuit breaker stands in front."""

from collections.abc import Mapping

from watchword.clock import Clock
from watchword.http.client import JsonAnswer, OutgoingClient, OutgoingFailed
from watchword.http.messages import JsonObject
from watchword.recipes.thirdparty.breaker import CircuitBreaker
from watchword.recipes.thirdparty.documents import Documents
from watchword.recipes.thirdparty.errors import ProviderFailed


class ProviderConnection:
    """What a recipe gives each of its providers: the way out, the time, and the provider's documents.

    Args:
        third_party_id: For the errors.
        outgoing: Checks addresses, bounds time and size, follows no redirect (security SS-1 to SS-3).
        clock: Tells the age of documents and tokens.
        tenant_id: Whose own provider it is; `None` for one that the application lists for all.
    """

    def __init__(
        self, third_party_id: str, outgoing: OutgoingClient, clock: Clock, tenant_id: str | None = None
    ) -> None:
        self.third_party_id = third_party_id
        self.tenant_id = tenant_id
        self.clock = clock
        self.documents = Documents(self.get_json, clock)
        self._outgoing = outgoing
        self._breaker = CircuitBreaker(clock)

    async def get_json(
        self, url: str, *, headers: Mapping[str, str] | None = None, params: Mapping[str, str] | None = None
    ) -> JsonAnswer:
        """Ask for a JSON document.

        Returns:
            The answer, whatever its status below 500.

        Raises:
            ProviderFailed: No usable answer, or the circuit is open.
        """
        self._admit()
        try:
            answer = await self._outgoing.get_json(url, headers=headers, params=params)
        except OutgoingFailed as error:
            raise self._failed(str(error)) from error
        return self._checked(answer)

    async def post_form(
        self, url: str, data: Mapping[str, str], *, headers: Mapping[str, str] | None = None
    ) -> JsonAnswer:
        """Send a form and read the JSON answer; returns and raises as `get_json` does."""
        self._admit()
        try:
            answer = await self._outgoing.post_form(url, data, headers=headers)
        except OutgoingFailed as error:
            raise self._failed(str(error)) from error
        return self._checked(answer)

    async def post_json(self, url: str, value: JsonObject, *, headers: Mapping[str, str] | None = None) -> JsonAnswer:
        """Send a JSON object and read the JSON answer; returns and raises as `get_json` does."""
        self._admit()
        try:
            answer = await self._outgoing.post_json(url, value, headers=headers)
        except OutgoingFailed as error:
            raise self._failed(str(error)) from error
        return self._checked(answer)

    def _admit(self) -> None:
        if not self._breaker.admits():
            raise ProviderFailed(self.third_party_id, "failed several times in a row; it is asked again within 30 s")

    def _checked(self, answer: JsonAnswer) -> JsonAnswer:
        if answer.status >= 500:
            raise self._failed(f"answered {answer.status}")
        self._breaker.succeeded()
        return answer

    def _failed(self, problem: str) -> ProviderFailed:
        self._breaker.failed()
        return ProviderFailed(self.third_party_id, problem)
