-- name: keep_tenant
-- Keep a tenant's slug and state unless a newer revision is known.
insert into tenants as known (tenant_id, slug, state, revision)
values ($1::uuid, $2::text, $3::text, $4::bigint)
on conflict (tenant_id) do update
set slug = excluded.slug, state = excluded.state, revision = excluded.revision
where known.revision < excluded.revision

-- name: tenant_slugs
-- The slugs of these tenants, of those that are known.
select tenant_id, slug from tenants where tenant_id = any($1::uuid[])

-- name: any_tenant
-- Whether any tenant is known at all.
select exists (select 1 from tenants)

-- name: log_events
-- Keep new events; answers the ids that were not there before.
insert into event_log (event_id, tenant_id, event_type, routing_key, body, occurred_at)
select event_id, tenant_id, event_type, routing_key, body, occurred_at
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
     as said(event_id, tenant_id, event_type, routing_key, body, occurred_at)
on conflict (event_id) do nothing
returning event_id

-- name: owe_publication
-- These events are still to be published; this process tries at once, others after the grace.
insert into unpublished_events (event_id, tenant_id, due_at)
select event_id, tenant_id, now() + make_interval(secs => $3::float8)
from unnest($1::uuid[], $2::uuid[]) as logged(event_id, tenant_id)
on conflict (event_id) do nothing

-- name: enabled_endpoints
-- Endpoints of these tenants that want events.
select endpoint_id, tenant_id, event_types
from endpoints
where tenant_id = any($1::uuid[]) and enabled

-- name: plan_deliveries
-- One delivery for each event and endpoint, due now; answers how many are new.
insert into deliveries (tenant_id, endpoint_id, event_id, next_attempt_at)
select tenant_id, endpoint_id, event_id, now()
from unnest($1::uuid[], $2::uuid[], $3::uuid[]) as wanted(tenant_id, endpoint_id, event_id)
on conflict (event_id, endpoint_id) do nothing
returning delivery_id

-- name: claim_unpublished
-- Claim events that are due for the feed; the claim ends by itself after the lease.
with due as (
    select event_id
    from unpublished_events
    where due_at <= now()
    order by due_at
    limit $1::int
    for update skip locked
), claimed as (
    update unpublished_events owed
    set due_at = now() + make_interval(secs => $2::float8)
    from due
    where owed.event_id = due.event_id
    returning owed.event_id
)
select logged.event_id, logged.tenant_id, logged.event_type, logged.routing_key,
       logged.occurred_at, logged.body
from claimed
join event_log logged on logged.event_id = claimed.event_id
order by logged.occurred_at

-- name: forget_publication
-- The feed has confirmed these.
delete from unpublished_events where event_id = any($1::uuid[])

-- name: claim_due
-- Claim what is due, at most a few for each endpoint; the claim ends by itself after the lease.
with due as (
    select found.delivery_id
    from endpoints
    left join unnest($1::uuid[], $2::int[]) as known(endpoint_id, room)
         on known.endpoint_id = endpoints.endpoint_id
    cross join lateral (
        select deliveries.delivery_id
        from deliveries
        where deliveries.endpoint_id = endpoints.endpoint_id
          and deliveries.state = 'pending'
          and deliveries.next_attempt_at <= now()
        order by deliveries.next_attempt_at
        limit coalesce(known.room, $3::int)
        for update skip locked
    ) found
    where endpoints.enabled
    limit $4::int
), claimed as (
    update deliveries
    set claims = claims + 1, next_attempt_at = now() + make_interval(secs => $5::float8)
    from due
    where deliveries.delivery_id = due.delivery_id
    returning deliveries.delivery_id, deliveries.tenant_id, deliveries.endpoint_id,
              deliveries.event_id, deliveries.claims, deliveries.failures, deliveries.created_at
)
select claimed.delivery_id, claimed.tenant_id, claimed.endpoint_id, claimed.event_id,
       claimed.claims, claimed.failures, claimed.created_at,
       endpoints.url, endpoints.failing_since, event_log.event_type, event_log.body,
       array(
           select endpoint_secrets.sealed
           from endpoint_secrets
           where endpoint_secrets.endpoint_id = claimed.endpoint_id
             and (endpoint_secrets.expires_at is null or endpoint_secrets.expires_at > now())
           order by endpoint_secrets.created_at desc
           limit 10
       ) as sealed_secrets
from claimed
join endpoints on endpoints.endpoint_id = claimed.endpoint_id
join event_log on event_log.event_id = claimed.event_id

-- name: give_back
-- Not tried after all: due at once, for whoever claims next.
update deliveries set next_attempt_at = now()
from unnest($1::uuid[], $2::int[]) as mine(delivery_id, claim)
where deliveries.delivery_id = mine.delivery_id
  and deliveries.claims = mine.claim
  and deliveries.state = 'pending'

-- name: settle
-- Record tries and move their deliveries on, unless somebody else claimed them meanwhile.
with results as (
    select delivery_id, claim, state, delay_seconds, at, code, status_code, milliseconds, answer
    from unnest($1::uuid[], $2::int[], $3::text[], $4::float8[], $5::timestamptz[], $6::text[],
                $7::int[], $8::int[], $9::text[])
         as said(delivery_id, claim, state, delay_seconds, at, code, status_code, milliseconds,
                 answer)
), logged as (
    insert into attempts (delivery_id, attempt, tenant_id, at, code, status_code, milliseconds,
                          answer)
    select results.delivery_id,
           1 + (select count(*) from attempts where attempts.delivery_id = results.delivery_id),
           deliveries.tenant_id, results.at, results.code, results.status_code,
           results.milliseconds, results.answer
    from results
    join deliveries on deliveries.delivery_id = results.delivery_id
    on conflict (delivery_id, attempt) do nothing
)
update deliveries
set state = results.state,
    failures = failures + (results.code <> 'delivered')::int,
    next_attempt_at = case when results.state = 'pending'
                           then now() + make_interval(secs => results.delay_seconds) end,
    settled_at = case when results.state <> 'pending' then now() end
