-- name: meet_accounts
-- Every account of a served channel is asked for its templates.
insert into template_syncs (tenant_id, account_id, sync_at)
select distinct channels.tenant_id, channels.business_account_id,
       now() + $1::float8 * interval '1 second'
from channels
where channels.state = 'active' and channels.channel_type = 'whatsapp'
  and channels.business_account_id is not null
on conflict (tenant_id, account_id) do nothing;

-- name: claim_syncs
-- Accounts that are due, with a channel whose token may ask; for this process until the lease ends.
with mine as (
    select sync.tenant_id, sync.account_id
    from template_syncs sync
    where sync.sync_at <= now()
      and exists (
          select 1 from channels
          where channels.tenant_id = sync.tenant_id and channels.state = 'active'
            and channels.business_account_id = sync.account_id
      )
    order by sync.sync_at
    limit $1::int
    for update of sync skip locked
)
update template_syncs sync set sync_at = now() + $2::float8 * interval '1 second'
from mine
where sync.tenant_id = mine.tenant_id and sync.account_id = mine.account_id
returning sync.tenant_id, sync.account_id, (
    select channels.channel_id from channels
    where channels.tenant_id = sync.tenant_id and channels.state = 'active'
      and channels.business_account_id = sync.account_id
    order by channels.channel_id
    limit 1
) as channel_id;

-- name: want_sync
-- Ask for an account's templates soon.
insert into template_syncs (tenant_id, account_id, sync_at)
values ($1::uuid, $2::text, now() + $3::float8 * interval '1 second')
on conflict (tenant_id, account_id) do update set
    sync_at = least(template_syncs.sync_at, excluded.sync_at);

-- name: lock_sync
-- One writer of an account's copy at a time.
insert into template_syncs as sync (tenant_id, account_id)
values ($1::uuid, $2::text)
on conflict (tenant_id, account_id) do update set account_id = sync.account_id
returning account_id;

-- name: record_sync
-- An account was asked: when again, and what went wrong if something did.
update template_syncs set
    sync_at = now() + $3::float8 * interval '1 second',
    synced_at = case when $4::text is null then now() else synced_at end,
    problem = $4::text
where tenant_id = $1::uuid and account_id = $2::text;

-- name: list_account_templates
-- All templates of an account.
select template_id, channel_id, name, language, category, status, quality, rejected_reason,
       components, places, synced_at
from templates
where tenant_id = $1::uuid and account_id = $2::text;

-- name: list_templates
-- A page of an account's templates by name, language and id, from behind the cursor.
select template_id, channel_id, name, language, category, status, quality, rejected_reason,
       components, places, synced_at
from templates
where tenant_id = $1::uuid and account_id = $2::text
  and ($3::text is null or status = $3::text)
  and ($4::text is null
       or (left(name, 300), language, template_id) > ($4::text, $5::text, $6::text))
order by left(name, 300), language, template_id
limit $7::int;

-- name: find_template
-- One template by its id.
select template_id, channel_id, name, language, category, status, quality, rejected_reason,
       components, places, synced_at
from templates
where tenant_id = $1::uuid and account_id = $2::text and template_id = $3::text
for update;

-- name: find_template_by_name
-- One template by its name and language.
select template_id, channel_id, name, language, category, status, quality, rejected_reason,
       components, places, synced_at
from templates
where tenant_id = $1::uuid and account_id = $2::text and name = $3::text and language = $4::text
order by template_id
limit 1;

-- name: keep_templates
-- What Meta says of templates now.
insert into templates as known
    (tenant_id, account_id, template_id, channel_id, name, language, category, status, quality,
     rejected_reason, components, places, synced_at)
select $1::uuid, $2::text, template_id, channel_id, name, language, category, status, quality,
       rejected_reason, components, coalesce(string_to_array(nullif(places, ''), ' '), '{}'), synced_at
from unnest($3::text[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::text[], $11::text[], $12::text[], $13::timestamptz[])
    as given (template_id, channel_id, name, language, category, status, quality, rejected_reason,
              components, places, synced_at)
on conflict (tenant_id, account_id, template_id) do update set
    channel_id = excluded.channel_id,
    name = excluded.name,
    language = excluded.language,
    category = excluded.category,
    status = excluded.status,
    quality = excluded.quality,
    rejected_reason = excluded.rejected_reason,
    components = excluded.components,
    places = excluded.places,
    synced_at = excluded.synced_at;

-- name: forget_templates
-- Meta has these no more.
delete from templates
where tenant_id = $1::uuid and account_id = $2::text and template_id = any($3::text[]);

-- name: count_template_states
-- How many templates of an account are in each state.
select status, count(*) as count
from templates
where tenant_id = $1::uuid and account_id = $2::text
group by status;
