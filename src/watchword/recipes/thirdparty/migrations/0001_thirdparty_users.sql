-- Identities at providers: who may sign in as which user. They go with the login method they belong to.
-- One identity is one user per tenant: this primary key decides a race of two first sign-ins.
create table {thirdparty_users} (
    app_id              text not null,
    tenant_id           text not null,
    third_party_id      text not null,
    third_party_user_id text not null,  -- the provider's id of the person, exact to the last letter's case
    issuer              text not null,  -- who vouched for it; '' for providers without OpenID Connect
    recipe_user_id      text not null,
    primary key (app_id, tenant_id, third_party_id, third_party_user_id),
    foreign key (app_id, recipe_user_id) references {login_methods} (app_id, recipe_user_id) on delete cascade,
    foreign key (app_id, recipe_user_id, tenant_id)
        references {login_method_tenants} (app_id, recipe_user_id, tenant_id) on delete cascade
);
create unique index {thirdparty_users_of_user} on {thirdparty_users} (app_id, recipe_user_id, tenant_id);
