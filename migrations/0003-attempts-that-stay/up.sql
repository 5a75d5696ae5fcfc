-- The failed attempts of a message, kept when it is handled, in the form of messages.history. The rows of before have
-- the default, so there is nothing to validate: validating would read the largest table of all under the lock of the
-- change.
alter table messages_handled add column history jsonb not null default '[]';
alter table messages_handled add constraint a_history_of_attempts_is_short
  check (pg_column_size(history) <= 65536) not valid;

-- The dead letters of parked undos, which the sweeper tries again: those that died longest ago come first.
create index dead_letters_open_by_type on dead_letters (type, died_at) where status = 'open';
