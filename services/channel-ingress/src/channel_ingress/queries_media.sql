-- name: keep_media
-- Plan files to be fetched, once each; answers how many are new.
with new as (
    insert into media
        (media_id, tenant_id, channel_id, channel_type, conversation_id, provider_message_id, kind,
         provider_media_id, url, declared_type, file_name, declared_sha256, declared_bytes,
         dies_at, correlation_id, causation_id)
    select media_id, tenant_id, channel_id, channel_type, conversation_id, provider_message_id,
           kind, provider_media_id, url, declared_type, file_name, declared_sha256,
           declared_bytes, dies_at, correlation_id, causation_id
    from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::text[],
                $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[],
                $13::bigint[], $14::timestamptz[], $15::uuid[], $16::uuid[])
        as given (media_id, tenant_id, channel_id, channel_type, conversation_id,
                  provider_message_id, kind, provider_media_id, url, declared_type, file_name,
                  declared_sha256, declared_bytes, dies_at, correlation_id, causation_id)
    on conflict (media_id) do nothing
    returning 1
)
select count(*) from new;

-- name: claim_media
-- Files whose turn it is, channels in turns; nobody else takes them until the lease is over.
with due as (
    select media.media_id, media.next_try_at,
           row_number() over (
               partition by media.channel_id order by media.next_try_at
           ) as place
    from media
    join channels on channels.channel_id = media.channel_id and channels.state = 'active'
    left join tenants on tenants.tenant_id = media.tenant_id
    left join media_rests rest on rest.channel_id = media.channel_id
    where media.state = 'pending' and media.next_try_at <= now() and media.dies_at > now()
      and coalesce(tenants.state, 'active') = 'active'
      and (rest.rests_until is null or rest.rests_until <= now()
           or rest.for_revision < channels.revision)
), mine as (
    select media_id from media
    where media_id in (select media_id from due order by place, next_try_at limit $1::int)
      and state = 'pending' and next_try_at <= now()
    for update skip locked
)
update media set tries = tries + 1, next_try_at = now() + $2::float8 * interval '1 second'
where media_id in (select media_id from mine)
returning media_id, tenant_id, channel_id, channel_type, conversation_id, provider_message_id,
          kind, provider_media_id, url, declared_type, file_name, declared_sha256,
          declared_bytes, tries, failures, dies_at, correlation_id, causation_id;

-- name: claim_dead_media
-- Files whose id has died, now failed; those that are being fetched have their lease.
update media set state = 'failed', problem = 'expired', detail = $1::text, ended_at = now()
where media_id in (
    select media_id from media
    where state = 'pending' and dies_at <= now() and next_try_at <= now()
    order by dies_at
    limit 100
    for update skip locked
)
returning media_id, tenant_id, channel_id, channel_type, conversation_id, provider_message_id,
          kind, provider_media_id, url, declared_type, file_name, declared_sha256,
          declared_bytes, tries, failures, dies_at, correlation_id, causation_id;

-- name: record_media_stored
-- The bytes are in storage; true when this try was still the newest.
update media set
    state = 'stored', sha256 = $3::text, mime_type = $4::text, size_bytes = $5::bigint,
    problem = null, detail = null, ended_at = now()
where media_id = $1::uuid and state = 'pending' and tries = $2::int
returning true;

-- name: record_media_failed
-- Not to be tried again; true when this try was still the newest.
update media set state = 'failed', problem = $3::text, detail = $4::text, ended_at = now()
where media_id = $1::uuid and state = 'pending' and tries = $2::int
returning true;

-- name: record_media_again
-- Plan another try.
update media set
    failures = failures + $3::int,
    next_try_at = now() + $4::float8 * interval '1 second',
    detail = $5::text
where media_id = $1::uuid and state = 'pending' and tries = $2::int;

-- name: count_media_refusal
-- Count a provider's refusal of a channel's files; answers how many in the last hour.
insert into media_rests as rest (channel_id, tenant_id, refusals)
values ($1::uuid, $2::uuid, 1)
on conflict (channel_id) do update set
    refusals = case when rest.window_started_at < now() - interval '1 hour' then 1
                    else rest.refusals + 1 end,
    window_started_at = case when rest.window_started_at < now() - interval '1 hour' then now()
                             else rest.window_started_at end
returning refusals;

-- name: rest_media
-- Let a channel's fetching rest; with a revision, until the channel has a newer one.
insert into media_rests as rest (channel_id, tenant_id, rests_until, for_revision)
values ($1::uuid, $2::uuid, now() + $3::float8 * interval '1 second', $4::bigint)
on conflict (channel_id) do update set
    rests_until = excluded.rests_until,
    for_revision = excluded.for_revision;

-- name: count_media
-- Files that wait to be fetched, and channels whose fetching rests.
select
    (select count(*) from media where state = 'pending') as media_pending,
    (select count(*) from media_rests where rests_until > now()) as media_resting;
