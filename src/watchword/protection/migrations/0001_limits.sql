-- What the limits count. Keys are keyed hashes: neither an address nor an e-mail can be read from them.
-- A row whose time is over says the same as no row, and is removed some time later.
create table {rate_buckets} (
    app_id     text    not null,
    key        {bytes} not null,
    full_at_ms bigint  not null,  -- when the whole budget is there again; what is missing until then was taken
    primary key (app_id, key)
);
create index {rate_buckets_over} on {rate_buckets} (app_id, full_at_ms);

create table {sign_in_failures} (
    app_id     text    not null,
    key        {bytes} not null,
    failures   integer not null,  -- in a row, those being checked right now included
    next_ms    bigint  not null,  -- no try before this
    expires_ms bigint  not null,
    primary key (app_id, key)
);
create index {sign_in_failures_over} on {sign_in_failures} (app_id, expires_ms);
