-- How often somebody failed since the last success, however slowly: after so many only a new password helps. It is
-- remembered for longer than the waits that failures cost, so a row goes when both are over.
alter table {sign_in_failures} add column in_a_row integer not null default 0;
alter table {sign_in_failures} add column kept_until_ms bigint not null default 0;
update {sign_in_failures} set in_a_row = failures, kept_until_ms = expires_ms;
drop index {sign_in_failures_over};
create index {sign_in_failures_kept} on {sign_in_failures} (app_id, kept_until_ms);
