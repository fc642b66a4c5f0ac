-- What was said last of a web page, for words that come late or twice.

-- `kept_at` is when the bytes were read that were kept last; a page that was dropped stays so.
create table fetched_pages (
    tenant_id uuid not null references tenants,
    document_id uuid primary key,
    source_id uuid,
    kept_at timestamptz,
    dropped_at timestamptz
);

alter table fetched_pages enable row level security;
alter table fetched_pages force row level security;
create policy tenant_rows on fetched_pages using (chat_tenant_visible(tenant_id))
    with check (chat_tenant_visible(tenant_id));
