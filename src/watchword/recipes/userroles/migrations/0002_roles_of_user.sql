-- With all its columns in this index SQLite finds the roles of one person here, and does not read those of all elsewhere.
drop index {roles_of_user};
create index {roles_of_user} on {user_roles} (app_id, user_id, tenant_id, role);
