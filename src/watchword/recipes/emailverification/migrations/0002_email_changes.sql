-- A token may stand for an address that the login method does not have yet, and is given when it is used.
alter table {email_verification_tokens} add column former_email text;  -- what it replaces; null: it has the address
alter table {email_verification_tokens} add column keep_session text;  -- goes on when it is used; null: none does
