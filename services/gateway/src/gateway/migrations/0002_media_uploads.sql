-- Files that people and visitors want to send: the bytes are in blobs, under their hash.

create table media_uploads (
    tenant_id uuid not null references tenants,
    media_id uuid primary key,
    channel_id uuid,
    visitor_id text,
    kind text not null check (kind in ('image', 'video', 'audio', 'voice', 'document', 'sticker')),
    sha256 text not null,
    mime_type text not null,
    file_name text not null,
    size_bytes bigint not null,
    created_at timestamptz not null default now(),
    -- A visitor's file belongs to one visitor of one channel; a tenant's to neither.
    check ((channel_id is null) = (visitor_id is null))
);

alter table media_uploads enable row level security;
alter table media_uploads force row level security;
create policy tenant_rows on media_uploads using (chat_tenant_visible(tenant_id))
    with check (chat_tenant_visible(tenant_id));

-- The audit log is read page by page.
create index audit_log_newest on audit_log (tenant_id, at desc, audit_id desc);
drop index audit_log_of_tenant;
