-- Handles of sessions that were ended before their time, for as long as an access token may live: every process reads
-- them, so that none believes a token of such a session. The key is also the order in which they are read and removed.
create table {revoked_handles} (
    app_id        text   not null,
    revoked_at_ms bigint not null,  -- by the database's clock, which is one for all processes
    handle        text   not null,
    primary key (app_id, revoked_at_ms, handle)
);

-- Work that one process at a time does. The moments are the database's too.
create table {leases} (
    app_id   text   not null,
    name     text   not null,
    holder   text   not null,
    until_ms bigint not null,
    primary key (app_id, name)
);

-- The sweeper looks for what has ended in one app.
drop index {sessions_by_expiry};
create index {sessions_by_end} on {sessions} (app_id, expires_at_ms);
