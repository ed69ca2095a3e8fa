"""What the table of this recipe holds, whose it is and for how long."""

from watchword.stored_data import StoredTable

STORED_TABLES = (
    StoredTable(
        name="email_verification_tokens",
        what="A link that was mailed and verifies an address: the present one, or one that is to take its place.",
        until="until it is used, or some time after it expires (a day, by default)",
        person="recipe_user_id",
        columns={
            "tenant_id": "where it works",
            "recipe_user_id": "the login method",
            "email": "the address it was sent to",
            "token_hash": "SHA-256 of the token, which stands in the mail only",
            "expires_at_ms": "when it ends",
            "former_email": "the address whose place it takes; empty where it is the present one",
            "keep_session": "the session that asked for another address",
        },
        secret=("token_hash",),
    ),
)
