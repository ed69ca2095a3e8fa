"""Injected randomness: the ids of users (122 random bits, a UUID) and of sessions (128). Source: security EN-7."""

import secrets
import uuid
from typing import Protocol


class Ids(Protocol):
    """Makes ids. Give `Watchword(ids=…)` your own object for user ids in a format of your own."""

    def user_id(self) -> str:
        """A new user id; unique, hard to guess, at most 128 characters."""
        ...

    def session_handle(self) -> str:
        """A new session handle; unique and hard to guess."""
        ...


class RandomIds:
    """The default: UUID version 4 for users, 128 random bits in URL-safe text for session handles."""

    def user_id(self) -> str:
        """A UUID version 4 in its usual spelling."""
        return str(uuid.uuid4())

    def session_handle(self) -> str:
        """22 URL-safe characters holding 128 random bits."""
        return secrets.token_urlsafe(16)
