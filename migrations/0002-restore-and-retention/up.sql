-- An era is the time that the events spend in one cluster. A dump that is restored, into any cluster, begins a new one:
-- there, transactions are counted from elsewhere, and the ids that the old events carry say nothing about the new ones.
-- The events of now are read in the order (transaction_id, position), those of former eras by position.
create table event_eras (
  era integer primary key check (era >= 1),
  -- The events of the era are those above this position, up to that of the next era.
  after_position bigint not null check (after_position >= 0),
  -- The witness: a row that was copied has an xmin that is not its own transaction any more. So do copied events.
  opened_by xid8 not null default pg_current_xact_id(),
  opened_at timestamptz not null default now()
);
create trigger event_eras_are_immutable before update or delete on event_eras
  for each row execute function refuse_change();
insert into event_eras (era, after_position) values (1, 0);

-- transaction_id and position are a place in this era; highest_position is the highest that was read.
alter table event_cursors
  add column era integer not null default 1 references event_eras,
  add column highest_position bigint not null default 0;
-- Where the events were written by this count of transactions, the cursor tells what was read. Where they came with a
-- restore, it does not: there, all of them are read again.
update event_cursors c
set highest_position = coalesce((select d.position from domain_events d
                                 where (d.transaction_id, d.position) <= (c.transaction_id, c.position)
                                 order by d.position desc
                                 limit 1), 0)
where (select d.xmin = d.transaction_id::xid from domain_events d order by d.position limit 1);

-- For the sweeper that removes what was handled long ago.
create index messages_handled_by_time on messages_handled (handled_at);
