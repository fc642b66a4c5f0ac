-- Versions with bytes of their own, what a tenant chose for a document, vectors that are kept,
-- turns between tenants, and the reindexing of everything.

-- Old rows are filled below; forced row security would hide them from their owner.
set local chat.scope = 'platform';

alter table tenants
    add column chunking jsonb,
    add column quota_passages bigint;

-- What is shown of a document is what its newest version turned out to be. `live_at` is when the
-- index last said which version answers: an older word about it changes nothing.
alter table documents
    add column document_kind text not null default 'file',
    add column source_url text,
    add column declared_type text,
    add column replacement int not null default 0,
    add column work jsonb,
    add column author text,
    add column dated_at text,
    add column headings text[],
    add column tokens bigint,
    add column embedding_model text,
    add column live_at timestamptz;
create index on documents (tenant_id, stage);
create index on documents (updated_at) where stage not in ('ready', 'failed');

-- A version keeps where its bytes are and what it was made of, for a rollback and a reindex.
-- `priority` 0 is what somebody waits for, 1 is the reindexing of everything. `repeats` counts how
-- often its batches were said again because the index stayed silent.
alter table jobs
    add column sha256 text,
    add column file_name text,
    add column size_bytes bigint,
    add column title_given text,
    add column declared_type text,
    add column language_given text,
    add column priority smallint not null default 0,
    add column repeats int not null default 0,
    add column repairs int not null default 0,
    add column said_at timestamptz,
    add column live_at timestamptz,
    add column failed_at timestamptz,
    add column code text,
    add column media_type text,
    add column pages int,
    add column author text,
    add column dated_at text,
    add column headings text[],
    add column tokens bigint,
    add column chunking jsonb,
    add column passages_reused int not null default 0,
    add column cost_usd float8;
create index on jobs (tenant_id, priority, run_after) where state = 'open';
create index on jobs (said_at) where state = 'said';
create index on jobs (tenant_id) where state in ('open', 'said');
create index on jobs (failed_at) where state = 'failed';

update jobs
set sha256 = documents.sha256, file_name = documents.file_name,
    size_bytes = documents.size_bytes, title_given = documents.title,
    language_given = documents.language_given, media_type = documents.media_type,
    pages = documents.pages,
    live_at = case when jobs.document_version = documents.live_version
                   then documents.updated_at end
from documents
where documents.document_id = jobs.document_id;

alter table chunks
    add column parent_start int,
    add column parent_end int;

-- What a tenant chose for a document; it may be heard before the upload is.
create table document_properties (
    tenant_id uuid not null,
    document_id uuid not null,
    revision bigint not null,
    enabled boolean not null,
    expires_at timestamptz,
    tags text[] not null,
    metadata jsonb not null,
    chunking jsonb,
    external_id text,
    document_kind text not null,
    source_url text,
    primary key (tenant_id, document_id)
);

-- Vectors of texts that were embedded before. The tenant is part of the key: nobody learns from
-- a quick answer what somebody else has uploaded.
create table embeddings (
    tenant_id uuid not null,
    embedding_model text not null,
    text_sha256 bytea not null,
    vector bytea not null,
    made_at timestamptz not null default now(),
    used_at timestamptz not null default now(),
    primary key (tenant_id, embedding_model, text_sha256)
);
alter table embeddings alter column vector set storage external;
create index on embeddings (used_at);

-- What vectors have cost, beyond the life of the documents they were made for.
create table embedding_spend (
    tenant_id uuid not null,
    embedding_model text not null,
    texts bigint not null default 0,
    tokens bigint not null default 0,
    cost_usd float8 not null default 0,
    unpriced_texts bigint not null default 0,
    primary key (tenant_id, embedding_model)
);

-- Who was served when: the next job is taken from the tenant that waits longest.
create table tenant_turns (
    tenant_id uuid primary key,
    served_at timestamptz not null
);

-- A tenant's documents are redone a few at a time; `after_id` is the last one that was looked at.
create table reindexings (
    tenant_id uuid primary key,
    reason text not null check (reason in ('asked', 'embedding_model', 'chunking')),
    requested_at timestamptz not null default now(),
    after_id uuid
);

do $$
declare
    table_name text;
begin
    foreach table_name in array array[
        'document_properties', 'embeddings', 'embedding_spend', 'tenant_turns', 'reindexings'
    ] loop
        execute format('alter table %I enable row level security', table_name);
        execute format('alter table %I force row level security', table_name);
        execute format(
            'create policy tenant on %I using (chat_tenant_visible(tenant_id))', table_name);
    end loop;
end
$$;
