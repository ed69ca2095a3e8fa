"""What all that waits to be sent has in common, on whichever channel it goes."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message to one person, before rendering.

    Attributes:
        kind: Names the phrases, for example `password_reset`.
        to: Where it goes; each channel says in which form.
        user_id: Whose account it is about; the message goes when the user is deleted.
        tenant_id: The tenant it is sent in.
        values: For the phrases; each channel says what the shipped kinds need.
        language: As in `de` or `pt-BR`; English where there are no phrases in it.
        id: Unique; the same at every attempt, so that whoever carries it can tell a repetition.
    """

    kind: str
    to: str = field(repr=False)
    user_id: str
    tenant_id: str
    values: Mapping[str, str] = field(repr=False)
    language: str = "en"
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
