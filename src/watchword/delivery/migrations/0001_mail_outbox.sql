-- Mail that waits to be sent, written in the transaction that causes it. Times are milliseconds since the epoch.
-- A sent mail is deleted. One that is given up stays a while with its reason, without its content.
create table {mail_outbox} (
    app_id        text   not null,
    mail_id       text   not null,
    kind          text   not null,             -- for example 'password_reset'
    tenant_id     text   not null,
    user_id       text   not null,             -- any text can be a user id, so there is no foreign key to users
    sealed_mail   {bytes},                     -- address, language and values, links with tokens among them
    attempts      bigint not null default 0 check (attempts >= 0),  -- counted when it is taken, so a crash counts too
    created_at_ms bigint not null,
    due_at_ms     bigint not null,             -- when it may be taken next; in the future while somebody sends it
    dead_at_ms    bigint,
    dead_reason   text,
    primary key (app_id, mail_id),
    check ((sealed_mail is null) = (dead_reason is not null)),
    check ((dead_at_ms is null) = (dead_reason is null))
);
create index {mail_outbox_by_due} on {mail_outbox} (app_id, due_at_ms);
create index {mail_outbox_of_user} on {mail_outbox} (app_id, user_id);
