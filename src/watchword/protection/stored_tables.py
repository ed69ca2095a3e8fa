"""What the tables of this room hold, whose it is and for how long."""

from watchword.stored_data import StoredTable

STORED_TABLES = (
    StoredTable(
        name="rate_buckets",
        what="How much a network, or a mailbox, has used up of a limit. The key is a hash that only the secret from "
        "the configuration can repeat.",
        until="until the limit is whole again, at most the time it is for: by default an hour",
        columns={"key": "a keyed hash of the limit and the network or mailbox", "full_at_ms": "when it is whole again"},
    ),
    StoredTable(
        name="sign_in_failures",
        what="How often somebody failed to sign in to an account. The key is a hash that only the secret from the "
        "configuration can repeat.",
        until="until the next success or the next new password; else for as many days as there were failures, and when "
        "no password is compared any more, until there is a new one; those of a user until the user is deleted",
        columns={
            "key": "a keyed hash of the account, or of a device at it",
            "failures": "how often in a row",
            "next_ms": "when the next try counts",
            "expires_ms": "when the waits begin anew",
            "in_a_row": "how often since the last success",
            "kept_until_ms": "when that is forgotten",
        },
    ),
    StoredTable(
        name="nodes",
        what="A process that runs on this database.",
        until="until it stops, or some time after it was killed",
        columns={
            "node_id": "random, made at each start",
            "name": "host and process",
            "facts": "version, public ids of the secrets, settings",
            "seen_ms": "when it last said that it lives",
        },
        json=("facts",),
    ),
)
