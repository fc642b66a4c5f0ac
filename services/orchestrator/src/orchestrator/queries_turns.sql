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
