-- name: meet_channels
-- Every channel has a row; one that was configured anew is looked at soon.
insert into channel_health as health (channel_id, tenant_id, channel_type, revision, look_at)
select channels.channel_id, channels.tenant_id, channels.channel_type, channels.revision,
       now() + $1::float8 * interval '1 second'
from channels
left join channel_health known on known.channel_id = channels.channel_id
where channels.state <> 'removed'
  and (known.channel_id is null or known.revision < channels.revision)
on conflict (channel_id) do update set
    revision = excluded.revision,
    look_at = least(health.look_at, excluded.look_at)
where health.revision < excluded.revision;

-- name: claim_looks
-- Channels that are due for a look, for this process only until the lease is over.
update channel_health set look_at = now() + $2::float8 * interval '1 second'
where channel_id in (
    select health.channel_id
    from channel_health health
    join channels on channels.channel_id = health.channel_id and channels.state <> 'removed'
    where health.look_at <= now()
    order by health.look_at
    limit $1::int
    for update of health skip locked
)
returning channel_id, tenant_id;

-- name: lock_health
-- A channel's row, made if there is none, locked until the end of the transaction.
insert into channel_health as health (channel_id, tenant_id, channel_type)
values ($1::uuid, $2::uuid, $3::text)
on conflict (channel_id) do update set channel_type = health.channel_type
returning channel_id, tenant_id, channel_type, level, looked_at, token_expires_at, last_event_at,
          rhythm, watched_until, heard_hours;

-- name: find_health
-- A channel's row.
select channel_id, tenant_id, channel_type, level, looked_at, token_expires_at, last_event_at,
       rhythm, watched_until, heard_hours
from channel_health
where channel_id = $1::uuid;

-- name: keep_findings
-- The newest finding of each check.
insert into channel_findings as known
    (channel_id, check_name, tenant_id, level, code, provider_code, detail, checked_at)
select $1::uuid, check_name, $2::uuid, level, code, provider_code, detail, checked_at
from unnest($3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::timestamptz[])
    as given (check_name, level, code, provider_code, detail, checked_at)
on conflict (channel_id, check_name) do update set
    level = excluded.level,
    code = excluded.code,
    provider_code = excluded.provider_code,
    detail = excluded.detail,
    checked_at = excluded.checked_at
where known.checked_at <= excluded.checked_at;

-- name: forget_findings
-- Findings that nothing will renew: notices of an account after their time.
delete from channel_findings
where channel_id = $1::uuid and check_name = 'account' and checked_at < $2::timestamptz;

-- name: list_findings
-- The newest finding of each check of a channel.
select check_name, level, code, provider_code, detail, checked_at
from channel_findings
where channel_id = $1::uuid
order by check_name
limit 32;

-- name: set_health_level
-- The level from now on.
update channel_health set level = $2::text where channel_id = $1::uuid;

-- name: record_look
-- A look ended: what it learned of the token and the rhythm, and when the next one is due.
update channel_health set
    looked_at = now(),
    look_at = now() + $2::float8 * interval '1 second',
    token_expires_at = $3::timestamptz,
    rhythm = $4::real[],
    watched_until = $5::timestamptz,
    heard_hours = (
        select coalesce(array_agg(hour), '{}') from unnest(heard_hours) as hour
        where hour >= $5::timestamptz
    )
where channel_id = $1::uuid;

-- name: note_events
-- These channels said something just now.
insert into channel_health as health
    (channel_id, tenant_id, channel_type, last_event_at, heard_hours)
select channel_id, tenant_id, channel_type, now(), array[date_trunc('hour', now())]
from unnest($1::uuid[], $2::uuid[], $3::text[]) as given (channel_id, tenant_id, channel_type)
on conflict (channel_id) do update set
    last_event_at = excluded.last_event_at,
    heard_hours = case when health.heard_hours @> excluded.heard_hours then health.heard_hours
                       else health.heard_hours || excluded.heard_hours end;

-- name: end_token_rests
-- A token works again: files that waited for it are fetched.
update media_rests set rests_until = now()
where channel_id = $1::uuid and for_revision is not null and rests_until > now();
