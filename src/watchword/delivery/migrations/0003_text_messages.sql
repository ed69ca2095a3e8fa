-- Text messages wait in the same table as mail, under the same rules; what carries them is another service.
alter table {mail_outbox} add column channel text not null default 'mail';  -- or 'sms'
