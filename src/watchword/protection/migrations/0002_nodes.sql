-- The processes that run on this database, each with what must fit to the others. They say again and again that they
-- live, by the database's clock; a row without a recent word is of one that was killed, and is removed in time.
create table {nodes} (
    app_id  text   not null,
    node_id text   not null,  -- made at each start
    name    text   not null,  -- host and process, for people
    facts   text   not null,  -- a JSON object: version, public ids of the secrets, settings; nothing secret
    seen_ms bigint not null,
    primary key (app_id, node_id)
);
create index {nodes_by_seen} on {nodes} (app_id, seen_ms);
