"""What the tables of this recipe hold, whose it is and for how long."""

from watchword.stored_data import StoredTable

STORED_TABLES = (
    StoredTable(
        name="emailpassword_users",
        what="The password of a person.",
        until="until it is changed or the user is deleted",
        person="recipe_user_id",
        columns={
            "recipe_user_id": "the login method",
            "password_hash": "the password as a slow, salted hash (Argon2id)",
        },
        secret=("password_hash",),
    ),
    StoredTable(
        name="emailpassword_emails",
        what="The address with which a person signs in to a tenant.",
        until="until it is changed or the user is deleted",
        person="recipe_user_id",
        columns={
            "tenant_id": "the tenant",
            "email": "the e-mail address, in normal form",
            "recipe_user_id": "the login method",
        },
    ),
    StoredTable(
        name="password_reset_tokens",
        what="A link that sets a new password and was mailed.",
        until="until it is used, or some time after it expires (an hour, by default)",
        person="user_id",
        columns={
            "tenant_id": "where it works",
            "user_id": "whose password",
            "recipe_user_id": "the login method",
            "email": "the address it was sent to",
            "token_hash": "SHA-256 of the token, which stands in the mail only",
            "expires_at_ms": "when it ends",
        },
        secret=("token_hash",),
    ),
)
