-- Files that the provider has from us, by their content and the shape they were uploaded for: used
-- again until its copy is about to die.

create table media_uploads (
    channel_id uuid not null,
    sha256 text not null,
    kind text not null,
    tenant_id uuid not null,
    provider_media_id text not null,
    uploaded_at timestamptz not null default now(),
    expires_at timestamptz not null,
    primary key (channel_id, sha256, kind)
);

alter table media_uploads enable row level security;
alter table media_uploads force row level security;
create policy tenant_rows on media_uploads using (chat_tenant_visible(tenant_id))
    with check (chat_tenant_visible(tenant_id));
