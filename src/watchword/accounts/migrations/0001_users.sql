-- Tenants, users, and the ways each user can sign in. Times are milliseconds since the epoch.
create table {tenants} (
    app_id    text not null,
    tenant_id text not null,
    primary key (app_id, tenant_id)
);

create table {users} (
    app_id         text   not null,
    user_id        text   not null,
    time_joined_ms bigint not null,
    primary key (app_id, user_id)
);

create table {login_methods} (
    app_id              text     not null,
    recipe_user_id      text     not null,  -- equal to user_id until accounts are linked
    user_id             text     not null,
    recipe_id           text     not null,  -- 'emailpassword' or 'thirdparty': whose tables hold the secret part
    email               text,               -- in normal form; not unique here, each recipe states its own rule
    third_party_id      text,
    third_party_user_id text,
    verified            smallint not null default 0 check (verified in (0, 1)),
    time_joined_ms      bigint   not null,
    primary key (app_id, recipe_user_id),
    foreign key (app_id, user_id) references {users} (app_id, user_id) on delete cascade,
    check ((third_party_id is null) = (third_party_user_id is null))
);
create index {login_methods_of_user} on {login_methods} (app_id, user_id);

-- Where a login method may be used. One person can be shared between tenants without a second password.
create table {login_method_tenants} (
    app_id         text not null,
    recipe_user_id text not null,
    tenant_id      text not null,
    primary key (app_id, recipe_user_id, tenant_id),
    foreign key (app_id, recipe_user_id) references {login_methods} (app_id, recipe_user_id) on delete cascade,
    foreign key (app_id, tenant_id) references {tenants} (app_id, tenant_id) on delete cascade
);
create index {login_methods_of_tenant} on {login_method_tenants} (app_id, tenant_id);
