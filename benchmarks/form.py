"""How much is measured: the full form and the short one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Form:
    """Sizes of a run.

    Attributes:
        name: As the page says it.
        rounds: Each measures everything once, in turns; one more, the first, warms up and does not count.
        people: Sign-ups, sign-ins and sign-outs of one contender in one round.
        requests: Requests of the bare and of the protected route.
        refreshes: Refreshes.
        visits: Visits of a person, see `Contender.visit`.
        busy_seconds: How long sign-ins keep the processors busy while others ask for their p99.
        calls: Calls of a function inside a process in one round.
        sizes: Sessions and users, few and many.
        memory_requests: Requests over which memory should stay flat.
    """

    name: str
    rounds: int
    people: int
    requests: int
    refreshes: int
    visits: int
    busy_seconds: float
    calls: int
    sizes: tuple[int, int]
    memory_requests: int


FULL = Form(
    name="full",
    rounds=15,
    people=32,
    requests=800,
    refreshes=160,
    visits=8,
    busy_seconds=15,
    calls=400,
    sizes=(1_000, 1_000_000),
    memory_requests=1_000_000,
)
SHORT = Form(
    name="short",
    rounds=5,
    people=16,
    requests=320,
    refreshes=64,
    visits=2,
    busy_seconds=4,
    calls=200,
    sizes=(1_000, 1_000_000),
    memory_requests=100_000,
)
