-- The search index: which version of a document answers, its passages, vectors and terms.

do $$
begin
    if not exists (select from pg_extension where extname = 'vector') then
        create extension vector;
    end if;
end
$$;

-- What this service uses of a tenant's settings.
create table tenants (
    tenant_id uuid primary key,
    revision bigint not null,
    keyword_weight float8 not null,
    vector_weight float8 not null
);

-- One row a tenant. `revision` rises with every change that a search can see, so that a search
-- made of several statements knows whether they saw the same index.
create table collections (
    tenant_id uuid primary key,
    revision bigint not null default 1,
    passages bigint not null default 0,
    embedding_model text,
    dimensions int
);

-- One row a document ever heard of; its lock orders everything that happens to the document, and
-- `removed_at` keeps batches that come late from bringing it back.
create table documents (
    document_id uuid primary key,
    tenant_id uuid not null,
    first_heard_at timestamptz not null default now(),
    removed_at timestamptz
);

-- `aside` is being stored, `live` answers, `gone` is not seen any more and is cleaned away in
-- pieces: a switch or a removal costs the same for ten passages and for ten thousand.
create table document_versions (
    version_id bigint generated always as identity primary key,
    tenant_id uuid not null,
    document_id uuid not null references documents (document_id) on delete cascade,
    document_version int not null,
    state text not null check (state in ('aside', 'live', 'gone')),
    title text not null,
    language text not null,
    configuration text not null,
    embedding_model text not null,
    dimensions int not null,
    batches int not null,
    passages_total int not null,
    passages int not null default 0,
    terms bigint not null default 0,
    created_at timestamptz not null default now(),
    live_at timestamptz,
    unique (document_id, document_version)
);
create index on document_versions (tenant_id, state);
create unique index on document_versions (document_id) where state = 'live';
create index on document_versions (version_id) where state = 'gone';

create table stored_batches (
    version_id bigint not null references document_versions (version_id) on delete cascade,
    tenant_id uuid not null,
    batch int not null,
    primary key (version_id, batch)
);

create table passages (
    passage_key bigint generated always as identity primary key,
    passage_id uuid not null unique,
    tenant_id uuid not null,
    version_id bigint not null references document_versions (version_id) on delete cascade,
    ordinal int not null,
    text text not null,
    page int,
    heading text,
    start_offset int not null,
    end_offset int not null,
    token_count int not null,
    sha256 text not null
);
create index on passages (version_id);
create index on passages (tenant_id);

-- Apart from the passages' words, so that an exact scan reads vectors and nothing else.
create table vectors (
    passage_key bigint primary key,
    tenant_id uuid not null,
    version_id bigint not null references document_versions (version_id) on delete cascade,
    dimensions int not null,
    embedding halfvec not null
);
alter table vectors alter column embedding set storage plain;
create index on vectors (tenant_id);
create index on vectors (version_id);
create index vectors_near_384 on vectors
    using hnsw ((embedding::halfvec(384)) halfvec_cosine_ops) where dimensions = 384;
create index vectors_near_768 on vectors
    using hnsw ((embedding::halfvec(768)) halfvec_cosine_ops) where dimensions = 768;
create index vectors_near_1024 on vectors
    using hnsw ((embedding::halfvec(1024)) halfvec_cosine_ops) where dimensions = 1024;
create index vectors_near_1536 on vectors
    using hnsw ((embedding::halfvec(1536)) halfvec_cosine_ops) where dimensions = 1536;
create index vectors_near_3072 on vectors
    using hnsw ((embedding::halfvec(3072)) halfvec_cosine_ops) where dimensions = 3072;

-- One row a term of a passage: `frequency` times in a passage of `length` terms. The primary key
-- answers the keyword leg by itself, without a visit to the table.
create table postings (
    tenant_id uuid not null,
    configuration text not null,
    term text not null,
    passage_key bigint not null,
    version_id bigint not null references document_versions (version_id) on delete cascade,
    frequency real not null,
    length real not null,
    primary key (tenant_id, configuration, term, passage_key)
        include (version_id, frequency, length)
);
create index on postings (version_id);

-- The policy asks once a statement and not once a row: a search looks at many rows.
do $$
declare
    table_name text;
begin
    foreach table_name in array array[
        'tenants', 'collections', 'documents', 'document_versions', 'stored_batches',
        'passages', 'vectors', 'postings'
    ] loop
        execute format('alter table %I enable row level security', table_name);
        execute format('alter table %I force row level security', table_name);
        execute format(
            'create policy tenant on %I using ('
            ' tenant_id = (select nullif(current_setting(''chat.tenant'', true), '''')::uuid)'
            ' or (select current_setting(''chat.scope'', true) = ''platform''))', table_name);
    end loop;
end
$$;
