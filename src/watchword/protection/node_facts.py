"""What one node says of itself, and what of it does not fit to another: pure comparison."""

import os
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

_STEPS = (
    "a secret is changed in two steps, as the guide says: [old, new] on every node first, and [new, old] "
    "when all run with both"
)


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """A node, as the others see it.

    Attributes:
        name: Host and process, for people.
        version: Of Watchword.
        secrets: Public ids of its secrets, the one that it seals with first.
        settings: What all nodes must agree about, by name, as text.
    """

    name: str
    version: str
    secrets: tuple[str, ...] = field(repr=False)
    settings: Mapping[str, str]

    def as_dict(self) -> dict[str, object]:
        """For the database, without the name, which has a column."""
        return {key: value for key, value in asdict(self).items() if key != "name"}

    @classmethod
    def from_row(cls, name: str, facts: Mapping[str, Any]) -> "NodeFacts":
        """From the database; what a later version does not write any more is empty."""
        return cls(
            name=name,
            version=facts.get("version", "unknown"),
            secrets=tuple(facts.get("secrets", ())),
            settings=facts.get("settings", {}),
        )


def own_name() -> str:
    """How people find this process."""
    return f"{socket.gethostname()}, process {os.getpid()}"


def find_conflict(mine: NodeFacts, other: NodeFacts) -> str | None:
    """Why two nodes would sign each other's people out, or `None`: one seals with a secret that the other lacks."""
    if not other.secrets or not mine.secrets:
        return None
    if mine.secrets[0] not in other.secrets:
        return (
            f"the node {other.name!r} does not have the secret {mine.secrets[0][:8]} that this node seals with, and "
            f"would sign its people out; {_STEPS}"
        )
    if other.secrets[0] not in mine.secrets:
        return (
            f"the node {other.name!r} seals with a secret {other.secrets[0][:8]} that is not in the list of this node, "
            f"which would sign its people out; {_STEPS}"
        )
    return None


def list_differences(mine: NodeFacts, other: NodeFacts) -> list[str]:
    """What differs and may be meant, while an update rolls; a sentence each."""
    found: list[str] = []
    if mine.version != other.version:
        found.append(
            f"the node {other.name!r} runs Watchword {other.version}, this one {mine.version}; that is fine while an "
            "update rolls, and no longer"
        )
    both = [name for name in mine.settings if name in other.settings]  # one version may not have it yet
    return found + [
        f"the node {other.name!r} has {name}={other.settings[name]}, this one {mine.settings[name]}; give all the same"
        for name in both
        if mine.settings[name] != other.settings[name]
    ]
