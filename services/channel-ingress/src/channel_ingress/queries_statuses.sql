-- name: keep_statuses
-- Keep statuses once each; a copy that brings the price is joined again. Answers how many are news.
with kept as (
    insert into delivery_statuses as known
        (channel_id, provider_message_id, status, tenant_id, send_id, part, at, provider_code,
         detail, price_category, pricing_model, price_type, billable)
    select channel_id, provider_message_id, status, tenant_id, send_id, part, at, provider_code,
           detail, price_category, pricing_model, price_type, billable
    from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::uuid[], $6::int[],
                $7::timestamptz[], $8::bigint[], $9::text[], $10::text[], $11::text[],
                $12::text[], $13::boolean[])
         as said(channel_id, provider_message_id, status, tenant_id, send_id, part, at,
                 provider_code, detail, price_category, pricing_model, price_type, billable)
    order by channel_id, provider_message_id, status
    on conflict (channel_id, provider_message_id, status) do update set
        price_category = excluded.price_category,
        pricing_model = excluded.pricing_model,
        price_type = excluded.price_type,
        billable = excluded.billable,
        joined = false
    where known.price_category is null and excluded.price_category is not null
    returning 1
)
select count(*)::int from kept;

-- name: parts_below_watermark
-- Parts sent to a contact before a moment that have not come as far as this status.
select parts.provider_message_id, parts.send_id, parts.part
from sends
join sent_parts as parts on parts.send_id = sends.send_id
where sends.conversation_id = $1::uuid and sends.channel_id = $2::uuid
  and sends.state = 'accepted' and sends.attempting_since <= $3::timestamptz
  and (parts.status is null or parts.status in ('sent', 'failed')
       or (parts.status = 'delivered' and $4::text = 'read'))
order by sends.seq desc
limit 200;

-- name: joinable_statuses
-- Unjoined statuses whose send is known and not in flight, the send's row locked. Those of one
-- channel and these messages, or (null) of all channels, heard within some seconds (null: ever).
select statuses.channel_id, statuses.provider_message_id, statuses.status, statuses.at,
       statuses.provider_code, statuses.detail, coalesce(parts.part, statuses.part, 0) as part,
       statuses.price_category, statuses.pricing_model, statuses.price_type, statuses.billable,
       sends.send_id, sends.state, sends.attempts, sends.next_part, sends.part_count,
       sends.delivery_status, sends.price, sends.command
from delivery_statuses as statuses
left join sent_parts as parts
    on parts.channel_id = statuses.channel_id
   and parts.provider_message_id = statuses.provider_message_id
join sends
    on sends.send_id = coalesce(parts.send_id, statuses.send_id)
   and sends.channel_id = statuses.channel_id
where not statuses.joined
  and (statuses.provider_message_id = any($1::text[])
       or ($1::text[] is null
           and ($3::float8 is null
                or statuses.received_at > now() - make_interval(secs => $3::float8))))
  and (parts.send_id is not null or sends.state <> 'attempting'
       or sends.attempting_since < now() - make_interval(secs => $2::float8))
order by sends.send_id, statuses.at
limit 2000
for update of sends;

-- name: mark_joined
-- These statuses were taken into account.
update delivery_statuses as statuses
set joined = true
from unnest($1::uuid[], $2::text[], $3::text[]) as taken(channel_id, provider_message_id, status)
where statuses.channel_id = taken.channel_id
  and statuses.provider_message_id = taken.provider_message_id
  and statuses.status = taken.status;

-- name: keep_part_status
-- How far one part has come; its row is made where the status is the first news of its id.
insert into sent_parts as known
    (channel_id, provider_message_id, tenant_id, send_id, part, status)
select $1::uuid, $2::text, tenant_id, send_id, $4::int, $5::text
from sends
where send_id = $3::uuid
on conflict (channel_id, provider_message_id) do update set status = excluded.status;

-- name: part_statuses
-- How far each part of a send has come.
select part, status
from sent_parts
where send_id = $1::uuid;

-- name: accept_by_evidence
-- A status proves that the provider has this part: go on with the next, or end accepted.
update sends
set next_part = $2::int + 1,
    attempts_before = attempts,
    fallback = case when fallback = 'template' then fallback end,
    state = case when $2::int + 1 >= part_count then 'accepted' else 'planned' end,
    next_attempt_at = now(),
    ended_at = case when $2::int + 1 >= part_count then now() end,
    code = null, detail = null
where send_id = $1::uuid and state in ('attempting', 'unknown') and next_part <= $2::int
returning state;

-- name: set_delivery_status
-- The send as a whole has come this far, and costs this; a code only while it has failed.
update sends
set delivery_status = $2::text,
    provider_code = case when $2::text = 'failed' then coalesce($3::bigint, provider_code) end,
    price = $4::text
where send_id = $1::uuid;

-- name: take_orphaned
-- Statuses whose send has not come in time, each message once; those of an echo have come.
with old as (
    select statuses.channel_id, statuses.provider_message_id, statuses.status,
           exists (
               select 1
               from inbound_items as items
               where items.channel_id = statuses.channel_id
                 and items.provider_key in (
                     statuses.provider_message_id,
                     'echo:' || left(encode(sha256(
                         convert_to(statuses.provider_message_id, 'UTF8')), 'hex'), 32)
                 )
           ) as is_echo
    from delivery_statuses as statuses
    where not statuses.joined and statuses.orphaned_at is null
      and statuses.received_at <= now() - make_interval(secs => $1::float8)
    order by statuses.received_at
    limit 200
    for update skip locked
), taken as (
    update delivery_statuses as statuses
    set orphaned_at = now(), joined = old.is_echo
    from old
    where statuses.channel_id = old.channel_id
      and statuses.provider_message_id = old.provider_message_id
      and statuses.status = old.status
    returning statuses.channel_id, statuses.tenant_id, statuses.provider_message_id,
              statuses.status, statuses.at, statuses.provider_code, statuses.detail, old.is_echo
)
select taken.channel_id, taken.tenant_id, channels.channel_type, taken.provider_message_id,
       json_agg(json_build_object(
           'status', taken.status, 'at', taken.at, 'provider_code', taken.provider_code,
           'detail', taken.detail) order by taken.at)::text as statuses
from taken
join channels on channels.channel_id = taken.channel_id
where not taken.is_echo and not exists (
    select 1
    from delivery_statuses as said_before
    where said_before.channel_id = taken.channel_id
      and said_before.provider_message_id = taken.provider_message_id
      and said_before.orphaned_at < now()
)
group by taken.channel_id, taken.tenant_id, channels.channel_type, taken.provider_message_id;
