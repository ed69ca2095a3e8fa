-- Mail that was given up stays for a while, a hundred thousand of it after an outage of a mail service: what looks
-- for mail that waits, several times a minute in every process, must not read past it.
drop index {mail_outbox_by_due};
create index {mail_outbox_waiting} on {mail_outbox} (app_id, due_at_ms) where dead_reason is null;
create index {mail_outbox_dead} on {mail_outbox} (app_id, dead_at_ms) where dead_at_ms is not null;
