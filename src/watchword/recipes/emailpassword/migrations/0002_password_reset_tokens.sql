-- Password reset tokens. Times are milliseconds since the epoch. The token itself exists only in the mail.
create table {password_reset_tokens} (
    app_id         text    not null,
    tenant_id      text    not null,
    user_id        text    not null,
    recipe_user_id text    not null,
    email          text    not null,  -- the address it was sent to; a changed address voids it
    token_hash     {bytes} not null check (length(token_hash) = 32),  -- SHA-256
    expires_at_ms  bigint  not null,
    primary key (app_id, tenant_id, token_hash),
    foreign key (app_id, user_id) references {users} (app_id, user_id) on delete cascade,
    foreign key (app_id, recipe_user_id) references {emailpassword_users} (app_id, recipe_user_id) on delete cascade
);
create index {password_reset_tokens_of_user} on {password_reset_tokens} (app_id, user_id);
create index {password_reset_tokens_by_expiry} on {password_reset_tokens} (app_id, expires_at_ms);
