-- Where a session was started, so that people know their own sessions in a list.
alter table {sessions} add column device text;           -- as in 'Firefox on Windows', never the whole user agent
alter table {sessions} add column network_address text;  -- of the client, at sign-in
