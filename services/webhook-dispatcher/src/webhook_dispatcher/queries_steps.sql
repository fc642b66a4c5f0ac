-- name: event_steps
-- Events of a conversation in a time, each with its deliveries; the log's age index bounds the look.
select event_log.event_id, event_log.event_type, event_log.logged_at,
    unpublished_events.event_id is not null as unpublished,
    deliveries.endpoint_id, deliveries.state, deliveries.failures, deliveries.settled_at,
    deliveries.created_at
from event_log
left join unpublished_events on unpublished_events.tenant_id = $1::uuid
    and unpublished_events.event_id = event_log.event_id
left join deliveries on deliveries.tenant_id = $1::uuid
    and deliveries.event_id = event_log.event_id
where event_log.tenant_id = $1::uuid
    and event_log.logged_at >= $3::timestamptz and event_log.logged_at <= $4::timestamptz
    and event_log.body::jsonb ->> 'partitionkey' = $2::text
order by event_log.logged_at
limit 150
