-- name: say
-- Keep messages to be said; a delayed one has its time, others are said by this process at once
-- and by any relay after the grace period.
insert into outbox (message_id, exchange, routing_key, address, body, headers, available_at)
select message_id, exchange, routing_key, address, body, headers::jsonb,
       now() + make_interval(secs => delay_seconds)
from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::text[], $7::float8[])
     with ordinality
     as said(message_id, exchange, routing_key, address, body, headers, delay_seconds, place)
order by place
returning id

-- name: claim_due
-- Lock what is due and nobody else is saying.
select id, message_id, exchange, routing_key, address, body, headers::text as headers, tries
from outbox
where available_at <= now()
order by available_at, id
limit $1::int
for update skip locked

-- name: forget_said
-- The broker has them.
delete from outbox where id = any($1::bigint[])

-- name: postpone
-- The broker did not take it: later, with the reason.
update outbox
set available_at = now() + make_interval(secs => $2::float8),
    tries = tries + 1,
    last_error = $3::text
where id = $1::bigint

-- name: next_due_seconds
-- Seconds until the next row is due; null when there is none.
select extract(epoch from min(available_at) - now())::float8 from outbox

-- name: backlog
-- Rows to be said and the age in seconds of the oldest that is due.
select count(*)::bigint as pending,
       coalesce(extract(epoch from now() - min(available_at)
                filter (where available_at <= now())), 0)::float8 as oldest_age_seconds
from outbox

-- name: hear
-- True the first time a listener's queue hears a message.
insert into inbox (queue, message_id) values ($1::text, $2::uuid)
on conflict do nothing
returning true

-- name: hear_many
-- Of many messages, those heard for the first time.
insert into inbox (queue, message_id)
select $1::text, message_id from unnest($2::uuid[]) as heard(message_id)
on conflict do nothing
returning message_id

-- name: was_heard
-- Whether a listener's queue has heard a message.
select exists (select 1 from inbox where queue = $1::text and message_id = $2::uuid)

-- name: count_attempt
-- Count a redelivery before its handler runs; answers how many there were.
insert into inbox_attempts as counted (queue, message_id, attempts)
values ($1::text, $2::uuid, 1)
on conflict (queue, message_id)
do update set attempts = counted.attempts + 1, last_at = now()
returning attempts

-- name: quarantine
-- Keep what could not be handled where a person can see and redrive it.
insert into quarantine (queue, message_id, address, body, headers, attempts, error)
values ($1::text, $2::uuid, $3::text, $4::bytea, $5::text::jsonb, $6::int, $7::text)

-- name: count_quarantined
-- How many wait for a person.
select count(*)::bigint from quarantine where redriven_at is null

-- name: list_quarantined
-- What waits for a person, the newest first.
select id, queue, message_id, address, attempts, error, quarantined_at,
       convert_from(body, 'UTF8') as body
from quarantine
where redriven_at is null
order by id desc
limit $1::int

-- name: take_quarantined
-- Take one out to be handled again.
update quarantine set redriven_at = now()
where id = $1::bigint and redriven_at is null
returning queue, message_id, address, body, headers::text as headers

-- name: forget_attempts
-- A redriven message starts to count anew.
delete from inbox_attempts where queue = $1::text and message_id = $2::uuid

-- name: forget_old
-- Rows that no redelivery can ask for any more.
with old_inbox as (
    delete from inbox where heard_at < now() - make_interval(days => $1::int)
), old_attempts as (
    delete from inbox_attempts where last_at < now() - make_interval(days => $1::int)
)
delete from quarantine where redriven_at < now() - make_interval(days => 30)
