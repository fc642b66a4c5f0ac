-- name: note_kept_page
-- Nothing comes back for a page that was dropped, or kept as it was read later.
insert into fetched_pages (tenant_id, document_id, source_id, kept_at)
values ($1::uuid, $2::uuid, $3::uuid, $4::timestamptz)
on conflict (document_id) do update
set kept_at = excluded.kept_at
where fetched_pages.tenant_id = $1::uuid and fetched_pages.dropped_at is null
    and fetched_pages.kept_at < excluded.kept_at
returning document_id;

-- name: note_dropped_page
-- The page is gone for good, also when it was not kept yet.
insert into fetched_pages (tenant_id, document_id, dropped_at)
values ($1::uuid, $2::uuid, now())
on conflict (document_id) do update
set dropped_at = coalesce(fetched_pages.dropped_at, now())
where fetched_pages.tenant_id = $1::uuid;
