-- name: configure_tenant
-- Keep whether a tenant is served.
insert into tenants as known (tenant_id, state, revision)
values ($1::uuid, $2::text, $3::bigint)
on conflict (tenant_id) do update set
    state = excluded.state,
    revision = excluded.revision
where known.revision < excluded.revision
returning true;

-- name: configure_channel
-- Keep a channel's newest state; true when it was news.
insert into channels as known
    (channel_id, tenant_id, channel_type, external_id, name, state, sealed_credentials, revision,
     choices, business_account_id, app_id)
values ($1::uuid, $2::uuid, $3::text, $4::text, $5::text, $6::text, $7::text, $8::bigint,
        $9::text, $10::text, $11::text)
on conflict (channel_id) do update set
    external_id = excluded.external_id,
    name = excluded.name,
    state = excluded.state,
    sealed_credentials = excluded.sealed_credentials,
    revision = excluded.revision,
    choices = excluded.choices,
    business_account_id = excluded.business_account_id,
    app_id = excluded.app_id
where known.revision < excluded.revision
returning true;

-- name: any_channel
-- Whether there is a copy of any channel at all.
select exists (select 1 from channels);

-- name: find_channels
-- Served channels of served tenants, by their address at the provider.
select channels.channel_id, channels.tenant_id, channels.channel_type, channels.external_id,
       channels.state, channels.sealed_credentials, channels.revision, channels.choices
from channels
left join tenants on tenants.tenant_id = channels.tenant_id
where channels.state = 'active' and coalesce(tenants.state, 'active') = 'active'
  and channels.channel_type = $1::text and channels.external_id = any($2::text[]);

-- name: find_channel
-- One channel, whatever its state; disabled when its tenant is not served.
select channels.channel_id, channels.tenant_id, channels.channel_type, channels.external_id,
       case when coalesce(tenants.state, 'active') = 'active' then channels.state
            else 'disabled' end as state,
       channels.sealed_credentials, channels.revision, channels.choices
from channels
left join tenants on tenants.tenant_id = channels.tenant_id
where channels.channel_id = $1::uuid;

-- name: keep_items
-- Keep items under their unique keys; tells which are new. The first content of a key stays.
insert into inbound_items as kept
    (channel_id, provider_key, tenant_id, channel_type, address, kind, state, problem, item,
     digest, flags, delivery_id)
select channel_id, provider_key, tenant_id, $2::text, address, kind, state, problem, item,
       sha256(convert_to(item, 'UTF8')), string_to_array(flags, ','), $1::uuid
from unnest($3::uuid[], $4::text[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::text[], $11::text[])
     as said(channel_id, provider_key, tenant_id, address, kind, state, problem, item, flags)
order by channel_id, provider_key
on conflict (channel_id, provider_key) do update set
    copies = kept.copies + 1,
    differing = kept.differing + (kept.digest <> excluded.digest)::int
returning channel_id, provider_key, xmax = 0 as is_new, differing;

-- name: keep_body
-- Keep a whole body that waits, or that a person should see.
insert into kept_bodies
    (delivery_id, reason, address, tenant_id, channel_type, event, problem)
values ($1::uuid, $2::text, $3::text, $4::uuid, $5::text, $6::text, $7::text)
on conflict do nothing;

-- name: claim_body
-- Lock one large body that is due to be fetched, and put it off in case this process dies.
update kept_bodies
set tries = tries + 1,
    due_at = now() + make_interval(secs => least(600, 10 * power(2, least(tries, 6))))
where (delivery_id, reason, address) = (
    select delivery_id, reason, address
    from kept_bodies
    where reason = 'in_blob' and due_at <= now()
    order by due_at
    limit 1
    for update skip locked
)
returning delivery_id, event, tries;

-- name: mark_body_unparsed
-- A large body that could not be fetched or read stays for a person to see.
update kept_bodies
set reason = 'unparsed', problem = $2::text
where delivery_id = $1::uuid and reason = 'in_blob';

-- name: forget_body
-- A kept body was read.
delete from kept_bodies
where delivery_id = $1::uuid and reason = $2::text;

-- name: find_routable
-- Addresses of unrouted bodies, lately heard, that have a served channel by now: exactly those
-- that reading them again would find.
select distinct kept.channel_type, kept.address
from kept_bodies as kept
join channels on channels.channel_type = kept.channel_type
             and channels.external_id = kept.address and channels.state = 'active'
left join tenants on tenants.tenant_id = channels.tenant_id
where kept.reason = 'unrouted' and coalesce(tenants.state, 'active') = 'active'
  and kept.received_at > now() - make_interval(secs => $1::float8);

-- name: take_unrouted
-- Bodies that came to an address before its channel was known, the oldest first; their items of
-- this address are read again from them.
with taken as (
    delete from kept_bodies
    where reason = 'unrouted' and channel_type = $1::text and address = $2::text
      and received_at > now() - make_interval(secs => $3::float8)
    returning delivery_id, event, received_at
), forgotten as (
    delete from inbound_items
    using taken
    where inbound_items.channel_id = '00000000-0000-0000-0000-000000000000'
      and inbound_items.delivery_id = taken.delivery_id
      and inbound_items.address = $2::text
)
select event
from taken
order by received_at;

-- name: raise_ownership
-- Lock a conversation's sends and keep the highest fencing number heard; answers it.
insert into conversations as known (conversation_id, tenant_id, ownership_number)
values ($1::uuid, $2::uuid, $3::bigint)
on conflict (conversation_id) do update set
    ownership_number = greatest(known.ownership_number, excluded.ownership_number)
returning ownership_number;

-- name: provider_ids
-- Provider ids of a send's parts, in order.
select provider_message_id
from sent_parts
where send_id = $1::uuid
order by part;

-- name: trouble_counts
-- What waits: items, bodies and sends; statuses and changes whose message has not come.
select (select count(*) from inbound_items where state = 'unrouted')::bigint as unrouted,
       ((select count(*) from inbound_items where state = 'unparsed')
        + (select count(*) from kept_bodies where reason = 'unparsed'))::bigint as unparsed,
       (select count(*) from sends where state = 'attempting')::bigint as attempting,
       (select count(*) from sends where state = 'planned')::bigint as planned,
       (select count(*) from delivery_statuses where not joined and orphaned_at is null)::bigint
           as early_statuses,
       (select count(*) from delivery_statuses where not joined and orphaned_at is not null)::bigint
           as orphaned_statuses,
       (select count(*) from message_states where not is_known)::bigint as parked_changes;
