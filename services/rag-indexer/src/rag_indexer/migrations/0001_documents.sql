-- Documents, the jobs that make them searchable, and the passages on their way to the index.

-- What this service uses of a tenant's settings.
create table tenants (
    tenant_id uuid primary key,
    revision bigint not null,
    language text not null,
    embedding_model text,
    chunk_tokens int not null,
    chunk_overlap_tokens int not null
);

create table documents (
    document_id uuid primary key,
    tenant_id uuid not null,
    title text not null,
    file_name text not null,
    media_type text,
    size_bytes bigint not null,
    sha256 text not null,
    language_given text,
    language text,
    pages int,
    stage text not null check (
        stage in ('queued', 'reading', 'splitting', 'embedding', 'storing', 'ready', 'failed')),
    percent int not null default 0,
    code text,
    detail text,
    latest_version int not null default 1,
    live_version int not null default 0,
    passages int not null default 0,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index on documents (tenant_id, created_at desc, document_id desc);

-- Keeps an upload that comes late from bringing a removed document back.
create table removed_documents (
    document_id uuid primary key,
    tenant_id uuid not null,
    removed_at timestamptz not null default now()
);

-- One row a document version. `open` is to be worked on by whoever holds the lease; `said` waits
-- for the index; the others are ends. `next_batch` is where an interrupted job goes on.
create table jobs (
    document_id uuid not null references documents (document_id) on delete cascade,
    document_version int not null,
    tenant_id uuid not null,
    state text not null default 'open' check (
        state in ('open', 'said', 'done', 'failed', 'superseded')),
    run_after timestamptz not null default now(),
    lease_epoch bigint not null default 0,
    lease_until timestamptz,
    tries int not null default 0,
    waiting_since timestamptz,
    title text,
    language text,
    embedding_model text,
    dimensions int,
    passages_total int,
    batches int,
    next_batch int not null default 1,
    created_at timestamptz not null default now(),
    primary key (document_id, document_version)
);
create index on jobs (run_after) where state = 'open';

-- Passages of a version, only until the index has them.
create table chunks (
    document_id uuid not null,
    document_version int not null,
    ordinal int not null,
    tenant_id uuid not null,
    batch int not null,
    text text not null,
    page int,
    headings text[] not null,
    start_offset int not null,
    end_offset int not null,
    token_count int not null,
    primary key (document_id, document_version, ordinal),
    foreign key (document_id, document_version)
        references jobs (document_id, document_version) on delete cascade
);
create index on chunks (document_id, document_version, batch);

do $$
declare
    table_name text;
begin
    foreach table_name in array array[
        'tenants', 'documents', 'removed_documents', 'jobs', 'chunks'
    ] loop
        execute format('alter table %I enable row level security', table_name);
        execute format('alter table %I force row level security', table_name);
        execute format(
            'create policy tenant on %I using (chat_tenant_visible(tenant_id))', table_name);
    end loop;
end
$$;
