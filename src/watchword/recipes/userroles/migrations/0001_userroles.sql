-- Roles of an app with their permissions, and who has which role in which tenant.
create table {roles} (
    app_id text not null,
    role   text not null,
    primary key (app_id, role)
);

create table {role_permissions} (
    app_id     text not null,
    role       text not null,
    permission text not null,
    primary key (app_id, role, permission),
    foreign key (app_id, role) references {roles} (app_id, role) on delete cascade
);
create index {roles_by_permission} on {role_permissions} (app_id, permission, role);

-- A user id is any text here: people who sign in by other means than our recipes have roles, too.
create table {user_roles} (
    app_id    text not null,
    tenant_id text not null,
    user_id   text not null,
    role      text not null,
    primary key (app_id, tenant_id, user_id, role),
    foreign key (app_id, role) references {roles} (app_id, role) on delete cascade,
    foreign key (app_id, tenant_id) references {tenants} (app_id, tenant_id) on delete cascade
);
create index {users_by_role} on {user_roles} (app_id, role, tenant_id, user_id);
create index {roles_of_user} on {user_roles} (app_id, user_id);
