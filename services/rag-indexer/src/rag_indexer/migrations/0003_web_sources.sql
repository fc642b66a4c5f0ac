-- Pages and sitemaps that are kept fresh.

-- `look` counts the looks at a source; `listed_look` is the last one whose pages are all known.
-- `state` says what goes on, `paused` that nothing may. A worker holds a source under a lease.
create table web_sources (
    source_id uuid primary key,
    tenant_id uuid not null,
    url text not null,
    source_kind text not null check (source_kind in ('page', 'sitemap')),
    name text not null,
    include text[] not null,
    exclude text[] not null,
    pages_max int not null,
    refresh_hours int,
    language text,
    tags text[] not null,
    paused boolean not null,
    state text not null default 'waiting' check (
        state in ('waiting', 'fetching', 'idle', 'failing')),
    code text,
    detail text,
    look int not null default 0,
    listed_look int not null default 0,
    found int not null default 0,
    fetched int not null default 0,
    changed int not null default 0,
    failed int not null default 0,
    failures int not null default 0,
    tries int not null default 0,
    lease_epoch bigint not null default 0,
    lease_until timestamptz,
    created_at timestamptz not null default now(),
    looked_at timestamptz,
    next_look_at timestamptz default now(),
    unique (tenant_id, url)
);
create index on web_sources (tenant_id, created_at desc, source_id desc);
create index on web_sources (next_look_at) where not paused;

-- `seen_look` is the look that last listed a page, `fetched_look` the one that last read it.
-- `life` rises when a page comes back after it was gone, for it is another document then.
create table web_pages (
    source_id uuid not null references web_sources (source_id) on delete cascade,
    url text not null,
    tenant_id uuid not null,
    document_id uuid not null unique,
    life int not null default 0,
    state text not null default 'waiting' check (
        state in ('waiting', 'kept', 'excluded', 'gone', 'failed')),
    code text,
    detail text,
    seen_look int not null,
    fetched_look int not null default 0,
    missing int not null default 0,
    etag text,
    last_modified text,
    content_sha256 text,
    text_sha256 text,
    fetched_at timestamptz,
    changed_at timestamptz,
    primary key (source_id, url)
);

-- One request at a time to a site, from whichever process. Of no tenant.
create table web_hosts (
    host text primary key,
    busy_until timestamptz not null,
    free_at timestamptz not null
);
create index on web_hosts (free_at);

do $$
declare
    table_name text;
begin
    foreach table_name in array array['web_sources', 'web_pages'] loop
        execute format('alter table %I enable row level security', table_name);
        execute format('alter table %I force row level security', table_name);
        execute format(
            'create policy tenant on %I using (chat_tenant_visible(tenant_id))', table_name);
    end loop;
end
$$;
