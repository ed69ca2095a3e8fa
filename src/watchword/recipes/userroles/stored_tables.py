"""What the tables of this recipe hold, whose it is and for how long."""

from watchword.stored_data import StoredTable

STORED_TABLES = (
    StoredTable(
        name="roles",
        what="A role of the application.",
        until="until it is removed",
        columns={"role": "its name"},
    ),
    StoredTable(
        name="role_permissions",
        what="A permission in a role.",
        until="until it is removed",
        columns={"role": "the role", "permission": "the permission"},
    ),
    StoredTable(
        name="user_roles",
        what="A role that a person has in a tenant.",
        until="until it is taken away or the user is deleted",
        person="user_id",
        columns={"tenant_id": "the tenant", "user_id": "the person", "role": "the role"},
        of_application=True,
    ),
)
