-- name: look_at_runs
-- What may cut the runs of a process: who holds the lease, who answers, how far the customer wrote.
select conversation_id, lease_epoch, ownership_number, owner_kind, last_customer_seq
from conversations
where conversation_id = any($1::uuid[])

-- name: throw_run_away
-- The customer wrote more while the bot wrote: give the lease back, the try does not count, and
-- keep what was thrown away. No row if the lease or the conversation is somebody else's by now.
with released as (
    update conversations c
    set lease_until = null, turn_attempts = greatest(c.turn_attempts - 1, 0)
    where c.tenant_id = $2::uuid and c.conversation_id = $3::uuid and c.lease_epoch = $6::bigint
        and c.ownership_number = $7::bigint and c.owner_kind = 'bot'
        and c.last_customer_seq > $5::bigint and c.turn_due_at is not null
    returning greatest(0, extract(epoch from c.turn_due_at - clock_timestamp()))::float8 as due_in
), kept as (
    insert into turns (turn_id, tenant_id, conversation_id, first_seq, last_seq, lease_epoch,
        attempt, outcome, superseded, evidence, started_at, ended_at)
    select $1::uuid, $2::uuid, $3::uuid, $4::bigint, $5::bigint, $6::bigint, $8::int, 'retrying',
        1, jsonb_build_object('thrown_away', jsonb_build_array($9::jsonb)), $10::timestamptz,
        clock_timestamp()
    from released
    on conflict (turn_id) do update
    set last_seq = excluded.last_seq, lease_epoch = excluded.lease_epoch,
        attempt = excluded.attempt, outcome = excluded.outcome, ended_at = excluded.ended_at,
        superseded = turns.superseded + 1,
        started_at = case when turns.superseded = 0 then excluded.started_at
            else turns.started_at end,
        evidence = turns.evidence || jsonb_build_object('thrown_away',
            coalesce(turns.evidence -> 'thrown_away', '[]'::jsonb) || jsonb_build_array($9::jsonb))
    where turns.outcome in ('retrying', 'suppressed')
)
select due_in from released

-- name: find_burst
-- What is known of a customer who may not have finished: for how long the first unanswered message
-- waits, when their last ones came, and whether a file of theirs is still being fetched.
select coalesce(extract(epoch from clock_timestamp() - (
        select min(m.created_at) from messages m
        where m.tenant_id = c.tenant_id and m.conversation_id = c.conversation_id
            and m.role = 'customer' and m.seq > c.last_answered_seq
    )), 0)::float8 as waited_seconds,
    array(
        select extract(epoch from clock_timestamp() - m.created_at)::float8 from messages m
        where m.tenant_id = c.tenant_id and m.conversation_id = c.conversation_id
            and m.role = 'customer'
        order by m.seq desc limit 6
    ) as ages_seconds,
    exists (
        select from messages m
        where m.tenant_id = c.tenant_id and m.conversation_id = c.conversation_id
            and m.role = 'customer' and m.seq > c.last_answered_seq
            and m.content -> 'media' ->> 'state' = 'pending'
            and not exists (select from message_media k where k.message_id = m.message_id)
    ) as media_pending,
    (
        select m.text from messages m
        where m.tenant_id = c.tenant_id and m.conversation_id = c.conversation_id
            and m.role = 'customer'
        order by m.seq desc limit 1
    ) as text
from conversations c
where c.tenant_id = $1::uuid and c.conversation_id = $2::uuid

-- name: lock_waiting
-- A conversation whose turn waits for the rest of a burst, by its id or its customer; no row while
-- the bot writes, a retry is due, or nothing waits.
select c.conversation_id, tenants.revision
from conversations c
join tenants on tenants.tenant_id = c.tenant_id
where c.tenant_id = $1::uuid
    and (c.conversation_id = $2::uuid
        or (c.channel_id = $3::uuid and c.contact_external_id = $4::text))
    and c.owner_kind = 'bot' and c.turn_due_at > clock_timestamp() and c.turn_attempts = 0
    and (c.lease_until is null or c.lease_until <= clock_timestamp())
for update of c

-- name: move_due
-- Begin the waiting turn after so many seconds from now.
update conversations
set turn_due_at = clock_timestamp() + make_interval(secs => $3::float8)
where tenant_id = $1::uuid and conversation_id = $2::uuid

-- name: seconds_until_due
-- When a turn that nobody works on may begin; no row if nothing waits for its time.
select extract(epoch from turn_due_at - clock_timestamp())::float8
from conversations
where tenant_id = $1::uuid and conversation_id = $2::uuid and owner_kind = 'bot'
    and turn_due_at > clock_timestamp()
    and (lease_until is null or lease_until <= clock_timestamp())

-- name: ownership_of_others
-- The fencing number of a conversation that is not the bot's.
select ownership_number from conversations
where tenant_id = $1::uuid and conversation_id = $2::uuid and owner_kind <> 'bot'
