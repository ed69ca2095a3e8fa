"""What the table of this recipe holds, whose it is and for how long."""

from watchword.stored_data import StoredTable

STORED_TABLES = (
    StoredTable(
        name="thirdparty_users",
        what="The identity at a provider with which a person signs in to a tenant. No token of a provider is stored.",
        until="until the user is deleted",
        person="recipe_user_id",
        columns={
            "tenant_id": "the tenant",
            "third_party_id": "the provider",
            "third_party_user_id": "the person's id there",
            "issuer": "who vouched for it",
            "recipe_user_id": "the login method",
        },
    ),
    StoredTable(
        name="tenant_providers",
        what="A provider with which people sign in to one tenant alone.",
        until="until it or its tenant is removed",
        columns={
            "tenant_id": "the tenant",
            "third_party_id": "the provider",
            "sealed_config": "its settings and the client's secret, encrypted with the secret from the configuration",
            "created_at_ms": "when it was added",
        },
        secret=("sealed_config",),
    ),
)
