"""What the tables of this room hold, whose it is and for how long."""

from watchword.stored_data import StoredTable

UNTIL_DELETED = "until the user is deleted"

STORED_TABLES = (
    StoredTable(
        name="tenants",
        what="One tenant of the application.",
        until="until it is removed",
        columns={
            "tenant_id": "its name",
            "first_factors": "the ways to sign in that it offers, as a JSON list; all when empty",
        },
    ),
    StoredTable(
        name="users",
        what="One person who has an account.",
        until=UNTIL_DELETED,
        person="user_id",
        columns={
            "user_id": "random, or the id from elsewhere",
            "time_joined_ms": "when the account was made",
            "banned_at_ms": "since when the person is banned",
            "banned_until_ms": "until when",
            "ban_reason": "the sentence that the person is told",
        },
    ),
    StoredTable(
        name="login_methods",
        what="One way in which a person signs in.",
        until=UNTIL_DELETED,
        person="user_id",
        columns={
            "recipe_user_id": "the login method's own id",
            "user_id": "whose it is",
            "recipe_id": "the kind: a password, a provider",
            "email": "the e-mail address, in normal form",
            "email_domain": "its part behind the @, for searching",
            "third_party_id": "the provider",
            "third_party_user_id": "the person's id there",
            "verified": "whether the address is known to be the person's",
            "time_joined_ms": "when this way was added",
            "user_joined_ms": "when the account was made, for lists",
        },
    ),
    StoredTable(
        name="login_method_tenants",
        what="A tenant in which a login method may be used.",
        until=UNTIL_DELETED,
        person="user_id",
        columns={
            "recipe_user_id": "the login method",
            "tenant_id": "the tenant",
            "user_id": "whose it is, for lists",
            "recipe_id": "the kind, for lists",
            "user_joined_ms": "when the account was made, for lists",
        },
    ),
    StoredTable(
        name="user_metadata",
        what="What the application notes about a person.",
        until="until the application clears it or deletes the person",
        person="user_id",
        columns={"user_id": "the person", "metadata": "whatever the application puts there"},
        json=("metadata",),
        of_application=True,
    ),
    StoredTable(
        name="user_id_mappings",
        what="The id under which a person was known before an id from elsewhere took its place.",
        until=UNTIL_DELETED + " or the mapping is taken back",
        person="user_id",
        columns={
            "former_user_id": "the id from before",
            "user_id": "the id now",
            "info": "a note of the application's",
        },
    ),
)
