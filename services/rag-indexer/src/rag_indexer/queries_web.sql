-- name: add_source
-- Nothing is returned when the tenant has this address already.
insert into web_sources
    (source_id, tenant_id, url, source_kind, name, include, exclude, pages_max, refresh_hours,
     language, tags, paused)
values ($1::uuid, $2::uuid, $3::text, $4::text, $5::text, $6::text[], $7::text[], $8::int, $9::int,
        $10::text, $11::text[], $12::boolean)
on conflict do nothing
returning source_id;

-- name: lock_sources
-- One at a time for what a tenant adds.
select pg_advisory_xact_lock(hashtextextended('web sources ' || $1::uuid::text, 0));

-- name: count_sources
-- How many sources a tenant has.
select count(*) from web_sources where tenant_id = $1::uuid;

-- name: find_source_of_url
-- The source of an address.
select source_id from web_sources where tenant_id = $1::uuid and url = $2::text;

-- name: find_source
-- A source as the API shows it.
select source_id, url, source_kind, name, include, exclude, pages_max, refresh_hours, language,
       tags, paused, state, code, detail, found, fetched, changed, failed, created_at, looked_at,
       next_look_at
from web_sources
where tenant_id = $1::uuid and source_id = $2::uuid;

-- name: list_sources
-- A page of sources, the newest first; $2 and $3 are where the page before ended.
select source_id, url, source_kind, name, include, exclude, pages_max, refresh_hours, language,
       tags, paused, state, code, detail, found, fetched, changed, failed, created_at, looked_at,
       next_look_at
from web_sources
where tenant_id = $1::uuid
    and ($2::timestamptz is null or (created_at, source_id) < ($2::timestamptz, $3::uuid))
order by created_at desc, source_id desc
limit $4::int;

-- name: update_source
-- The choices; a source that would now list other pages looks anew, also in the middle of a look.
with earlier as (
    select source_id,
           (include, exclude, pages_max) is distinct from ($4::text[], $5::text[], $6::int)
               as lists_others,
           refresh_hours is distinct from $7::int as has_other_pace
    from web_sources
    where tenant_id = $1::uuid and source_id = $2::uuid
    for update
)
update web_sources
set name = $3::text, include = $4::text[], exclude = $5::text[], pages_max = $6::int,
    refresh_hours = $7::int, language = $8::text, tags = $9::text[], paused = $10::boolean,
    state = case when lists_others then 'waiting' else state end,
    lease_epoch = case when lists_others then lease_epoch + 1 else lease_epoch end,
    lease_until = case when lists_others then null else lease_until end,
    next_look_at = case
        when lists_others then now()
        when has_other_pace and state in ('idle', 'failing')
            then looked_at + make_interval(hours => $7::int)
        else next_look_at
    end
from earlier
where web_sources.source_id = earlier.source_id
returning web_sources.source_id;

-- name: refresh_source
-- Look now; a look that is under way goes on.
update web_sources
set next_look_at = least(next_look_at, now()), failures = 0,
    state = case when state = 'fetching' then state else 'waiting' end
where tenant_id = $1::uuid and source_id = $2::uuid
returning source_id;

-- name: remove_source
-- The source and its pages.
delete from web_sources where tenant_id = $1::uuid and source_id = $2::uuid returning source_id;

-- name: remove_sources
-- All of a tenant.
delete from web_sources where tenant_id = $1::uuid;

-- name: documents_of_source
-- Pages whose documents are there, or on their way.
select document_id from web_pages
where tenant_id = $1::uuid and source_id = $2::uuid
    and text_sha256 is not null and state in ('kept', 'failed');

-- name: list_pages
-- A page of pages by address, after the page of a document; `is_awaited` says that a page's document was not heard of yet.
select web_pages.url, web_pages.document_id, web_pages.state, web_pages.code, web_pages.detail,
       web_pages.fetched_at, web_pages.changed_at,
       web_pages.state = 'kept' and documents.document_id is null as is_awaited,
       web_pages.changed_at < now() - make_interval(secs => $5::float8) as is_overdue
from web_pages
left join documents using (document_id)
where web_pages.tenant_id = $1::uuid and web_pages.source_id = $2::uuid
    and ($3::uuid is null or web_pages.url > (
        select url from web_pages where source_id = $2::uuid and document_id = $3::uuid))
order by web_pages.url
limit $4::int;

-- name: claim_source
-- The source that waits longest, for a lease; a try is counted. A look that was interrupted goes
-- on, another one begins.
update web_sources
set lease_epoch = lease_epoch + 1,
    lease_until = now() + make_interval(secs => $1::float8),
    tries = tries + 1,
    looked_at = case when state = 'fetching' then looked_at else now() end,
    look = case when state = 'fetching' then look else look + 1 end,
    found = case when state = 'fetching' then found else 0 end,
    fetched = case when state = 'fetching' then fetched else 0 end,
    changed = case when state = 'fetching' then changed else 0 end,
    failed = case when state = 'fetching' then failed else 0 end,
    code = case when state = 'fetching' then code end,
    detail = case when state = 'fetching' then detail end,
    state = 'fetching'
