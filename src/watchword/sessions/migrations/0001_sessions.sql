-- Sessions and the keys that sign their access tokens. Times are milliseconds since the epoch.
-- Any text can be a user id: people signed in by other means have sessions too, so there is no foreign key to users.
create table {sessions} (
    app_id          text    not null,
    tenant_id       text    not null,
    handle          text    not null,
    user_id         text    not null,
    recipe_user_id  text    not null,
    cur_hash        {bytes} not null check (length(cur_hash) = 32),   -- of the refresh token that was proved last
    cur_gen         bigint  not null check (cur_gen >= 0),            -- and its generation
    prev_hash       {bytes} check (length(prev_hash) = 32),           -- of the one before it
    confirmed_at_ms bigint  not null,                                 -- when it was proved
    rotated_at_ms   bigint,                                           -- when prev_hash was replaced
    created_at_ms   bigint  not null,
    expires_at_ms   bigint  not null,                                 -- idle life; never goes backwards
    ends_at_ms      bigint,                                           -- absolute life
    jwt_payload     text    not null,                                 -- a JSON object
    payload_version bigint  not null,
    session_data    text    not null,                                 -- a JSON object; no refresh writes it
    primary key (app_id, handle)
);
create index {sessions_of_user} on {sessions} (app_id, user_id);
create index {sessions_by_expiry} on {sessions} (expires_at_ms);  -- read by the sweeper only

create table {signing_keys} (
    app_id             text    not null,
    kid                text    not null,
    kind               text    not null check (kind in ('dynamic', 'static')),
    algorithm          text    not null,
    slot               bigint  not null check (slot >= 0),  -- counts up; several processes making the next key agree on one
    sealed_private_key {bytes} not null,                    -- PKCS #8, sealed with a secret from the configuration
    public_jwk         text    not null,                    -- a JSON object
    created_at_ms      bigint  not null,
    signs_from_ms      bigint  not null,                    -- published until then, used from then on
    token_validity_ms  bigint  not null,                    -- longest life of a token it signs
    primary key (app_id, kid),
    unique (app_id, kind, algorithm, slot)
);
