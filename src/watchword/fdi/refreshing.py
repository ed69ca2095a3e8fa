"""Trying several refresh tokens of one request in turn. Source: security CK-4.

There is more than one only when cookies of one name lie on several domains: left by an old setting, or planted
by a page of a neighbour. What a planted one is refused for must not sign out whom the other belongs to, theft
included: that ends its own session.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from watchword.errors import WatchwordError
from watchword.recipes.api import ApiRequest
from watchword.recipes.session.recipe import Session
from watchword.sessions.errors import TokenTheftDetected, TryAgain, Unauthorised

log = logging.getLogger(__name__)

Refreshed = TypeVar("Refreshed")

#: Which refusal to answer with when all were refused: the one that takes least from the client.
_GENTLEST_FIRST = (TryAgain, TokenTheftDetected, Unauthorised)


async def first_that_refreshes(
    calls: Sequence[ApiRequest], refresh: Callable[[ApiRequest], Awaitable[Refreshed]], recipe: Session
) -> Refreshed:
    """The result for the first call that is not refused.

    Args:
        calls: At least one; each with a refresh token of the request.
        refresh: The API or the function that refreshes.
        recipe: Hears of every theft, also of one that is not the answer.
    Raises:
        TryAgain: All were refused, one of them for a moment only.
        TokenTheftDetected: All were refused, and one was stolen.
        Unauthorised: All were refused.
    """
    refusals: list[WatchwordError] = []
    for call in calls:
        try:
            refreshed = await refresh(call)
        except _GENTLEST_FIRST as error:
            refusals.append(error)
            continue
        await _tell_of_theft(refusals, call, recipe)
        return refreshed
    gentlest = next(error for kind in _GENTLEST_FIRST for error in refusals if isinstance(error, kind))
    await _tell_of_theft([error for error in refusals if error is not gentlest], calls[0], recipe)
    raise gentlest


async def _tell_of_theft(refusals: Sequence[WatchwordError], call: ApiRequest, recipe: Session) -> None:
    for error in refusals:
        if isinstance(error, TokenTheftDetected):
            try:
                await recipe.on_token_theft_detected(error, call.http)
            except Exception:  # the application's mistake; the answer is about another session
                log.exception("on_token_theft_detected failed")
