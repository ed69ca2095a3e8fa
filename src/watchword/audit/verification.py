"""Whether the log is whole: every mark is checked again, from the oldest event that is kept to the end of the chain.

What it proves, and what not, stands in `docs/audit.md`.
"""

# ruff: noqa: S608 - every part of a statement is a constant of this package

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from watchword.audit.marks import ChainKey
from watchword.audit.rows import EVENT_COLUMNS, hash_of_personal, mark_of
from watchword.database.database import Database, Row
from watchword.database.statements import Statement
from watchword.errors import BadInput

_PAGE_SIZE = 1_000
_MOST_PROBLEMS = 20
_BEHIND_ALL = "g"  # ids are hexadecimal


@dataclass(frozen=True, slots=True)
class Anchor:
    """An end of the chain, as it was: kept elsewhere, it shows later whether anything up to there is gone.

    As text it is `chain:seq:link`, with the link in hexadecimal; nothing in it is secret.
    """

    chain_id: str
    seq: int
    link: bytes

    def __str__(self) -> str:
        return f"{self.chain_id}:{self.seq}:{self.link.hex()}"

    @classmethod
    def parse(cls, text: str) -> "Anchor":
        """The anchor of a text. Raises `BadInput`."""
        try:
            chain_id, seq, link = text.strip().split(":")
            return cls(chain_id, int(seq), bytes.fromhex(link))
        except ValueError:
            raise BadInput("anchor", f"{text[:100]!r} is no anchor; write one that was printed or logged") from None


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it was recorded.

    Attributes:
        seq: The place in the chain; `None` outside of it.
        event_id: The event, where there is one.
        what: In words.
    """

    seq: int | None
    event_id: str | None
    what: str

    def __str__(self) -> str:
        place = "an event without a place" if self.seq is None else f"event {self.seq}"
        return f"{place}{'' if self.event_id is None else f' (id {self.event_id})'}: {self.what}"


@dataclass(slots=True, kw_only=True)
class Verification:
    """What a check of the log found.

    Attributes:
        anchor: The end of the chain now; worth keeping elsewhere.
        removed_seq: Events up to this one were removed by age.
        checked: How many events in the chain were checked.
        erased: From how many of them a person was taken out.
        waiting: How many have no place yet; their own marks were checked.
        anchor_is_removed: Whether the anchor was before what is kept, so that nothing can be said of it.
        problems: The first of what is not as it was recorded, in the order of the chain; empty when it is whole.
    """

    anchor: Anchor
    removed_seq: int
    checked: int = 0
    erased: int = 0
    waiting: int = 0
    anchor_is_removed: bool = False
    problems: list[Problem] = field(default_factory=list[Problem])

    @property
    def is_whole(self) -> bool:
        """Whether everything is as it was recorded."""
        return not self.problems

    def add(self, seq: int | None, event_id: str | None, what: str) -> None:
        """Take up a problem, while there are few."""
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(Problem(seq, event_id, what))


async def verify_log(
    db: Database, app_id: str, key: ChainKey, *, anchor: Anchor | None = None, show: Callable[[int], None] | None = None
) -> Verification:
    """Check the log; it may grow, and be shortened by age, meanwhile.

    Args:
        db: Where it is.
        app_id: Whose it is.
        key: Of the chain.
        anchor: An end that the chain had before.
        show: Called with the number of events of each page.
    Raises:
        StorageUnavailable: The database does not answer.
    """
    while True:
        before = await _get_chain(db, app_id)
        found = await _Check(db, app_id, key, before, anchor).run(show or (lambda _: None))
        after = await _get_chain(db, app_id)
        if after["removed_seq"] == before["removed_seq"]:  # else what was missing may have been removed by age
            return found


class _Check:
    """One walk along the chain."""

    def __init__(self, db: Database, app_id: str, key: ChainKey, chain: Row, anchor: Anchor | None) -> None:
        self._db = db
        self._app_id = app_id
        self._key = key
        self._chain = chain
        self._anchor = anchor
        self._seq: int = chain["removed_seq"]
        self._link = bytes(chain["removed_link"])
        end = Anchor(chain["chain_id"], chain["seq"], bytes(chain["link"]))
        self._found = Verification(anchor=end, removed_seq=self._seq)

    async def run(self, show: Callable[[int], None]) -> Verification:
        """Walk, and tell what was found."""
        self._check_beginning()
        after: dict[str, Any] = {"after_seq": self._seq, "after_id": _BEHIND_ALL}
        names = {"app_id": self._app_id, "end_seq": self._chain["seq"], "at_most": _PAGE_SIZE}
        while rows := await self._db.list(LIST_CHAINED, **names, **after):
            for row in rows:
                self._check_next(row)
            show(len(rows))
            after = {"after_seq": rows[-1]["seq"], "after_id": rows[-1]["event_id"]}
        self._check_end()
        await self._check_outside()
        return self._found

    def _check_beginning(self) -> None:
        chain, key = self._chain, self._key
        seq, link = chain["removed_seq"], bytes(chain["removed_link"])
        if chain["chain_id"] != key.chain_id:
            self._found.add(0, None, "another chain stands in the place of the one that was expected")
        elif not key.holds(chain["removed_mac"], key.removed(seq, link)):
            self._found.add(seq, None, f"not we removed the events up to {seq}, or the mark of it was changed")
        elif seq == 0 and link != key.origin():
            self._found.add(0, None, "the beginning of the chain was changed")
        self._check_anchor(seq, link)

    def _check_next(self, row: Row) -> None:
        seq, event_id, link = row["seq"], row["event_id"], bytes(row["link"] or b"")
        if seq == self._seq:
            self._found.add(seq, event_id, "a second event at the same place: one of them was inserted")
            return
        expected = self._link
        if seq > self._seq + 1:
            missing = str(self._seq + 1) if seq == self._seq + 2 else f"{self._seq + 1} to {seq - 1}"
            self._found.add(self._seq + 1, None, f"missing: {missing}")
            expected = None
        self._seq, self._link = seq, link
        self._found.checked += 1
        if not self._is_own(row, seq):
            return
        made = None if expected is None else self._key.link(expected, seq, row["chained_at_ms"], bytes(row["mac"]))
        if made is not None and link != made:
            self._found.add(seq, event_id, "not in its place: it was moved, or what stood before it was exchanged")
        self._check_anchor(seq, link)

    def _is_own(self, row: Row, seq: int | None) -> bool:
        """Whether we recorded the event so; takes up the problem if not."""
        key, event_id = self._key, row["event_id"]
        if not key.holds(row["mac"], mark_of(key, self._app_id, row)):
            self._found.add(seq, event_id, "changed, or inserted by somebody else")
            return False
        if row["salt"] is None:
            emptied = row["user_id"] is None and row["address"] is None and row["reason"] is None
            if not emptied or not key.holds(row["erased_mac"], key.erased(event_id, bytes(row["personal_hash"]))):
                self._found.add(seq, event_id, "not we took the person out of it")
                return False
            self._found.erased += 1
        elif bytes(row["personal_hash"]) != hash_of_personal(row):
            self._found.add(seq, event_id, "its user id, address or reason was changed")
            return False
        return True

    def _check_end(self) -> None:
        seq, link = self._chain["seq"], bytes(self._chain["link"])
        if self._seq < seq:
            missing = str(seq) if self._seq + 1 == seq else f"{self._seq + 1} to {seq}"
            self._found.add(self._seq + 1, None, f"missing: {missing}, the end of the log")
        elif link != self._link and self._found.is_whole:
            self._found.add(seq, None, "the end of the chain was changed")
        if not self._key.holds(self._chain["head_mac"], self._key.head(seq, link)):
            self._found.add(seq, None, "the mark at the end of the chain is not ours: the end was set back or changed")
        anchor = self._anchor
        if anchor is not None and anchor.seq > seq:
            self._found.add(anchor.seq, None, f"the chain ends at {seq}, before the anchor: its end was cut off")

    def _check_anchor(self, seq: int, link: bytes) -> None:
        anchor = self._anchor
        if anchor is None:
            return
        if anchor.chain_id != self._chain["chain_id"]:
            self._found.add(0, None, f"the anchor is of chain {anchor.chain_id}, and this is another")
            self._anchor = None
        elif anchor.seq < seq and seq == self._chain["removed_seq"]:
            self._found.anchor_is_removed = True
        elif anchor.seq == seq and anchor.link != link:
            self._found.add(seq, None, "not what it was when the anchor was taken")

    async def _check_outside(self) -> None:
        """What has a place that the chain does not have, and what has none yet."""
        names = {"app_id": self._app_id, "removed_seq": self._chain["removed_seq"], "at_most": _MOST_PROBLEMS}
        for row in await self._db.list(LIST_BEFORE_BEGINNING, **names):
            self._found.add(row["seq"], row["event_id"], "was removed by age, or never was, and stands there again")
        after_id = ""
        while rows := await self._db.list(LIST_WAITING, app_id=self._app_id, after_id=after_id, at_most=_PAGE_SIZE):
            for row in rows:
                self._found.waiting += 1
                self._is_own(row, None)
            after_id = rows[-1]["event_id"]
        for row in await self._db.list(LIST_BEHIND_END, app_id=self._app_id, at_most=_MOST_PROBLEMS):
            self._found.add(row["seq"], row["event_id"], "behind the end: it was inserted, or the end was set back")


async def get_anchor(db: Database, app_id: str) -> Anchor:
    """The end of the chain now. Raises `BadInput` where there is no log."""
    chain = await _get_chain(db, app_id)
    return Anchor(chain["chain_id"], chain["seq"], bytes(chain["link"]))


async def _get_chain(db: Database, app_id: str) -> Row:
    row = await db.find(FIND_CHAIN, app_id=app_id)
    if row is None:
        raise BadInput("database", "there is no audit log in this database, or its chain was deleted")
    return row


_ALL_COLUMNS = f"{EVENT_COLUMNS}, salt, personal_hash, mac, chained_at_ms, link"

FIND_CHAIN = Statement("""
    select chain_id, seq, link, head_mac, removed_seq, removed_link, removed_mac
      from {audit_chains} where app_id = :app_id
""")

# Put together from constants, once.
LIST_CHAINED = Statement(
    f"select {_ALL_COLUMNS} from {{audit_events}}"
    " where app_id = :app_id and (seq, event_id) > (:after_seq, :after_id) and seq <= :end_seq"
    " order by seq, event_id limit :at_most"
)

LIST_WAITING = Statement(
    f"select {_ALL_COLUMNS} from {{audit_events}}"
    " where app_id = :app_id and seq is null and event_id > :after_id order by event_id limit :at_most"
)

LIST_BEFORE_BEGINNING = Statement("""
    select seq, event_id from {audit_events} where app_id = :app_id and seq <= :removed_seq order by seq limit :at_most
""")

# In one statement: the chain may be longer by now.
LIST_BEHIND_END = Statement("""
    select seq, event_id from {audit_events}
     where app_id = :app_id and seq > (select seq from {audit_chains} where app_id = :app_id)
     order by seq
     limit :at_most
""")
