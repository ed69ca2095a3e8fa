-- E-mail verification tokens. Times are milliseconds since the epoch. The token itself exists only in the mail.
-- Whether an address is verified stands in the login method that has it.
create table {email_verification_tokens} (
    app_id         text    not null,
    tenant_id      text    not null,
    recipe_user_id text    not null,
    email          text    not null,  -- the address it was sent to; proof for that one only
    token_hash     {bytes} not null check (length(token_hash) = 32),  -- SHA-256
    expires_at_ms  bigint  not null,
    primary key (app_id, tenant_id, token_hash),
    foreign key (app_id, recipe_user_id) references {login_methods} (app_id, recipe_user_id) on delete cascade
);
create index {email_verification_tokens_of_user} on {email_verification_tokens} (app_id, recipe_user_id);
create index {email_verification_tokens_by_expiry} on {email_verification_tokens} (app_id, expires_at_ms);
