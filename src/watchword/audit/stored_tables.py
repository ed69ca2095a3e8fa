"""What the tables of this room hold, whose it is and for how long."""

from watchword.stored_data import StoredTable

STORED_TABLES = (
    StoredTable(
        name="audit_events",
        what="One security event. Deleting a user leaves it; erasing a person empties what is about them.",
        until="until it is older than the audit log's setting says",
        person="user_id",
        columns={
            "event_id": "random, after the time",
            "kind": "what happened",
            "at_ms": "when",
            "tenant_id": "where",
            "handle": "the session's random name",
            "facts": "numbers and short words, nothing about a person",
            "user_id": "whom it concerns; empty once erased",
            "address": "the IP address that caused it, as the setting says; empty once erased",
            "reason": "words of an operator; empty once erased",
            "salt": "random, of the hash of the three before",
            "personal_hash": "that hash",
            "mac": "proof that the row is as it was written",
            "erased_mac": "proof that we erased it",
            "seq": "its place in the chain",
            "chained_at_ms": "when it got it",
            "link": "holds it to the event before",
        },
        secret=("salt", "personal_hash", "mac", "erased_mac", "link"),
        json=("facts",),
        by_its_room=True,
    ),
    StoredTable(
        name="audit_chains",
        what="Both ends of the chain of events.",
        until="as long as there is one; it changes as the chain grows",
        columns={
            "chain_id": "its name",
            "sealed_key": "encrypted with the secret from the configuration",
            "seq": "the last event's place",
            "link": "the last event's link",
            "head_mac": "proof of both",
            "removed_seq": "the place of the last event that was removed by age",
            "removed_link": "its link",
            "removed_mac": "proof of both",
            "holder": "which process makes it longer",
            "until_ms": "until when",
            "told_seq": "the last event that the application was told of",
            "teller": "which process tells it",
            "teller_until_ms": "until when",
        },
        secret=("sealed_key",),
    ),
)
