"""A client of one route."""

from typing import ClassVar

from benchmarks.contenders.contender import Contender, Operation

NOTHING = "it is a route and nothing else"


class FastApiAlone(Contender):
    """FastAPI without any sign-in."""

    name: ClassVar[str] = "FastAPI alone"
    folder: ClassVar[str] = "fastapi_alone"
    lacks: ClassVar[dict[Operation, str]] = dict.fromkeys(
        ("sign_up", "sign_in", "verify", "refresh", "sign_out", "visit"), NOTHING
    )