where source_id = (
    select source_id
    from web_sources
    where not paused and next_look_at <= now() and (lease_until is null or lease_until < now())
    order by next_look_at
    limit 1
    for update skip locked)
returning source_id, tenant_id, url, source_kind, include, exclude, pages_max, refresh_hours,
          language, tags, look, listed_look, failures, tries, lease_epoch;

-- name: renew_source
-- Nothing is updated when the lease is somebody else's now, or nothing may be fetched.
update web_sources set lease_until = now() + make_interval(secs => $3::float8)
where source_id = $1::uuid and lease_epoch = $2::bigint and state = 'fetching' and not paused
returning true;

-- name: hold_source
-- Inside a transaction: the lease is ours until the commit, or nothing is returned.
select true from web_sources
where source_id = $1::uuid and lease_epoch = $2::bigint and state = 'fetching' and not paused
for update;

-- name: yield_source
-- Let go in the middle: others have their turn first.
update web_sources
set lease_until = null, next_look_at = now() + make_interval(secs => $3::float8),
    tries = case when $4::boolean then 0 else tries end
where source_id = $1::uuid and lease_epoch = $2::bigint and state = 'fetching';

-- name: list_look
-- What this look found: addresses that are new, and those that are there still.
insert into web_pages (source_id, url, tenant_id, document_id, seen_look)
select $1::uuid, url, $2::uuid, document_id, $5::int
from unnest($3::text[], $4::uuid[]) as found (url, document_id)
on conflict (source_id, url) do update set seen_look = excluded.seen_look;

-- name: show_listed
-- The pages of this look are known; what kept it from knowing all of them is its failure.
update web_sources
set listed_look = look, found = $2::int, code = $3::text, detail = $4::text, tries = 0
where source_id = $1::uuid;

-- name: unlisted_pages
-- Pages that the look did not list any more, and that are not gone yet.
select url, document_id, text_sha256 is not null as is_document, state from web_pages
where source_id = $1::uuid and seen_look < $2::int and state in ('waiting', 'kept', 'failed');

-- name: mark_gone
-- They are not there any more.
update web_pages
set state = 'gone', code = null, detail = null, etag = null, last_modified = null,
    content_sha256 = null, text_sha256 = null
where source_id = $1::uuid and url = any($2::text[]);

-- name: next_page
-- The next page of this look that was not read yet.
select web_pages.url, web_pages.document_id, web_pages.life, web_pages.state, web_pages.missing,
       web_pages.etag, web_pages.last_modified, web_pages.content_sha256, web_pages.text_sha256,
       web_pages.content_sha256 is not null and documents.document_id is null
           and web_pages.changed_at < now() - make_interval(secs => $3::float8) as was_not_taken
from web_pages
left join documents using (document_id)
where web_pages.source_id = $1::uuid and web_pages.seen_look = $2::int
    and web_pages.fetched_look < $2::int and web_pages.state <> 'excluded'
order by web_pages.url
limit 1;

-- name: save_page
-- What became of a page in this look.
update web_pages
set document_id = $3::uuid, life = $4::int, state = $5::text, code = $6::text, detail = $7::text,
    fetched_look = $8::int, missing = $9::int, etag = $10::text, last_modified = $11::text,
    content_sha256 = $12::text, text_sha256 = $13::text, fetched_at = now(),
    changed_at = case when $14::boolean then now() else changed_at end
where source_id = $1::uuid and url = $2::text;

-- name: count_page
-- The progress of a look.
update web_sources
set fetched = fetched + 1, changed = changed + $2::int, failed = failed + $3::int, tries = 0
where source_id = $1::uuid;

-- name: look_counts
-- How a look went so far.
select found, fetched, changed, failed, code, detail from web_sources where source_id = $1::uuid;

-- name: end_look
-- The look is over; when the next one begins.
update web_sources
set state = $3::text, code = $4::text, detail = $5::text, failures = $6::int,
    next_look_at = now() + make_interval(secs => $7::float8), lease_until = null, tries = 0
where source_id = $1::uuid and lease_epoch = $2::bigint
returning state;

-- name: exclude_page
-- A person deleted its document: it is not read any more.
update web_pages
set state = 'excluded', code = null, detail = null, etag = null, last_modified = null,
    content_sha256 = null, text_sha256 = null
where tenant_id = $1::uuid and document_id = $2::uuid and state in ('kept', 'failed', 'waiting')
returning url;

-- name: take_host
-- Ours for a while, if nobody else has it and its pause is over.
insert into web_hosts (host, busy_until, free_at)
values ($1::text, now() + make_interval(secs => $2::float8), now())
on conflict (host) do update
set busy_until = now() + make_interval(secs => $2::float8)
where web_hosts.busy_until <= now() and web_hosts.free_at <= now()
returning true;

-- name: host_wait
-- Seconds until the pause of a site is over.
select greatest(extract(epoch from free_at - now()), 0)::float8
from web_hosts
where host = $1::text;

-- name: free_host
-- The next request may come after a pause.
update web_hosts
set busy_until = now(), free_at = now() + make_interval(secs => $2::float8)
where host = $1::text;

-- name: forget_hosts
-- Sites that were not called for long.
delete from web_hosts where free_at < now() - interval '1 day' and busy_until < now();
