-- name: inbound_steps
-- How a customer's message came in, by its own id or, in web chat, by the visitor's and its own.
select kind, state, problem, flags, delivery_id, received_at, copies, differing
from inbound_items
where tenant_id = $1::uuid and channel_id = $2::uuid and provider_key = any($3::text[])
order by received_at
limit 2

-- name: send_steps
-- How messages went out.
select send_id, state, part_count, attempts, attempting_since, delivery_status, code,
    provider_code, detail, planned_at, ended_at, next_attempt_at
from sends
where tenant_id = $1::uuid and send_id = any($2::uuid[])
order by planned_at

-- name: status_steps
-- What the provider said of them.
select delivery_statuses.status, delivery_statuses.at, delivery_statuses.received_at,
    delivery_statuses.provider_code, sent_parts.part
from sent_parts
join delivery_statuses on delivery_statuses.channel_id = sent_parts.channel_id
    and delivery_statuses.provider_message_id = sent_parts.provider_message_id
where sent_parts.tenant_id = $1::uuid and sent_parts.send_id = any($2::uuid[])
order by delivery_statuses.received_at
limit 100
