"""Tells an orchestrator whether to restart this process, and a load balancer whether to send it requests."""

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from watchword.recipes.api import Answer, ApiRequest, Route
from watchword.recipes.recipe import Recipe

FindProblems = Callable[[], Awaitable[Sequence[str]]]


class Health(Recipe):
    """Three APIs that are there without being listed; list it to override one, or to disable them by name.

    With the root as `api_base_path` it must be listed: the application may have paths of these names.

    `GET /health/live` answers while the event loop turns: nothing that a restart would not cure makes it fail.
    `GET /health/ready` says whether requests would be served now; `GET /health` is the same.
    """

    recipe_ids: ClassVar[tuple[str, ...]] = ("health",)

    def __init__(self, *, disabled_apis: Sequence[str] = ()) -> None:
        super().__init__(disabled_apis=disabled_apis)
        self._find_problems: FindProblems | None = None

    def ask(self, find_problems: FindProblems) -> None:
        """Called once by `Watchword`: whom to ask what is wrong."""
        self._find_problems = find_problems

    def routes(self) -> Sequence[Route]:
        """The APIs; no session, no tenant."""
        return tuple(
            Route(
                recipe_id="health",
                name=name,
                method="GET",
                path=path,
                handler=handler,
                tenant=False,
                changes_state=False,
            )
            for name, path, handler in (
                ("health_live_get", "/health/live", self.health_live_get),
                ("health_ready_get", "/health/ready", self.health_ready_get),
                ("health_get", "/health", self.health_get),
            )
        )

    async def health_live_get(self, api: ApiRequest) -> Answer:  # noqa: ARG002 - for overrides
        """`GET /health/live`: always OK; a process that cannot answer is the one to restart."""
        return Answer(body={"status": "OK"})

    async def health_ready_get(self, api: ApiRequest) -> Answer:  # noqa: ARG002 - for overrides
        """`GET /health/ready`: OK, or 503 with the names of what failed, which say nothing of the inside."""
        problems = [] if self._find_problems is None else list(await self._find_problems())
        if problems:
            return Answer(body={"status": "NOT_READY", "failed": problems}, status=503)
        return Answer(body={"status": "OK"})

    async def health_get(self, api: ApiRequest) -> Answer:
        """`GET /health`: the same as `/health/ready`."""
        return await self.health_ready_get(api)
