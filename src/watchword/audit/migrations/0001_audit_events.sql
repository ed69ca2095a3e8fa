-- Security events. Rows are added, given their place in the chain once, and removed by age from the oldest on; nothing
-- else changes, but that a person may be taken out of them.
create table {audit_events} (
    app_id        text    not null,
    event_id      text    not null,      -- begins with the time: the key is also the order in time
    kind          text    not null,
    at_ms         bigint  not null,
    tenant_id     text    not null,
    handle        text,
    facts         text    not null,      -- a JSON object, nothing about a person
    user_id       text,                  -- about a person; null when erased, as the next two
    address       text,
    reason        text,
    salt          {bytes},               -- null when erased: then the hash tells nothing about what it was made of
    personal_hash {bytes} not null,      -- of salt, user_id, address and reason
    mac           {bytes} not null,      -- over all above but the erasable; with a key that is not in the database
    erased_mac    {bytes},               -- that we have erased it
    seq           bigint,                -- its place in the chain; null until it has one
    chained_at_ms bigint,                -- by the database's clock
    link          {bytes},               -- over the link before, the place and the mac
    primary key (app_id, event_id)
);
create index {audit_by_user} on {audit_events} (app_id, user_id, event_id) where user_id is not null;
create index {audit_by_handle} on {audit_events} (app_id, handle, event_id) where handle is not null;
create index {audit_by_seq} on {audit_events} (app_id, seq, event_id);

-- Both ends of an app's chain. Whoever makes it longer holds the row, and for longer than one batch the lease in it.
create table {audit_chains} (
    app_id          text    not null primary key,
    chain_id        text    not null,
    sealed_key      {bytes} not null,    -- sealed with a secret from the configuration
    seq             bigint  not null,    -- of the last event in the chain
    link            {bytes} not null,
    head_mac        {bytes} not null,
    removed_seq     bigint  not null,    -- of the last event that was removed by age
    removed_link    {bytes} not null,
    removed_mac     {bytes} not null,
    holder          text    not null,
    until_ms        bigint  not null,
    told_seq        bigint  not null,    -- of the last event that `on_event` was called with
    teller          text    not null,
    teller_until_ms bigint  not null
);