from results
where deliveries.delivery_id = results.delivery_id
  and deliveries.state = 'pending'
  and (deliveries.claims = results.claim or results.state = 'delivered')

-- name: note_working
-- These endpoints took a delivery: whatever failed before is forgotten.
update endpoints set failing_since = null
where endpoint_id = any($1::uuid[]) and failing_since is not null

-- name: note_failing
-- These endpoints failed; remember since when.
update endpoints set failing_since = now()
where endpoint_id = any($1::uuid[]) and failing_since is null

-- name: disable_endpoint
-- Switch an endpoint off, once; answers its tenant and URL if it was on.
update endpoints set enabled = false, disabled_reason = $2::text
where endpoint_id = $1::uuid and enabled
returning tenant_id, url

-- name: cancel_pending
-- Nothing more is sent to this endpoint; single events can be sent again by a person.
update deliveries set state = 'cancelled', next_attempt_at = null, settled_at = now()
where endpoint_id = $1::uuid and state = 'pending'

-- name: count_endpoints
-- How many endpoints a tenant has.
select count(*)::int from endpoints where tenant_id = $1::uuid

-- name: add_endpoint
-- Make an endpoint.
insert into endpoints (endpoint_id, tenant_id, url, description, event_types, secret_hint)
values ($1::uuid, $2::uuid, $3::text, $4::text, $5::text[], $6::text)

-- name: add_secret
-- Give an endpoint a secret that signs from now on.
insert into endpoint_secrets (tenant_id, endpoint_id, sealed)
values ($1::uuid, $2::uuid, $3::text)

-- name: retire_secrets
-- Older secrets sign a while longer, so that receivers can change over.
update endpoint_secrets set expires_at = now() + make_interval(hours => $3::int)
where tenant_id = $1::uuid and endpoint_id = $2::uuid and expires_at is null

-- name: find_endpoint
-- One endpoint of a tenant.
select endpoint_id, url, description, event_types, enabled, disabled_reason, secret_hint,
       created_at
from endpoints
where tenant_id = $1::uuid and endpoint_id = $2::uuid

-- name: list_endpoints
-- All endpoints of a tenant, the oldest first.
select endpoint_id, url, description, event_types, enabled, disabled_reason, secret_hint,
       created_at
from endpoints
where tenant_id = $1::uuid
order by created_at, endpoint_id

-- name: change_endpoint
-- Change what is not null; switching it on forgets why it was off and what failed before.
update endpoints
set url = coalesce($3::text, url),
    description = coalesce($4::text, description),
    event_types = coalesce($5::text[], event_types),
    enabled = coalesce($6::boolean, enabled),
    disabled_reason = case when $6::boolean then null else disabled_reason end,
    failing_since = case when $6::boolean then null else failing_since end,
    secret_hint = coalesce($7::text, secret_hint)
where tenant_id = $1::uuid and endpoint_id = $2::uuid
returning endpoint_id

-- name: remove_endpoint
-- Delete an endpoint with its secrets and deliveries.
delete from endpoints where tenant_id = $1::uuid and endpoint_id = $2::uuid
returning endpoint_id

-- name: list_deliveries
-- A page of an endpoint's deliveries, the newest first.
select deliveries.delivery_id, deliveries.position, deliveries.endpoint_id, deliveries.event_id,
       event_log.event_type, deliveries.state, deliveries.next_attempt_at, deliveries.created_at
from deliveries
join event_log on event_log.event_id = deliveries.event_id
where deliveries.tenant_id = $1::uuid
  and deliveries.endpoint_id = $2::uuid
  and deliveries.position < $3::bigint
order by deliveries.position desc
limit $4::int

-- name: list_attempts
-- The tries of these deliveries, the oldest first.
select delivery_id, attempt, at, code, status_code, milliseconds, answer
from attempts
where tenant_id = $1::uuid and delivery_id = any($2::uuid[])
order by delivery_id, attempt

-- name: redeliver
-- Send an event of this tenant to an endpoint of this tenant once more, from the first step.
insert into deliveries as known (tenant_id, endpoint_id, event_id, next_attempt_at)
select event_log.tenant_id, endpoints.endpoint_id, event_log.event_id, now()
from event_log
join endpoints on endpoints.tenant_id = event_log.tenant_id
where event_log.tenant_id = $1::uuid
  and endpoints.endpoint_id = $2::uuid
  and event_log.event_id = $3::uuid
on conflict (event_id, endpoint_id) do update
set state = 'pending', failures = 0, next_attempt_at = now(), settled_at = null
returning delivery_id

-- name: forget_old_events
-- Forget events (and with them their deliveries) after some days, unless something is still to do.
delete from event_log
where event_id in (
    select old.event_id
    from event_log old
    where old.logged_at < now() - make_interval(days => $1::int)
      and not exists (select 1 from deliveries
                      where deliveries.event_id = old.event_id and deliveries.state = 'pending')
      and not exists (select 1 from unpublished_events
                      where unpublished_events.event_id = old.event_id)
    limit $2::int
)

-- name: forget_old_secrets
-- Secrets that sign no more.
delete from endpoint_secrets where expires_at < now()

-- name: backlog
-- For the gauges: deliveries that wait, events not yet on the feed, endpoints on and off.
select (select count(*) from deliveries where state = 'pending')::bigint as pending,
       (select count(*) from unpublished_events)::bigint as unpublished,
       (select count(*) from endpoints where enabled)::bigint as enabled,
       (select count(*) from endpoints where not enabled)::bigint as disabled
