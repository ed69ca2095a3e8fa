"""What a person does at the moment when a node is killed."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.chaos.company import OF_AGE_MS
from tests.chaos.node import ROTATION_MS
from tests.chaos.person import Person

Step = Callable[[Person, Callable[[int], None]], Awaitable[None]]
"""Something a person does; the function lets time pass, in milliseconds."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that must happen fully or not at all.

    Attributes:
        prepare: Before each try, on a healthy node.
        act: What is interrupted; its first request meets the killed node, whatever is repeated another one.
    """

    name: str
    prepare: Step
    act: Step


async def _signed_in(person: Person, _: Callable[[int], None]) -> None:
    if not person.account.signed_up:
        await person.sign_up()
    elif not person.account.sessions:
        await person.sign_in()


async def _of_age_again(person: Person, advance: Callable[[int], None]) -> None:
    """The first token of a session, of age: it brings a child, and nothing is written."""
    await person.sign_in() if person.account.signed_up else await person.sign_up()
    advance(OF_AGE_MS)


async def _of_age_for_promotion(person: Person, advance: Callable[[int], None]) -> None:
    """A child, of age: it is promoted."""
    await _signed_in(person, advance)
    advance(OF_AGE_MS)
    await person.refresh()
    advance(OF_AGE_MS)


async def _two_sessions(person: Person, advance: Callable[[int], None]) -> None:
    await _signed_in(person, advance)
    await person.sign_in()


async def _has_a_link(person: Person, advance: Callable[[int], None]) -> None:
    await _signed_in(person, advance)
    await person.ask_for_link()
    await person.receive_link()


async def _a_key_is_due(person: Person, advance: Callable[[int], None]) -> None:
    await _signed_in(person, advance)
    advance(ROTATION_MS)


async def _ask_and_receive(person: Person, _: Callable[[int], None]) -> None:
    await person.ask_for_link()
    await person.receive_link()


async def _nothing(person: Person, _: Callable[[int], None]) -> None:
    """There is nothing to prepare."""


OPERATIONS = (
    Operation("sign-up", _nothing, lambda person, _: person.sign_up()),
    Operation("sign-in", _signed_in, lambda person, _: person.sign_in()),
    Operation("refresh, young", _signed_in, lambda person, _: person.refresh()),
    Operation("refresh, again", _of_age_again, lambda person, _: person.refresh()),
    Operation("refresh, promotion", _of_age_for_promotion, lambda person, _: person.refresh()),
    Operation("sign-out", _signed_in, lambda person, _: person.sign_out()),
    Operation("sign-out everywhere", _two_sessions, lambda person, _: person.sign_out_everywhere()),
    Operation("session data", _signed_in, lambda person, _: person.change_data()),
    Operation("payload", _signed_in, lambda person, _: person.change_payload()),
    Operation("link for a new password", _signed_in, _ask_and_receive),
    Operation("password reset", _has_a_link, lambda person, _: person.use_new_link()),
    Operation("key rotation", _a_key_is_due, lambda person, _: person.fetch_keys()),
)
