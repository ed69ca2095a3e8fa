-- Passwords, and the addresses that find them. Both go with the login method they belong to.
create table {emailpassword_users} (
    app_id         text not null,
    recipe_user_id text not null,
    password_hash  text not null,  -- PHC string: algorithm and parameters stand in it
    primary key (app_id, recipe_user_id),
    foreign key (app_id, recipe_user_id) references {login_methods} (app_id, recipe_user_id) on delete cascade
);

-- One password user per address and tenant: this primary key decides a race of two sign-ups.
create table {emailpassword_emails} (
    app_id         text not null,
    tenant_id      text not null,
    email          text not null,  -- in normal form
    recipe_user_id text not null,
    primary key (app_id, tenant_id, email),
    foreign key (app_id, recipe_user_id) references {emailpassword_users} (app_id, recipe_user_id) on delete cascade,
    foreign key (app_id, recipe_user_id, tenant_id)
        references {login_method_tenants} (app_id, recipe_user_id, tenant_id) on delete cascade
);
create unique index {emailpassword_emails_of_user}
    on {emailpassword_emails} (app_id, recipe_user_id, tenant_id);
