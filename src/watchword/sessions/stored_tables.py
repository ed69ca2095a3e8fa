"""What the tables of this room hold, whose it is and for how long."""

from watchword.stored_data import StoredTable

STORED_TABLES = (
    StoredTable(
        name="sessions",
        what="One session of a person on one device.",
        until=(
            "until sign-out or revocation; when it runs out (100 days after its last use, a year after its start, by "
            "default), a day longer"
        ),
        person="user_id",
        columns={
            "tenant_id": "where the person signed in",
            "handle": "the session's name, random",
            "user_id": "whose it is",
            "recipe_user_id": "the login method that was used",
            "cur_hash": "SHA-256 of the refresh token that was proved last",
            "cur_gen": "its generation",
            "prev_hash": "SHA-256 of the one before",
            "confirmed_at_ms": "its last use that was written down",
            "rotated_at_ms": "when the refresh token was last replaced",
            "created_at_ms": "when it started",
            "expires_at_ms": "when it ends unless it is used",
            "ends_at_ms": "when it ends in any case",
            "jwt_payload": "what the application puts into the access token",
            "payload_version": "counts the changes of that",
            "session_data": "what the application keeps on the server",
            "device": "browser and system at its start, in a few words such as 'Firefox on Windows'",
            "network_address": "the IP address at its start",
        },
        secret=("cur_hash", "prev_hash"),
        json=("jwt_payload", "session_data"),
        of_application=True,
        by_its_room=True,
    ),
    StoredTable(
        name="signing_keys",
        what="A key that signs access tokens.",
        until="while tokens signed with it may live",
        columns={
            "kid": "its name",
            "kind": "dynamic or static",
            "algorithm": "what it signs with",
            "slot": "its number",
            "sealed_private_key": "encrypted with the secret from the configuration",
            "public_jwk": "the public half",
            "created_at_ms": "when it was made",
            "signs_from_ms": "when it begins to sign",
            "token_validity_ms": "how long its tokens live at most",
        },
        secret=("sealed_private_key",),
    ),
    StoredTable(
        name="revoked_handles",
        what="The random name of a session that was ended, so that no process believes its access tokens. Nothing "
        "here says whose it was.",
        until="for the life of an access token, some minutes more",
        columns={"revoked_at_ms": "when", "handle": "the session's name"},
    ),
    StoredTable(
        name="leases",
        what="Which process does a piece of work that only one does at a time.",
        until="until the next takes its place",
        columns={
            "name": "the work",
            "holder": "a random name of the process",
            "until_ms": "until when",
        },
    ),
)
