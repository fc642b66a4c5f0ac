-- Runs of a turn that were thrown away because the customer wrote more; started_at is then the
-- first one's beginning.
alter table turns add column superseded int not null default 0;
