-- People as an operator sees them: in the order in which they joined, found by address or provider, banned, with notes
-- of the application's own, and under the id that other systems know. Times are milliseconds since the epoch.
alter table {users} add column banned_at_ms bigint;
alter table {users} add column banned_until_ms bigint;  -- null: until somebody takes the ban back
alter table {users} add column ban_reason text;         -- null: the sentence that we say by default
create index {users_by_joining} on {users} (app_id, time_joined_ms, user_id {bytewise});

-- When the user joined stands beside each login method as well: a list of those of one recipe is a walk in one index.
alter table {login_methods} add column user_joined_ms bigint not null default 0;
alter table {login_methods} add column email_domain text;  -- what follows the @ of email
update {login_methods}
   set user_joined_ms = (select u.time_joined_ms from {users} u
                          where u.app_id = {login_methods}.app_id and u.user_id = {login_methods}.user_id),
       email_domain = case when email like '%@%'
                           then replace(email, rtrim(email, replace(email, '@', '')), '') end;
create index {login_methods_by_joining} on {login_methods} (app_id, recipe_id, user_joined_ms, user_id {bytewise});
create index {login_methods_by_email} on {login_methods} (app_id, email {bytewise});
create index {login_methods_by_domain} on {login_methods} (app_id, email_domain {bytewise}, email {bytewise});
create index {login_methods_by_third_party}
    on {login_methods} (app_id, third_party_id {bytewise}, third_party_user_id {bytewise});

-- The same for the users of a tenant.
alter table {login_method_tenants} add column user_id text not null default '';
alter table {login_method_tenants} add column recipe_id text not null default '';
alter table {login_method_tenants} add column user_joined_ms bigint not null default 0;
update {login_method_tenants}
   set user_id = (select m.user_id from {login_methods} m
                   where m.app_id = {login_method_tenants}.app_id
                     and m.recipe_user_id = {login_method_tenants}.recipe_user_id),
       recipe_id = (select m.recipe_id from {login_methods} m
                     where m.app_id = {login_method_tenants}.app_id
                       and m.recipe_user_id = {login_method_tenants}.recipe_user_id),
       user_joined_ms = (select m.user_joined_ms from {login_methods} m
                          where m.app_id = {login_method_tenants}.app_id
                            and m.recipe_user_id = {login_method_tenants}.recipe_user_id);
drop index {login_methods_of_tenant};  -- the next one begins with the same columns
create index {login_method_tenants_of_user} on {login_method_tenants} (app_id, user_id);
create index {users_of_tenant_by_joining}
    on {login_method_tenants} (app_id, tenant_id, user_joined_ms, user_id {bytewise});
create index {users_of_tenant_and_recipe_by_joining}
    on {login_method_tenants} (app_id, tenant_id, recipe_id, user_joined_ms, user_id {bytewise});

-- What the application notes about people: any text is a user id, also of those who signed in by other means.
create table {user_metadata} (
    app_id   text not null,
    user_id  text not null,
    metadata text not null,  -- a JSON object
    primary key (app_id, user_id)
);

-- People who are known under an id from elsewhere: that is their user id now, and the one from before still finds them.
create table {user_id_mappings} (
    app_id             text not null,
    former_user_id     text not null,
    user_id            text not null,
    info               text,            -- a note of the application's
    primary key (app_id, former_user_id),
    unique (app_id, user_id),
    foreign key (app_id, user_id) references {users} (app_id, user_id) on delete cascade
);
