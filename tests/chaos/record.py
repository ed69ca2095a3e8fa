"""What clients were told, and what must never come out of it."""

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Violation(Enum):
    """What must never happen."""

    LOST = "acknowledged and not there"
    SIGNED_OUT = "honest sessions lost"
    HALF_MADE = "half-made accounts"
    REVIVED = "revoked sessions that live"
    MAIL = "mails lost, or doubled without a fault"
    ANSWER = "answers and log lines that no fault explains"
    STUCK = "did not work again afterwards"


@dataclass(frozen=True, slots=True)
class Broken:
    """One thing that must never happen, and did."""

    what: Violation
    detail: str


@dataclass
class Session:
    """A session as its client knows it.

    Attributes:
        handle: As the access token says.
        refresh_token: What the client keeps.
        access_token: The latest.
        data: Session data whose change was acknowledged.
        payload: Of the payload likewise.
    """

    handle: str
    refresh_token: str = field(repr=False)
    access_token: str = field(repr=False)
    data: dict[str, Any] = field(default_factory=dict[str, Any])
    payload: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass
class Account:
    """Somebody, as far as acknowledged.

    Attributes:
        email: Nobody else's.
        password: The one that works.
        signed_up: Whether there is such an account.
        sessions: Those that live, the latest last.
        ended: Those that were ended.
        unheard: Sessions that may have been made for an answer that never came: nobody holds their tokens.
        resets: How many new passwords were set by a link.
    """

    email: str
    password: str = field(repr=False)
    signed_up: bool = False
    sessions: list[Session] = field(default_factory=list[Session])
    ended: list[Session] = field(default_factory=list[Session])
    unheard: int = 0
    resets: int = 0


@dataclass
class Book:
    """All that was counted and all that was told, of one run.

    Attributes:
        accounts: By e-mail address.
        acknowledged: Operations, by name.
        repeated: Requests that had to be repeated, by why.
        injected: How many faults there were.
        broken: What must never happen, and did.
    """

    accounts: dict[str, Account] = field(default_factory=dict[str, Account])
    acknowledged: Counter[str] = field(default_factory=Counter[str])
    repeated: Counter[str] = field(default_factory=Counter[str])
    injected: int = 0
    broken: list[Broken] = field(default_factory=list[Broken])

    def fail(self, what: Violation, detail: str) -> None:
        """Note a violation."""
        self.broken.append(Broken(what, detail))
