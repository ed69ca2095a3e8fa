"""What the tables of this room hold, whose it is and for how long."""

from watchword.stored_data import StoredTable

STORED_TABLES = (
    StoredTable(
        name="mail_outbox",
        what="A mail or text message that waits to be sent, or was given up.",
        until="until it is sent; one that was given up thirty days, without address and content",
        person="user_id",
        columns={
            "mail_id": "random",
            "channel": "whether it is a mail or a text message",
            "kind": "what it is about",
            "tenant_id": "where the person signs in",
            "user_id": "to whom it goes",
            "sealed_mail": "address, language and links, encrypted with the secret from the configuration",
            "attempts": "how often it was tried",
            "created_at_ms": "when it was written",
            "due_at_ms": "when it is tried next",
            "dead_at_ms": "when it was given up",
            "dead_reason": "why",
        },
        secret=("sealed_mail",),
    ),
)
